package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// BuildPath is where the record of a generation lies, below the root, that was
// staged and kept for a later switch. Its number is not given to another.
const BuildPath = Dir + "/build"

const buildFile = "build.json"

// Build says what was kept, and all that it rests on.
type Build struct {
	Number int             `json:"number"`
	Of     *spec.SavedPlan `json:"of"`
}

// KeepBuild makes the record that waits as generation n the build.
func (s Store) KeepBuild(n int, of *spec.SavedPlan) error {
	pending := filepath.Join(s.Root, PendingPath(n))
	if err := writeJSON(filepath.Join(pending, buildFile), Build{n, of}); err != nil {
		return err
	}
	if err := os.Rename(pending, filepath.Join(s.Root, BuildPath)); err != nil {
		return err
	}
	return errors.Join(system.SyncDir(s.path("generations")), system.SyncDir(s.path()))
}

// Build reads what was kept; nil is nothing.
func (s Store) Build() (*Build, error) {
	data, err := os.ReadFile(filepath.Join(s.Root, BuildPath, buildFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var b Build
	if err == nil {
		err = json.Unmarshal(data, &b)
	}
	if err == nil && (b.Of == nil || b.Of.Plan == nil) {
		err = errors.New("parts of it are missing")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what was built: %w; 'hostctl gc' deletes it", err)
	}
	return &b, nil
}

// TakeBuild makes the build the record that waits for its transaction.
func (s Store) TakeBuild(b *Build) (*Record, error) {
	if err := os.Rename(filepath.Join(s.Root, BuildPath), filepath.Join(s.Root, PendingPath(b.Number))); err != nil {
		return nil, err
	}
	return s.Pending(b.Number)
}

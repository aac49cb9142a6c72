package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

const atBootVersion = 1

// AtBoot is what the next boot does before PID 1 starts. It is one of two
// things: it applies a generation that waits staged, or it leaves one that is
// on trial.
type AtBoot struct {
	Version int       `json:"version"`
	Apply   int       `json:"apply,omitempty"` // the generation to apply; 0 is a trial
	Back    int       `json:"back"`            // the generation that a trial goes back to
	Command string    `json:"command"`
	Time    time.Time `json:"time"`
	// Window is how long a generation waits for 'hostctl confirm' once it
	// runs; 0 waits for a reboot. It is a duration and no time of day,
	// since clocks jump (engine rule 28).
	Window time.Duration `json:"window,omitempty"`
	// Done is when the change was done that is on trial; nil is before this
	// boot.
	Done *Moment `json:"done,omitempty"`
	// Refused is why an earlier boot did not do it.
	Refused string `json:"refused,omitempty"`
}

// Moment is a time of one boot.
type Moment struct {
	Boot      string        `json:"boot"`
	SinceBoot time.Duration `json:"since_boot"`
	Running   time.Duration `json:"running"` // SinceBoot without the time that the machine was suspended
}

// Trial says that the current generation is on trial.
func (n *AtBoot) Trial() bool { return n != nil && n.Apply == 0 }

// Waits says that a staged generation waits for the next boot.
func (n *AtBoot) Waits() bool { return n != nil && n.Apply != 0 && n.Refused == "" }

// atBootPath lies on the root file system, whatever else is mounted.
func (s Store) atBootPath() string { return filepath.Join(s.Root, node.AreaName, "at-boot") }

// AtBoot reads what the next boot does; nil is nothing.
func (s Store) AtBoot() (*AtBoot, error) {
	b, err := os.ReadFile(s.atBootPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var n AtBoot
	if err := json.Unmarshal(b, &n); err != nil {
		return nil, fmt.Errorf("cannot read %s, which says what the next boot does: %w", s.atBootPath(), err)
	}
	if n.Version != atBootVersion {
		return nil, fmt.Errorf("cannot read %s: its version is %d, this hostctl knows %d", s.atBootPath(), n.Version, atBootVersion)
	}
	return &n, nil
}

// SetAtBoot says durably what the next boot does; nil is nothing.
func (s Store) SetAtBoot(n *AtBoot) error {
	if n == nil {
		if err := os.Remove(s.atBootPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return system.SyncDir(filepath.Dir(s.atBootPath()))
	}
	n.Version = atBootVersion
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.atBootPath()), 0o700); err != nil {
		return err
	}
	return system.WriteFile(s.atBootPath(), b, 0o600, 0, 0)
}

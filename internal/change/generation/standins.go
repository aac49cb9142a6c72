package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// StandIns are the nodes that were made again, oldest first.
func (s Store) StandIns() ([]node.StandIn, error) {
	var out []node.StandIn
	b, err := os.ReadFile(s.standInPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which files were made again: %w", err)
	}
	return out, nil
}

// KeepStandIns adds some.
func (s Store) KeepStandIns(more []node.StandIn) error {
	all, err := s.StandIns()
	if err != nil || len(more) == 0 {
		return err
	}
	return s.writeStandIns(append(all, more...))
}

// PruneStandIns forgets nodes that were made again for records that are gone.
func (s Store) PruneStandIns(named map[uint64]bool) error {
	all, err := s.StandIns()
	left := node.StillMeant(all, named)
	if err != nil || len(left) == len(all) {
		return err
	}
	return s.writeStandIns(left)
}

func (s Store) writeStandIns(all []node.StandIn) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return system.WriteFile(s.standInPath(), b, 0o600, os.Getuid(), os.Getgid())
}

func (s Store) standInPath() string {
	return filepath.Join(s.Root, Dir, "standins.json")
}

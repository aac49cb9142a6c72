package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"golang.org/x/sys/unix"
)

// replacedDir is the folder of a generation's record that keeps what somebody
// had changed by hand, under the paths where it stood.
const replacedDir = "replaced"

// keepReplaced copies the files that somebody changed by hand since the current
// generation, and that a switch replaces, into the record that is about to be
// published. A rollback has them, too; this is for people who look for them.
func (m *Machine) keepReplaced(rec *generation.Record) error {
	p, err := m.plan(m.prev, m.locked)
	if err != nil {
		return err
	}
	tree, err := system.OpenTree(m.Root)
	if err != nil {
		return err
	}
	defer tree.Close()
	changed := map[string]bool{}
	for _, c := range p.Changes {
		switch {
		case c.Action != spec.Update:
		case c.ID.Kind == spec.KindFile:
			at, err := tree.Canonical(c.ID.Name)
			if err == nil { // nothing was replaced behind a link that is not followed
				changed[at] = true
			}
		case c.ID.Kind == spec.KindUnit:
			for _, path := range managedPaths(&spec.Host{Units: map[string]spec.Unit{c.ID.Name: m.prev.Units[c.ID.Name]}}) {
				changed[path] = true
			}
		}
	}
	var kept []string
	for _, e := range rec.Changeset.Entries {
		if !changed[e.Path] || e.Before == nil || e.Before.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if e.Before.Size > node.MaxKept {
			continue // a rollback has it all the same
		}
		to := filepath.Join(m.Root, generation.PendingPath(rec.Meta.Number), replacedDir, e.Path)
		if err := m.copyAside(e.Path, to, e.Before.Attr); err != nil {
			return fmt.Errorf("cannot keep %s, which was changed by hand: %w", e.Path, err)
		}
		kept = append(kept, e.Path)
	}
	m.sayPaths("changed by hand since it was written; what it holds now is kept in "+filepath.Join(generation.Path(rec.Meta.Number), replacedDir), kept)
	return nil
}

func (m *Machine) copyAside(path, to string, attr node.Attr) error {
	data, err := node.Place{Path: path}.Read(m.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	return node.SetAttr(to, attr)
}

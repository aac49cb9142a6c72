// Package transaction holds the steps that take a root from one generation to
// another, along changesets.
//
// A node that goes in and the node that comes out change places in one
// rename(2) call, so that every path is old or new at any moment, and the
// node that came out, its inode intact, is the undo.
package transaction

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Tx is one transaction: the whole of what recovery needs to finish or undo
// it.
type Tx struct {
	ID      string            `json:"id"`
	Machine string            `json:"machine"` // machine-id: a cloned disk does not replay a foreign journal
	Why     string            `json:"why"`     // the command, for messages
	From    int               `json:"from"`
	To      int               `json:"to"`
	Mounts  []changeset.Mount `json:"mounts"` // the file systems that it needs
	Publish []Publish         `json:"publish"`
	Drift   []string          `json:"drift,omitempty"`   // live paths that somebody else had changed; kept aside
	Left    []string          `json:"left,omitempty"`    // paths that stay as others than root have left what leads there
	Discard []string          `json:"discard,omitempty"` // paths to delete when it is given up before the marker
	Steps   []Step            `json:"-"`                 // a record each
	Clean   []Step            `json:"-"`                 // forward only, after everything is durable; a record each

	areas []string     // of the mounts, as far as they were looked up
	tree  *system.Tree // of the root, once it was looked up
}

// Publish makes a result visible when every step is durable: a rename of Path
// to Dest or, with Link set, the symbolic link Path -> Link, replaced
// atomically. Paths are below the root.
type Publish struct {
	Path   string `json:"path"`
	Dest   string `json:"dest,omitempty"`
	Link   string `json:"link,omitempty"`
	Before string `json:"before,omitempty"` // what the link was; "" is none
}

// Inverse gives the link its old target back. Renames are not undone: what
// they published is in Tx.Discard.
func (p Publish) Inverse() Publish {
	p.Link, p.Before = p.Before, p.Link
	return p
}

// Touched lists the live paths whose node the transaction makes, exchanges or
// takes away.
func (tx *Tx) Touched() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == Swap || s.Do == Copies {
			out = append(out, s.Path)
		}
	}
	return out
}

// Gone lists the paths of those at which nothing stands afterwards.
func (tx *Tx) Gone() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == Swap && s.Goes() && !s.Comes() || s.Do == Copies && s.New == nil {
			out = append(out, s.Path)
		}
	}
	return out
}

// Came lists the paths of those at which nothing stood before.
func (tx *Tx) Came() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == Swap && s.Comes() && !s.Goes() || s.Do == Copies && s.Old == nil {
			out = append(out, s.Path)
		}
	}
	return out
}

// Taken lists the live files below a folder that the transaction takes away, and
// where they are when it has.
func (tx *Tx) Taken(folder string) map[string]string {
	out := map[string]string{}
	for _, s := range tx.Steps {
		if !strings.HasPrefix(s.Path, folder+"/") {
			continue
		}
		area := filepath.Join(tx.Mounts[s.FS].Point, node.AreaName)
		switch _, goes := out[s.Path]; {
		case s.Do == Swap && s.Goes() && !s.Comes():
			out[s.Path] = filepath.Join(area, s.Slot)
		case s.Do == Keep && goes: // somebody had changed it
			out[s.Path] = filepath.Join(area, s.Dest)
		}
	}
	return out
}

// LetGo closes what Hold holds open.
func (tx *Tx) LetGo() {
	if tx.tree != nil {
		tx.tree.Close()
		tx.tree = nil
	}
}

// Area is where the slots of one of the mounts are, below root. Where there is no
// area on it, the bytes lie in that of the root.
func (tx *Tx) Area(root string, mount int) string {
	if len(tx.areas) <= mount {
		tx.areas = make([]string, len(tx.Mounts))
	}
	if tx.areas[mount] == "" || tx.areas[mount] == node.NoArea {
		point := tx.Mounts[mount].Point
		if tx.Mounts[mount].Copies {
			point = "/"
		}
		tx.areas[mount] = node.In(root, point)
	}
	return tx.areas[mount]
}

// Hold is the root, held open until LetGo.
func (tx *Tx) Hold(root string) (tree *system.Tree, err error) {
	if tx.tree == nil {
		tx.tree, err = system.OpenTree(root)
	}
	return tx.tree, err
}

// Private is the folder of nodes that serve this transaction alone, below
// the area of each of its mounts.
func (tx *Tx) Private() string { return filepath.Join("tx", tx.ID) }

// Valid refuses a transaction whose paths lead out of the root or of
// hostctl's areas, or whose steps lack what they need.
func (tx *Tx) Valid() error {
	if tx.ID == "" || !filepath.IsLocal(tx.ID) || filepath.Base(tx.ID) != tx.ID {
		return fmt.Errorf("its id %q cannot be a file name", tx.ID)
	}
	var errs []error
	for _, m := range tx.Mounts {
		if !node.Absolute(m.Point) {
			errs = append(errs, fmt.Errorf("mount point %q is not a clean absolute path", m.Point))
		}
	}
	for _, p := range tx.Publish {
		if !node.Absolute(p.Path) || (p.Link == "") == (p.Dest == "") || p.Dest != "" && !node.Absolute(p.Dest) {
			errs = append(errs, fmt.Errorf("it publishes %q in no known way", p.Path))
		}
	}
	for _, d := range tx.Discard {
		if filepath.Join("/", d) == "/" {
			errs = append(errs, fmt.Errorf("it would discard %q", d))
		}
	}
	for _, steps := range [][]Step{tx.Steps, tx.Clean} {
		for i, s := range steps {
			if err := s.Valid(len(tx.Mounts)); err != nil {
				errs = append(errs, fmt.Errorf("step %d: %w", i, err))
			}
		}
	}
	return errors.Join(errs...)
}

// Need is what a transaction takes on one file system until it is done.
type Need struct{ Steps, Spares int64 }

// Needs are those of the transaction's mounts.
func (tx *Tx) Needs() []Need {
	out := make([]Need, len(tx.Mounts))
	for _, s := range tx.Steps {
		out[s.FS].Steps++
		if s.Do == Mkdir {
			out[s.FS].Spares++
		}
	}
	return out
}

// JoinSome joins errors, and only counts those that would fill the screen.
func JoinSome(errs []error) error {
	var some []error
	more := 0
	for _, err := range errs {
		switch {
		case err == nil:
		case len(some) < maxShown:
			some = append(some, err)
		default:
			more++
		}
	}
	if more > 0 {
		some = append(some, fmt.Errorf("and %d more", more))
	}
	return errors.Join(some...)
}

// maxShown is how many reasons of one kind an error lists.
const maxShown = 20

package commit

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Tx is one transaction: the whole of what recovery needs to finish or undo
// it.
type Tx struct {
	ID      string    `json:"id"`
	Machine string    `json:"machine"` // machine-id: a cloned disk does not replay a foreign journal
	Why     string    `json:"why"`     // the command, for messages
	From    int       `json:"from"`
	To      int       `json:"to"`
	Mounts  []Mount   `json:"mounts"` // the file systems that it needs
	Publish []Publish `json:"publish"`
	Drift   []string  `json:"drift,omitempty"`   // live paths that somebody else had changed; kept aside
	Left    []string  `json:"left,omitempty"`    // paths that stay as others than root have left what leads there
	Discard []string  `json:"discard,omitempty"` // paths to delete when it is given up before the marker
	Steps   []Step    `json:"-"`                 // a record each
	Clean   []Step    `json:"-"`                 // forward only, after everything is durable; a record each

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

// inverse gives the link its old target back. Renames are not undone: what
// they published is in Tx.Discard.
func (p Publish) inverse() Publish {
	p.Link, p.Before = p.Before, p.Link
	return p
}

// Touched lists the live paths whose node the transaction makes, exchanges or
// takes away.
func (tx *Tx) Touched() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == swap || s.Do == copies {
			out = append(out, s.Path)
		}
	}
	return out
}

// Gone lists the paths of those at which nothing stands afterwards.
func (tx *Tx) Gone() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == swap && s.goes() && !s.comes() || s.Do == copies && s.New == nil {
			out = append(out, s.Path)
		}
	}
	return out
}

// Came lists the paths of those at which nothing stood before.
func (tx *Tx) Came() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == swap && s.comes() && !s.goes() || s.Do == copies && s.Old == nil {
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
		area := filepath.Join(tx.Mounts[s.FS].Point, AreaName)
		switch _, goes := out[s.Path]; {
		case s.Do == swap && s.goes() && !s.comes():
			out[s.Path] = filepath.Join(area, s.Slot)
		case s.Do == keep && goes: // somebody had changed it
			out[s.Path] = filepath.Join(area, s.Dest)
		}
	}
	return out
}

// letGo closes what was held open for the steps.
func (tx *Tx) letGo() {
	if tx.tree != nil {
		tx.tree.Close()
		tx.tree = nil
	}
}

// private is the folder of nodes that serve this transaction alone, below
// the area of each of its mounts.
func (tx *Tx) private() string { return filepath.Join("tx", tx.ID) }

// valid refuses a transaction whose paths lead out of the root or of
// hostctl's areas, or whose steps lack what they need.
func (tx *Tx) valid() error {
	if tx.ID == "" || !filepath.IsLocal(tx.ID) || filepath.Base(tx.ID) != tx.ID {
		return fmt.Errorf("its id %q cannot be a file name", tx.ID)
	}
	var errs []error
	for _, m := range tx.Mounts {
		if !absolute(m.Point) {
			errs = append(errs, fmt.Errorf("mount point %q is not a clean absolute path", m.Point))
		}
	}
	for _, p := range tx.Publish {
		if !absolute(p.Path) || (p.Link == "") == (p.Dest == "") || p.Dest != "" && !absolute(p.Dest) {
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
			if err := s.valid(len(tx.Mounts)); err != nil {
				errs = append(errs, fmt.Errorf("step %d: %w", i, err))
			}
		}
	}
	return errors.Join(errs...)
}

// absolute reports whether path is absolute, clean, and free of NUL.
func absolute(path string) bool {
	for i := range len(path) {
		if path[i] == 0 {
			return false
		}
	}
	return filepath.IsAbs(path) && filepath.Clean(path) == path
}

// slotName reports whether path can be a slot below an area.
func slotName(path string) bool {
	return path != "." && filepath.IsLocal(path) && absolute("/"+path)
}

// Package changeset says which paths differ between a generation and its parent:
// the edge that a switch goes forward along, and a rollback back.
package changeset

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/node"
)

// changesetVersion is of the JSON form; a reader refuses any other.
const changesetVersion = 1

// Mount is one file system that a changeset touches.
type Mount struct {
	Point string `json:"point"` // where it is mounted, below the root
	FSID  string `json:"fsid"`  // as FSID tells it
	// Copies says that its files are changed by copies, since the file system
	// has no room for an area; their nodes say where their bytes wait.
	Copies bool `json:"copies,omitempty"`
}

// Entry is one path that differs between a generation and its parent. A nil
// Before was created, a nil After removed. An entry without a slot changes
// metadata only, or is a folder that is made or removed.
type Entry struct {
	Path   string     `json:"path"`
	FS     int        `json:"fs"` // index into Changeset.Mounts
	Class  node.Class `json:"class"`
	Slot   string     `json:"slot,omitempty"` // where the node of the other side waits, below the area
	Before *node.Node `json:"before,omitempty"`
	After  *node.Node `json:"after,omitempty"`
}

// FolderTime is a folder in which names come and go, and its modification
// time on either side.
type FolderTime struct {
	Path   string `json:"path"`
	Before int64  `json:"before"`
	After  int64  `json:"after"`
}

// Changeset is the edge between a generation and its parent. It is applied
// when the generation, or one that descends from it, is current; the slots
// then hold what was there before, otherwise what would come.
type Changeset struct {
	Version    int          `json:"version"`
	Generation int          `json:"generation"`
	Mounts     []Mount      `json:"mounts"`
	Entries    []Entry      `json:"entries"` // sorted by path
	Folders    []FolderTime `json:"folders,omitempty"`
	Kept       []string     `json:"kept,omitempty"` // state paths that the stage would have replaced, left as they are
}

// New returns the empty changeset of a generation.
func New(generation int) *Changeset {
	return &Changeset{Version: changesetVersion, Generation: generation}
}

// Read parses a stored changeset.
func Read(b []byte) (*Changeset, error) {
	var c Changeset
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("cannot read changeset: %w", err)
	}
	if c.Version != changesetVersion {
		return nil, fmt.Errorf("cannot read changeset: its version is %d, this hostctl knows %d", c.Version, changesetVersion)
	}
	for _, m := range c.Mounts {
		if !node.Absolute(m.Point) {
			return nil, fmt.Errorf("cannot read changeset: mount point %q is out of bounds", m.Point)
		}
	}
	for _, e := range c.Entries {
		if e.FS < 0 || e.FS >= len(c.Mounts) || !node.Absolute(e.Path) || e.Slot != "" && !node.SlotName(e.Slot) || e.Before == nil && e.After == nil ||
			!c.Mounts[e.FS].Places(e.Before) || !c.Mounts[e.FS].Places(e.After) {
			return nil, fmt.Errorf("cannot read changeset: entry %q is out of bounds", e.Path)
		}
	}
	for _, f := range c.Folders {
		if !node.Absolute(f.Path) {
			return nil, fmt.Errorf("cannot read changeset: folder %q is out of bounds", f.Path)
		}
	}
	return &c, nil
}

// StatePaths lists the state paths that the changeset created.
func (c *Changeset) StatePaths() []string {
	var out []string
	for _, e := range c.Entries {
		if e.Class == node.State && e.Before == nil {
			out = append(out, e.Path)
		}
	}
	return out
}

// Changed lists the mounts on which the changeset has something to do: a stage
// records what it has seen.
func (c *Changeset) Changed() []Mount {
	used := make([]bool, len(c.Mounts))
	for _, e := range c.Entries {
		used[e.FS] = true
	}
	var out []Mount
	for i, m := range c.Mounts {
		if used[i] {
			out = append(out, m)
		}
	}
	return out
}

// Order returns the entries in the order in which they go forward: first
// what stands below a folder that turns into something else, deepest first;
// then everything that appears or changes, parents first; last what goes,
// deepest first. Backward is the reverse.
func (c *Changeset) Order() []Entry {
	turned := map[string]bool{}
	for _, e := range c.Entries {
		if e.Before.IsDir() && e.After != nil && !e.After.IsDir() {
			turned[e.Path] = true
		}
	}
	below := func(p string) bool {
		for d := filepath.Dir(p); d != "/" && d != "."; d = filepath.Dir(d) {
			if turned[d] {
				return true
			}
		}
		return false
	}
	rank := func(e Entry) int {
		switch {
		case e.After != nil:
			return 1
		case len(turned) > 0 && below(e.Path):
			return 0
		default:
			return 2
		}
	}
	out := append([]Entry{}, c.Entries...)
	sort.SliceStable(out, func(i, j int) bool {
		ri, rj := rank(out[i]), rank(out[j])
		if ri != rj {
			return ri < rj
		}
		if ri == 1 {
			return out[i].Path < out[j].Path
		}
		return out[i].Path > out[j].Path
	})
	return out
}

// MountOf finds the index of the mount that holds path, adding none.
func (c *Changeset) MountOf(path string) (int, bool) {
	best, found := -1, false
	for i, m := range c.Mounts {
		if (path == m.Point || strings.HasPrefix(path, strings.TrimSuffix(m.Point, "/")+"/")) &&
			(!found || len(m.Point) > len(c.Mounts[best].Point)) {
			best, found = i, true
		}
	}
	return best, found
}

// Places reports whether a node has a place for its bytes where it needs one.
func (m Mount) Places(n *node.Node) bool {
	return !m.Copies || n == nil || n.IsDir() || node.SlotName(n.Copy)
}

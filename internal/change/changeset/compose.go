package changeset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/hostctl/hostctl/internal/change/node"
)

// Mend is what has to be done to a slot before a composed changeset may use
// it. It can be repeated.
type Mend struct {
	Point  string    `json:"point"` // mount point, below the root
	Slot   string    `json:"slot"`  // below the area
	Attr   node.Attr `json:"attr"`
	Folder bool      `json:"folder,omitempty"` // the slot is to hold an empty folder
}

// Run does it. A slot that is empty stays so: what its node was is made again
// from its bytes, if it can be.
func (m Mend) Run(root string) error {
	path := node.In(root, m.Point, m.Slot)
	if m.Folder {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if ok, err := node.Exists(path); !ok {
		return err
	}
	return node.SetAttr(path, m.Attr)
}

// Then is the one edge that stands for c and, after it, next, and what has to
// be done to slots for it. Applied says whether both are: their slots then
// hold what was before, otherwise what would come.
//
// State paths are left out: no way between two generations ever moves them.
func (c *Changeset) Then(next *Changeset, applied bool) (*Changeset, []Mend, error) {
	j := joiner{first: c, second: next, applied: applied, out: New(next.Generation)}
	j.out.Mounts = append(j.out.Mounts, next.Mounts...)
	j.folders()
	if err := j.entries(); err != nil {
		return nil, nil, err
	}
	return j.out, j.mends, nil
}

// joiner composes two changesets.
type joiner struct {
	first, second *Changeset
	applied       bool
	out           *Changeset
	mends         []Mend
	fresh         int
}

func (j *joiner) entries() error {
	later := map[string]Entry{}
	for _, e := range j.second.Entries {
		if e.Class != node.State {
			later[e.Path] = e
		}
	}
	var errs []error
	for _, e := range j.first.Entries {
		if e.Class == node.State {
			continue
		}
		fs, err := j.mount(j.first.Mounts[e.FS])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Path, err))
			continue
		}
		e.FS = fs
		if f, both := later[e.Path]; both {
			if f.FS != fs {
				errs = append(errs, fmt.Errorf("%s lies on another file system since generation %d", e.Path, j.second.Generation))
			}
			j.join(e, f)
			delete(later, e.Path)
			continue
		}
		j.out.Entries = append(j.out.Entries, e)
	}
	for _, e := range later {
		j.out.Entries = append(j.out.Entries, e)
	}
	sort.Slice(j.out.Entries, func(a, b int) bool { return j.out.Entries[a].Path < j.out.Entries[b].Path })
	return errors.Join(errs...)
}

// mount is the index in the result of a mount of the first changeset.
func (j *joiner) mount(m Mount) (int, error) {
	for i, have := range j.out.Mounts {
		if have.Point == m.Point {
			if have.FSID != m.FSID {
				return 0, fmt.Errorf("another file system is mounted on %s since generation %d", m.Point, j.second.Generation)
			}
			return i, nil
		}
	}
	j.out.Mounts = append(j.out.Mounts, m)
	return len(j.out.Mounts) - 1, nil
}

// join composes two entries of one path.
func (j *joiner) join(e, f Entry) {
	before, after := e.Before, f.After
	if j.out.Mounts[f.FS].Copies { // each side has a place of its own
		if before != nil || after != nil {
			j.out.Entries = append(j.out.Entries, Entry{Path: e.Path, FS: f.FS, Class: f.Class, Before: before, After: after})
		}
		return
	}
	if e.Slot == "" && node.IsLeaf(before) { // only metadata: it is the node that f took
		before = f.Before.With(before.Attr)
	}
	if f.Slot == "" && node.IsLeaf(after) {
		after = e.After.With(after.Attr)
	}
	if before == nil && after == nil {
		return
	}
	out := Entry{Path: e.Path, FS: f.FS, Class: f.Class, Before: before, After: after}
	switch {
	case !node.IsLeaf(before) && !node.IsLeaf(after): // folders have no slots
	case node.IsLeaf(before) && node.IsLeaf(after) && e.Slot == "" && f.Slot == "":
	case j.applied:
		out.Slot = j.slot(before, e, f, out)
	default:
		out.Slot = j.slot(after, f, e, out)
	}
	j.out.Entries = append(j.out.Entries, out)
}

// slot is where the node waits that is not live: in the slot of the nearer
// edge or, where that one only set metadata, of the other. For nothing, and
// for a folder, that had no slot there is a new one.
func (j *joiner) slot(waits *node.Node, nearer, other, out Entry) string {
	point := j.out.Mounts[out.FS].Point
	switch {
	case nearer.Slot != "":
		return nearer.Slot
	case node.IsLeaf(waits):
		j.mends = append(j.mends, Mend{Point: point, Slot: other.Slot, Attr: waits.Attr})
		return other.Slot
	}
	j.fresh++
	slot := filepath.Join("gen", fmt.Sprint(j.second.Generation), fmt.Sprintf("after-%d-%d", j.first.Generation, j.fresh))
	if waits.IsDir() {
		j.mends = append(j.mends, Mend{Point: point, Slot: slot, Attr: waits.Attr, Folder: true})
	}
	return slot
}

// folders joins the times of folders.
func (j *joiner) folders() {
	times := map[string]FolderTime{}
	for _, f := range j.first.Folders {
		times[f.Path] = f
	}
	for _, f := range j.second.Folders {
		if earlier, ok := times[f.Path]; ok {
			f.Before = earlier.Before
		}
		times[f.Path] = f
	}
	for _, f := range times {
		j.out.Folders = append(j.out.Folders, f)
	}
	sort.Slice(j.out.Folders, func(a, b int) bool { return j.out.Folders[a].Path < j.out.Folders[b].Path })
	j.out.Kept = append(append(j.out.Kept, j.first.Kept...), j.second.Kept...)
}

package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// builder compares the staged root with the live one, path by path of the
// upper layers, while both are mounted. Whatever overlayfs leaves incomplete
// in an upper layer (metadata-only copies, redirected folders, half of a
// group of hard links) is read from the merged view (engine rules 4, 10, 23).
type builder struct {
	job    *childJob
	tree   *system.Tree // the live root
	merged string       // the staged one
	was    *snapshot
	copies map[string]copied // by path: the files of mounts that are changed by copies
	policy bool              // usr/sbin/policy-rc.d was made by the stage itself

	set     *changeset.Changeset
	class   *classifier
	mount   mount
	area    string // of its slots
	layer   string // its upper one
	ahead   map[string]nodes
	fs      int
	moves   []move                // upper nodes to take into their slots once nothing is mounted
	config  map[string]node.Place // where config files can be read, by digest
	folders map[string]bool       // whose names change
	links   map[uint64]*group     // live inodes with more than one name that the stage touched
	copied  map[uint64]string     // inodes of the merged view that were copied, and where to
	slots   int
	shelf   string   // the folder of the last one
	changed []string // live paths that changed while the stage was built
}

// group is a set of hard links that the stage copied up by one of its names.
type group struct {
	first changeset.Entry
	path  string // of the node in its slot, or of the live node when only metadata changes
}

func (b *builder) build() error {
	b.set = changeset.New(b.job.Generation)
	b.config, b.folders = map[string]node.Place{}, map[string]bool{}
	class, err := newClassifier(b.was, system.Root(b.merged), b.job.Managed)
	if err != nil {
		return err
	}
	b.class = class
	for _, m := range b.job.Mounts {
		var err error
		switch {
		case m.Copies:
			err = b.copyMount(m)
		case m.Overlay:
			err = b.buildMount(m)
		}
		if err != nil {
			return err
		}
	}
	if len(b.changed) > 0 {
		slices.Sort(b.changed)
		return fmt.Errorf("cannot commit: these paths changed while the stage was built, so the stage is out of date; run the command again:\n  %s",
			strings.Join(slices.Compact(b.changed), "\n  "))
	}
	if err := unwritable(b.set); err != nil {
		return err
	}
	if err := b.folderTimes(); err != nil {
		return err
	}
	sort.Slice(b.set.Entries, func(i, j int) bool { return b.set.Entries[i].Path < b.set.Entries[j].Path })
	return nil
}

// unwritable refuses names that a record, which is JSON, cannot hold. Debian's
// packages have none (policy 10.10).
func unwritable(set *changeset.Changeset) error {
	var errs []error
	for _, e := range set.Entries {
		if !utf8.ValidString(e.Path) {
			errs = append(errs, fmt.Errorf("cannot record %q: its name is not UTF-8", e.Path))
		}
	}
	return errors.Join(errs...)
}

func (b *builder) buildMount(m mount) error {
	id, err := node.FSID(filepath.Join(b.job.Root, m.Point))
	if err != nil {
		return err
	}
	b.mount, b.fs = m, len(b.set.Mounts)
	b.area, b.layer = node.In(b.job.Root, m.Point, Area(b.job.Generation)), filepath.Join(m.stage(b.job.Root), "upper")
	b.set.Mounts = append(b.set.Mounts, changeset.Mount{Point: m.Point, FSID: id})
	b.links, b.copied = map[uint64]*group{}, map[uint64]string{}
	if err := os.MkdirAll(b.slotPath(""), 0o700); err != nil {
		return err
	}
	if err := b.lookAhead(); err != nil {
		return err
	}
	if err := b.folder(m.Point); err != nil {
		return err
	}
	return b.otherNames()
}

func (b *builder) live(path string) string { return filepath.Join(b.job.Root, path) }
func (b *builder) view(path string) string { return filepath.Join(b.merged, path) }
func (b *builder) upper(path string) string {
	rel, _ := filepath.Rel(b.mount.Point, path)
	return filepath.Join(b.layer, rel)
}

// each visits the children of a folder of one of the trees, with what is
// live at their paths.
func (b *builder) each(path string, tree func(string) string, visit func(child string, live *node.Node) error) error {
	entries, err := os.ReadDir(tree(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		child := filepath.Join(path, e.Name())
		live, err := b.liveNode(child)
		if err != nil {
			return err
		}
		if err := visit(child, live); err != nil {
			return err
		}
	}
	return nil
}

// folder compares one folder of the upper layer with the live one.
func (b *builder) folder(path string) error { return b.each(path, b.upper, b.node) }

// node compares one path that the upper layer holds.
func (b *builder) node(path string, live *node.Node) error {
	raw, staged := b.ahead[path].raw, b.ahead[path].staged
	if volatile(path, live != nil) || (b.policy && path == "/"+policyPath) {
		return nil
	}
	if whiteout(b.upper(path), raw) {
		return b.remove(path, live)
	}
	if staged == nil {
		return fmt.Errorf("internal error: %s is in the upper layer and not in the stage", path)
	}
	switch staged.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if err := b.dir(path, live, staged); err != nil {
			return err
		}
		return b.children(path, live)
	case unix.S_IFREG, unix.S_IFLNK:
		return b.leaf(path, raw, live, staged)
	}
	return nil // sockets, fifos and devices belong to whoever runs (engine rule 24)
}

// dir compares a folder of the stage with what is live there.
func (b *builder) dir(path string, live, staged *node.Node) error {
	class := b.class.class(path)
	switch {
	case live == nil:
		b.add(changeset.Entry{Path: path, Class: class, After: staged})
	case !live.IsDir():
		slot, err := b.newSlot()
		if err != nil {
			return err
		}
		if err := os.Mkdir(b.slotPath(slot), 0o700); err != nil {
			return err
		}
		if err := node.SetAttr(b.slotPath(slot), staged.Attr); err != nil {
			return err
		}
		if err := b.exchange(changeset.Entry{Path: path, Class: class, Slot: slot, Before: live, After: staged}); err != nil {
			return err
		}
	case !sameMeta(live, staged, false):
		if class == node.State {
			b.set.Kept = append(b.set.Kept, path)
		} else {
			b.add(changeset.Entry{Path: path, Class: class, Before: live, After: staged})
		}
	}
	return nil
}

// children goes through a folder. One that was renamed or replaced as a whole
// (a redirect or an opaque folder) is compared by what the merged view shows,
// any other by what the upper layer holds.
func (b *builder) children(path string, live *node.Node) error {
	redirect, err := node.Xattr(b.upper(path), "trusted.overlay.redirect")
	if err != nil {
		return err
	}
	opaque, err := node.Xattr(b.upper(path), "trusted.overlay.opaque")
	if err != nil {
		return err
	}
	if redirect != nil {
		return b.imported(path, live)
	}
	if live.IsDir() && string(opaque) == "y" {
		if err := b.removeMissing(path); err != nil {
			return err
		}
	}
	return b.folder(path)
}

// removeMissing removes live children that the merged view does not show.
func (b *builder) removeMissing(path string) error {
	return b.each(path, b.live, func(child string, live *node.Node) error {
		if staged, err := node.Lstat(b.view(child)); err != nil || staged != nil {
			return err
		}
		return b.remove(child, live)
	})
}

// imported takes a redirected folder out of the merged view with all that is
// in it: its bytes lie elsewhere in the layers.
func (b *builder) imported(path string, live *node.Node) error {
	if live.IsDir() {
		if err := b.removeMissing(path); err != nil {
			return err
		}
	}
	return b.each(path, b.view, func(child string, live *node.Node) error {
		staged, err := node.Read(b.view(child))
		if err != nil {
			return err
		}
		switch staged.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if err := b.dir(child, live, staged); err != nil {
				return err
			}
			return b.imported(child, live)
		case unix.S_IFREG, unix.S_IFLNK:
			return b.leaf(child, nil, live, staged)
		}
		return nil
	})
}

// leaf compares a file or link of the stage with what is live there. A nil
// raw says that the upper layer does not hold it under this name.
func (b *builder) leaf(path string, raw, live, staged *node.Node) error {
	class := b.class.class(path)
	if live != nil && !live.IsDir() {
		same, err := b.sameContent(path, live, staged)
		if err != nil {
			return err
		}
		linked := b.linkCount(path) > 1
		switch {
		case same && sameMeta(live, staged, true) && !linked:
			return nil
		case class == node.State:
			b.set.Kept = append(b.set.Kept, path)
			return nil
		case same && !linked:
			b.fresh(path, live)
			b.add(changeset.Entry{Path: path, Class: class, Before: live, After: staged})
			return nil
		}
	}
	if live.IsDir() {
		if err := b.removeChildren(path); err != nil {
			return err
		}
	}
	return b.replace(path, class, raw, live, staged)
}

// replace gives the staged node a slot: moved from the upper layer where it
// is whole there, copied from the merged view where it is not.
func (b *builder) replace(path string, class node.Class, raw, live, staged *node.Node) error {
	slot, err := b.newSlot()
	if err != nil {
		return err
	}
	e := changeset.Entry{Path: path, Class: class, Slot: slot, Before: live, After: staged}
	whole, err := b.wholeInUpper(path, raw)
	if err != nil {
		return err
	}
	if whole {
		b.moves = append(b.moves, move{b.upper(path), b.slotPath(slot)})
		staged.Ino = raw.Ino
	} else {
		if err := b.copyOnce(path, b.slotPath(slot), staged); err != nil {
			return err
		}
		copied, err := node.Lstat(b.slotPath(slot))
		if err != nil {
			return err
		}
		staged.Ino = copied.Ino
	}
	view := func() (*os.File, error) { return system.OpenRegular(b.view(path)) }
	if err := b.digest(class, staged, view, node.Place{Path: b.mount.Point, Slot: filepath.Join(Area(b.job.Generation), slot)}); err != nil {
		return err
	}
	if err := b.exchange(e); err != nil {
		return err
	}
	return b.noteGroup(path, raw, live, e, whole)
}

// copyOnce copies a node out of the merged view; a further name of a node
// that was copied already becomes a link to that copy.
func (b *builder) copyOnce(path, to string, staged *node.Node) error {
	if first, ok := b.copied[staged.Ino]; ok && b.linkCount(path) > 1 {
		return os.Link(first, to)
	}
	b.copied[staged.Ino] = to
	return copyNode(b.view(path), to, staged)
}

// digest notes the bytes of a config file, read now, and where they can be
// read once the stage is over: an edit by hand, on either side of the edge,
// takes the node itself.
func (b *builder) digest(class node.Class, n *node.Node, open func() (*os.File, error), later node.Place) error {
	if class != node.Config || n == nil || n.Mode&unix.S_IFMT != unix.S_IFREG || n.Size > node.MaxKept {
		return nil
	}
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	if n.Digest, err = system.HashOf(f); err != nil {
		return err
	}
	b.config[n.Digest] = later
	return nil
}

// openLive opens a regular file of the live root.
func (b *builder) openLive(path string) (f *os.File, err error) {
	err = b.tree.At(path, func(at system.Spot) error {
		f, err = at.Open()
		return err
	})
	return f, err
}

// exchange records an entry whose node changes places with the live one.
func (b *builder) exchange(e changeset.Entry) error {
	live := func() (*os.File, error) { return b.openLive(e.Path) }
	if err := b.digest(e.Class, e.Before, live, node.Place{Path: e.Path}); err != nil {
		return err
	}
	e.Slot = filepath.Join(Area(b.job.Generation), e.Slot)
	b.fresh(e.Path, e.Before)
	b.folders[filepath.Dir(e.Path)] = true
	b.add(e)
	return nil
}

func (b *builder) add(e changeset.Entry) {
	e.FS = b.fs
	if e.Before == nil || e.After == nil {
		b.folders[filepath.Dir(e.Path)] = true
	}
	if e.After.IsDir() != e.Before.IsDir() {
		b.folders[e.Path] = true
	}
	b.set.Entries = append(b.set.Entries, e)
}

// fresh notes a live node that is not the one that the stage began with.
func (b *builder) fresh(path string, live *node.Node) {
	if live.IsDir() {
		return
	}
	if changed, err := b.was.changed(path); changed || err != nil {
		b.changed = append(b.changed, path)
	}
}

// remove records that a live path goes, with everything below it.
func (b *builder) remove(path string, live *node.Node) error {
	if live == nil || volatile(path, true) {
		return nil
	}
	if live.IsDir() {
		if err := b.removeChildren(path); err != nil {
			return err
		}
	}
	class := b.class.class(path)
	switch {
	case class == node.State:
		b.set.Kept = append(b.set.Kept, path)
		return nil
	case live.IsDir():
		b.add(changeset.Entry{Path: path, Class: class, Before: live})
		return nil
	}
	slot, err := b.newSlot()
	if err != nil {
		return err
	}
	return b.exchange(changeset.Entry{Path: path, Class: class, Slot: slot, Before: live})
}

func (b *builder) removeChildren(path string) error {
	return b.each(path, b.live, b.remove)
}

// folderTimes records both times of every folder in which names change.
func (b *builder) folderTimes() error {
	for path := range b.folders {
		staged, err := node.Lstat(b.view(path))
		if err != nil {
			return err
		}
		live, err := node.Lstat(b.live(path))
		if err != nil {
			return err
		}
		t := changeset.FolderTime{Path: path}
		switch {
		case staged == nil && live == nil:
			continue
		case live == nil:
			t.Before, t.After = staged.MTime, staged.MTime
		case staged == nil:
			t.Before, t.After = live.MTime, live.MTime
		default:
			t.Before, t.After = live.MTime, staged.MTime
		}
		b.set.Folders = append(b.set.Folders, t)
	}
	sort.Slice(b.set.Folders, func(i, j int) bool { return b.set.Folders[i].Path < b.set.Folders[j].Path })
	return nil
}

package stage

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
)

// noteGroup remembers a live group of hard links that the stage copied up:
// with index=on the merged view keeps the group together, but the upper layer
// holds only the names that were touched (engine rule 23).
func (b *builder) noteGroup(path string, raw, live *node.Node, e changeset.Entry, whole bool) error {
	if raw == nil || live == nil {
		return nil
	}
	indexed, err := node.Xattr(b.upper(path), "trusted.overlay.nlink")
	if err != nil || indexed == nil {
		return err
	}
	if _, ok := b.links[live.Ino]; ok {
		return nil
	}
	at := b.slotPath(e.Slot)
	if whole {
		at = b.upper(path)
	}
	b.links[live.Ino] = &group{first: e, path: at}
	return nil
}

// otherNames finds the live names of the noted groups that the upper layer
// does not hold, and gives each the same new node.
func (b *builder) otherNames() error {
	if len(b.links) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, e := range b.set.Entries {
		known[e.Path] = true
	}
	var dev unix.Stat_t
	top := b.live(b.mount.Point)
	if err := unix.Lstat(top, &dev); err != nil {
		return err
	}
	return filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		path := "/" + trimRoot(p, b.job.Root)
		if d.IsDir() {
			if st.Dev != dev.Dev || within(path, "/"+node.AreaName) || d.Name() == node.AreaName {
				return fs.SkipDir
			}
			return nil
		}
		g, ok := b.links[st.Ino]
		if !ok || known[path] {
			return nil
		}
		return b.linkName(path, g)
	})
}

func (b *builder) linkName(path string, g *group) error {
	live, err := b.liveNode(path)
	if err != nil {
		return err
	}
	staged, err := node.Lstat(b.view(path))
	if err != nil || staged == nil {
		return err
	}
	slot, err := b.newSlot()
	if err != nil {
		return err
	}
	if err := os.Link(g.path, b.slotPath(slot)); err != nil {
		return err
	}
	return b.exchange(changeset.Entry{Path: path, Class: b.class.class(path), Slot: slot, Before: live, After: g.first.After})
}

func trimRoot(path, root string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == "." {
		return ""
	}
	return rel
}

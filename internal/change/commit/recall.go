package commit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// recall finds a node that is to be put at the path of an entry, and is not in
// its slot, among those that were kept aside, since others than root had a way
// undone that was already gone (Journal.keepAside). It goes into its slot. Nil
// says that it is not there.
func (b *Builder) recall(c *Changeset, e Entry, want *Node) (*Node, error) {
	aside := filepath.Join(b.area(c.Mounts[e.FS].Point), "aside")
	ways, err := os.ReadDir(aside)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	for _, way := range ways {
		at := filepath.Join(aside, way.Name(), e.Path)
		kept, err := ReadNode(at)
		if err != nil {
			return nil, err
		}
		if kept = b.standing(kept); !want.itself(kept) {
			continue
		}
		slot := b.slot(c, e)
		return kept, errors.Join(os.MkdirAll(filepath.Dir(slot), 0o700), os.Rename(at, slot))
	}
	return nil, nil
}

// itself reports whether found is the very node that was recorded, or stands in
// for it, and not one that was made again from its bytes.
func (n *Node) itself(found *Node) bool {
	return found != nil && n.same(found) && (n.Ino == found.Ino || slices.Contains(found.standsFor, n.Ino))
}

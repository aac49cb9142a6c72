package transaction

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
)

// recall finds a node that is to be put at the path of an entry, and is not in
// its slot, among those that were kept aside, since others than root had a way
// undone that was already gone (Journal.keepAside). It goes into its slot. Nil
// says that it is not there.
func (b *Builder) recall(c *changeset.Changeset, e changeset.Entry, want *node.Node) (*node.Node, error) {
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
		kept, err := node.Read(at)
		if err != nil {
			return nil, err
		}
		if kept = b.standing(kept); !want.Itself(kept) {
			continue
		}
		slot := b.slot(c, e)
		return kept, errors.Join(os.MkdirAll(filepath.Dir(slot), 0o700), os.Rename(at, slot))
	}
	return nil, nil
}

package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// shelf is how many slots lie in one folder: one with thousands of names takes
// twice as long to take a name or to give it away.
const shelf = 64

// newSlot names a slot of the mount, and makes the folder that it is in.
func (b *builder) newSlot() (string, error) {
	number := func(n int) string { return strconv.FormatInt(int64(n), 36) }
	folder := number(b.slots / shelf)
	slot := filepath.Join(folder, number(b.slots%shelf))
	b.slots++
	if at := b.slotPath(folder); at != b.shelf {
		if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		b.shelf = at
	}
	return slot, nil
}

func (b *builder) slotPath(slot string) string {
	return filepath.Join(b.area, slot)
}

type move struct{ upper, slot string }

func (b *builder) wholeInUpper(path string, raw *node.Node) (bool, error) {
	if raw == nil {
		return false, nil
	}
	meta, err := node.Xattr(b.upper(path), "trusted.overlay.metacopy")
	return meta == nil && err == nil, err
}

// takeUpper unmounts the stage and moves whole nodes from the upper layers
// into their slots, free of what overlayfs wrote on them (engine rule 13).
func (b *builder) takeUpper() error {
	if err := unix.Unmount(b.merged, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot unmount the stage: %w", err)
	}
	strip := func(i int) error { return node.StripOverlay(b.moves[i].upper) }
	if err := system.Share(len(b.moves), strip); err != nil {
		return err
	}
	for _, m := range b.moves {
		// os.Rename would look first at each of thousands of slots.
		if err := unix.Rename(m.upper, m.slot); err != nil {
			return &os.LinkError{Op: "rename", Old: m.upper, New: m.slot, Err: err}
		}
	}
	return nil
}

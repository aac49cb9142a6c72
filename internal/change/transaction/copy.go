package transaction

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// A file system without links, and whose inode numbers are of one mount
// (vfat, exfat), is changed by copies: the bytes of both sides of an edge wait
// below the area of the root's file system, and a step writes those that come
// beside the path and renames them over it. What stands there is told by its
// bytes. A path has one such step in a transaction, so that one that was done
// before a crash is never mistaken for a change by somebody else.

// copied does a step of the verb copies; area is that of the root.
func (s Step) copied(root *system.Tree, area string) error {
	err := root.At(s.Path, func(at system.Spot) error { return s.copyTo(at, area) })
	if s.New == nil {
		return node.IgnoreGone(err)
	}
	return err
}

func (s Step) copyTo(at system.Spot, area string) error {
	is, err := node.ReadHeldAt(at, s.Path)
	if err != nil || is.Alike(s.New) {
		return err
	}
	// Where nothing stands a rename was cut short: it is no atomic one on
	// these file systems.
	if is != nil && !is.Alike(s.Old) {
		return fmt.Errorf("cannot change %s: %w", s.Path, node.ErrMoved)
	}
	switch {
	case is.IsDir():
		err = unix.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
		if s.New == nil && (errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST)) {
			return nil // somebody has put something into it: it stays
		}
	case is != nil && (s.New == nil || s.New.IsDir()):
		err = unix.Unlinkat(at.Dir, at.Name, 0)
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: s.Path, Err: err}
	}
	switch {
	case s.New == nil:
	case s.New.IsDir():
		err = unix.Mkdirat(at.Dir, at.Name, 0o755)
	default:
		err = s.New.Put(filepath.Join(area, s.New.Copy), at.Path())
	}
	if err != nil {
		return fmt.Errorf("cannot change %s: %w", s.Path, err)
	}
	return node.SyncDir(system.Spot{Dir: at.Dir, Name: "."}.Path())
}

// copies adds what takes a path on a mount that is changed by copies from one
// node to the other.
func (b *Builder) copies(c *changeset.Changeset, e changeset.Entry, fs int, from, to *node.Node) {
	at, ok := b.copyOf[e.Path]
	if !ok {
		old, err := b.held(c, e, fs, from, to)
		if err != nil {
			b.fail(err)
			return
		}
		at = len(b.tx.Steps)
		b.copyOf[e.Path] = at
		b.tx.Steps = append(b.tx.Steps, Step{Do: Copies, Path: e.Path, FS: fs, Old: old})
	}
	if to != nil && !to.IsDir() {
		waiting, err := node.ReadHeld(node.In(b.root, "/", to.Copy))
		if err != nil || !to.Alike(waiting) {
			b.fail(errors.Join(fmt.Errorf("cannot bring back %s as generation %d had it: its saved bytes are gone or were altered", e.Path, c.Generation), err))
			return
		}
	}
	b.tx.Steps[at].New = to
}

// held is what stands at a path, with the place of its bytes. Those that
// somebody else wrote there are kept aside.
func (b *Builder) held(c *changeset.Changeset, e changeset.Entry, fs int, from, to *node.Node) (*node.Node, error) {
	at := filepath.Join(b.root, e.Path) // below /boot or /efi, where nobody else makes links
	live, err := node.ReadHeld(at)
	switch {
	case err != nil:
		return nil, err
	case b.fresh && !live.Alike(from):
		return nil, fmt.Errorf("cannot change %s: it changed while the stage was built; run the command again", e.Path)
	case live == nil:
		return nil, nil
	case live.Alike(from):
		return from, nil
	case live.Alike(to):
		return to, nil
	case live.Mode&node.FileType != unix.S_IFREG:
		return nil, fmt.Errorf("cannot change %s: something else stands there now than generation %d knows, made by somebody else; move it away", e.Path, c.Generation)
	}
	b.spares++
	live.Copy = filepath.Join(b.tx.Private(), "c"+strconv.Itoa(b.spares))
	data, err := os.ReadFile(at)
	if err != nil {
		return nil, err
	}
	slot := node.In(b.root, "/", live.Copy)
	if err := os.MkdirAll(filepath.Dir(slot), 0o700); err != nil {
		return nil, err
	}
	b.tx.Drift = append(b.tx.Drift, e.Path)
	b.tx.Clean = append(b.tx.Clean, Step{Do: Keep, Path: e.Path, FS: fs, Slot: live.Copy, Dest: filepath.Join("aside", b.tx.ID, e.Path)})
	return live, os.WriteFile(slot, data, 0o600)
}

// CopyRoom is what the copies of a transaction take on one of its mounts: what
// they add and, while one is made, both of its sides.
func (tx *Tx) CopyRoom(mount int, cluster int64) int64 {
	var grown, largest int64
	for _, s := range tx.Steps {
		if s.Do != Copies || s.FS != mount {
			continue
		}
		for n, sign := range map[*node.Node]int64{s.New: 1, s.Old: -1} {
			if n == nil {
				continue
			}
			size := max(1, (n.Size+cluster-1)/cluster) * cluster
			grown += sign * size
			largest = max(largest, size)
		}
	}
	return max(0, grown) + 2*largest
}

package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/spec"
)

// copies reports whether a stage works on a copy of a file system: one that can
// be no layer of an overlay and that holds files and folders alone. It is where
// a machine's firmware reads; a stick that somebody has plugged in is not copied.
func copies(point, fstype string) bool {
	return within(point, "/boot", "/efi") && slices.Contains([]string{"vfat", "exfat", "fuseblk"}, fstype)
}

// copied is a file of a live mount and its copy, as they were when it was
// made. Of a folder it says that there was one.
type copied struct {
	size, mtime int64    // of the live one, whose inode number may change by itself
	copy        identity // that any write changes
}

// needed leaves to a stage those copies to which it may write: they cost as
// much as the mount holds.
func needed(mounts []mount, req Request) {
	for i, m := range mounts {
		managed := slices.ContainsFunc(req.Managed, func(path string) bool { return within(path, m.Point) })
		mounts[i].Copies = m.Copies && (managed || len(req.Plan.Of(spec.KindPackage)) > 0)
	}
}

// makeCopies copies the mounts that are changed by copies, and notes every
// file by its path.
func makeCopies(root string, mounts []mount) (map[string]copied, error) {
	made := map[string]copied{}
	for _, m := range mounts {
		if !m.Copies {
			continue
		}
		top := filepath.Join(root, m.Point)
		var used unix.Statfs_t
		err := unix.Statfs(top, &used)
		if err == nil {
			err = node.Space("/", root, int64(used.Blocks-used.Bfree)*used.Bsize, 0)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot copy %s for the stage: %w", m.Point, err)
		}
		err = eachOn(top, func(at string, d fs.DirEntry) error {
			rel, err := filepath.Rel(top, at)
			if err != nil {
				return err
			}
			to := filepath.Join(m.stage(root), rel)
			live, err := node.Lstat(at)
			if err != nil || live == nil {
				return err
			}
			if d.IsDir() {
				made[filepath.Join(m.Point, rel)] = copied{}
				return os.MkdirAll(to, os.FileMode(live.Mode&0o777))
			}
			if live.Mode&unix.S_IFMT != unix.S_IFREG {
				return nil // fuseblk can be one that has links; the stage has no use for them
			}
			if err := copyNode(at, to, live); err != nil {
				return err
			}
			id, err := identify(to)
			if err != nil {
				return err
			}
			made[filepath.Join(m.Point, rel)] = copied{live.Size, live.MTime, *id}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("cannot copy %s for the stage: %w", m.Point, err)
		}
	}
	return made, nil
}

// eachOn visits what lies on the file system of a folder. Of what is mounted
// below it only the folder on which it is mounted is visited.
func eachOn(top string, visit func(at string, d fs.DirEntry) error) error {
	var st unix.Stat_t
	if err := unix.Lstat(top, &st); err != nil {
		return err
	}
	return filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		var here unix.Stat_t
		if err := unix.Lstat(at, &here); err != nil {
			return err
		}
		err = visit(at, d)
		if err == nil && here.Dev != st.Dev && d.IsDir() {
			return fs.SkipDir
		}
		return err
	})
}

// copyMount compares the copy of a mount with what was copied.
func (b *builder) copyMount(m mount) error {
	id, err := node.FSID(filepath.Join(b.job.Root, m.Point))
	if err != nil {
		return err
	}
	b.mount, b.fs = m, len(b.set.Mounts)
	b.area = node.In(b.job.Root, "/", Area(b.job.Generation)) // the root's: what is copied has no slots of its own
	b.set.Mounts = append(b.set.Mounts, changeset.Mount{Point: m.Point, FSID: id, Copies: true})
	here := map[string]bool{}
	err = eachOn(m.stage(b.job.Root), func(at string, _ fs.DirEntry) error {
		rel, err := filepath.Rel(m.stage(b.job.Root), at)
		if err != nil || rel == "." {
			return err
		}
		path := filepath.Join(m.Point, rel)
		here[path] = true
		return b.brought(path, at)
	})
	if err != nil {
		return err
	}
	return eachOn(b.live(m.Point), func(at string, _ fs.DirEntry) error {
		path := "/" + trimRoot(at, b.job.Root)
		if _, was := b.copies[path]; path == m.Point || here[path] || !was {
			return nil // what came since the copy was made is nobody's
		}
		return b.copyEntry(path, nil, "")
	})
}

// brought compares a path of the copy.
func (b *builder) brought(path, at string) error {
	staged, err := node.ReadHeld(at)
	if err != nil || staged == nil {
		return err
	}
	switch staged.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if live, err := node.Lstat(b.live(path)); err != nil || live.IsDir() {
			return err
		}
	case unix.S_IFREG:
		id, err := identify(at)
		if was, ok := b.copies[path]; err != nil || ok && was.copy == *id {
			return err
		}
	default:
		return fmt.Errorf("cannot commit this: %s is no file or folder, and the file system of %s holds nothing else", path, b.mount.Point)
	}
	return b.copyEntry(path, staged, at)
}

// copyEntry records what a path of a copied mount becomes, with the bytes of
// both sides in the area of the root.
func (b *builder) copyEntry(path string, staged *node.Node, at string) error {
	live, err := node.ReadHeld(b.live(path))
	if err != nil {
		return err
	}
	was, known := b.copies[path]
	if live != nil && !live.IsDir() && (!known || was.size != live.Size || was.mtime != live.MTime) || known && live == nil {
		b.changed = append(b.changed, path)
		return nil
	}
	class := b.class.class(path)
	switch {
	case staged != nil && live != nil && staged.Sum == live.Sum && staged.IsDir() == live.IsDir():
		return nil
	case class == node.State && live != nil:
		b.set.Kept = append(b.set.Kept, path)
		return nil
	}
	if live != nil && !live.IsDir() {
		slot, err := b.newSlot()
		if err == nil {
			live.Copy = filepath.Join(Area(b.job.Generation), slot)
			err = copyNode(b.live(path), b.slotPath(slot), live)
		}
		if err != nil {
			return err
		}
	}
	if staged != nil && !staged.IsDir() {
		slot, err := b.newSlot()
		if err != nil {
			return err
		}
		staged.Copy = filepath.Join(Area(b.job.Generation), slot)
		b.moves = append(b.moves, move{at, b.slotPath(slot)})
	}
	b.set.Entries = append(b.set.Entries, changeset.Entry{Path: path, FS: b.fs, Class: class, Before: live, After: staged})
	return nil
}

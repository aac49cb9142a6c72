package commit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// A file system without links, and whose inode numbers are of one mount
// (vfat, exfat), is changed by copies: the bytes of both sides of an edge wait
// below the area of the root's file system, and a step writes those that come
// beside the path and renames them over it. What stands there is told by its
// bytes. A path has one such step in a transaction, so that one that was done
// before a crash is never mistaken for a change by somebody else.

// copySuffix is of a file that a copy has not renamed yet.
const copySuffix = ".hostctl"

// ReadHeld is Lstat, with the digest of a file's bytes.
func ReadHeld(path string) (*Node, error) {
	return readHeld(system.Plainly(path), path)
}

func readHeld(at system.Spot, path string) (*Node, error) {
	n, err := lstatAt(at, path)
	if err != nil || n == nil || n.Mode&fileType != unix.S_IFREG {
		return n, err
	}
	f, err := at.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n.Sum, err = system.HashOf(f)
	return n, err
}

// alike reports whether two nodes hold the same.
func (n *Node) alike(m *Node) bool {
	if n == nil || m == nil {
		return n == nil && m == nil
	}
	return n.Mode&fileType == m.Mode&fileType && n.Sum == m.Sum
}

// copied does a step of the verb copies; area is that of the root.
func (s Step) copied(root *system.Tree, area string) error {
	err := root.At(s.Path, func(at system.Spot) error { return s.copyTo(at, area) })
	if s.New == nil {
		return ignoreGone(err)
	}
	return err
}

func (s Step) copyTo(at system.Spot, area string) error {
	is, err := readHeld(at, s.Path)
	if err != nil || is.alike(s.New) {
		return err
	}
	// Where nothing stands a rename was cut short: it is no atomic one on
	// these file systems.
	if is != nil && !is.alike(s.Old) {
		return fmt.Errorf("cannot change %s: %w", s.Path, errMoved)
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
		err = s.New.put(filepath.Join(area, s.New.Copy), at.Path())
	}
	if err != nil {
		return fmt.Errorf("cannot change %s: %w", s.Path, err)
	}
	return syncDir(system.Spot{Dir: at.Dir, Name: "."}.Path())
}

// put writes the bytes of a node that wait at slot to live.
func (n *Node) put(slot, live string) error {
	in, err := os.Open(slot)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := live + copySuffix
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != n.Sum {
		err = fmt.Errorf("the bytes that wait at %s were altered", slot)
	}
	if err == nil {
		err = out.Sync()
	}
	err = errors.Join(err, out.Close())
	if err == nil {
		// Closing is a change of its own to some, and some set no single time.
		at := time.Unix(0, n.MTime)
		err = os.Chtimes(temp, at, at)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp)) // what it takes may be what undoing needs
	}
	// An exchange leaves the clusters of both sides in use until what names them
	// is on the disk; where there is none, or nothing to exchange, a rename does.
	exchange := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, live, unix.RENAME_EXCHANGE)
	if exchange != nil {
		err = os.Rename(temp, live)
	}
	if err != nil {
		return err
	}
	// vfat writes where a renamed file lies with its inode, not with its folder.
	if err := syncDir(live); err != nil || exchange != nil {
		return err
	}
	return os.Remove(temp)
}

// copies adds what takes a path on a mount that is changed by copies from one
// node to the other.
func (b *Builder) copies(c *Changeset, e Entry, fs int, from, to *Node) {
	at, ok := b.copyOf[e.Path]
	if !ok {
		old, err := b.held(c, e, fs, from, to)
		if err != nil {
			b.fail(err)
			return
		}
		at = len(b.tx.Steps)
		b.copyOf[e.Path] = at
		b.tx.Steps = append(b.tx.Steps, Step{Do: copies, Path: e.Path, FS: fs, Old: old})
	}
	if to != nil && !to.IsDir() {
		waiting, err := ReadHeld(In(b.root, "/", to.Copy))
		if err != nil || !to.alike(waiting) {
			b.fail(errors.Join(fmt.Errorf("cannot bring back %s as generation %d had it: its saved bytes are gone or were altered", e.Path, c.Generation), err))
			return
		}
	}
	b.tx.Steps[at].New = to
}

// held is what stands at a path, with the place of its bytes. Those that
// somebody else wrote there are kept aside.
func (b *Builder) held(c *Changeset, e Entry, fs int, from, to *Node) (*Node, error) {
	at := filepath.Join(b.root, e.Path) // below /boot or /efi, where nobody else makes links
	live, err := ReadHeld(at)
	switch {
	case err != nil:
		return nil, err
	case b.fresh && !live.alike(from):
		return nil, fmt.Errorf("cannot change %s: it changed while the stage was built; run the command again", e.Path)
	case live == nil:
		return nil, nil
	case live.alike(from):
		return from, nil
	case live.alike(to):
		return to, nil
	case live.Mode&fileType != unix.S_IFREG:
		return nil, fmt.Errorf("cannot change %s: something else stands there now than generation %d knows, made by somebody else; move it away", e.Path, c.Generation)
	}
	b.spares++
	live.Copy = filepath.Join(b.tx.private(), "c"+strconv.Itoa(b.spares))
	data, err := os.ReadFile(at)
	if err != nil {
		return nil, err
	}
	slot := In(b.root, "/", live.Copy)
	if err := os.MkdirAll(filepath.Dir(slot), 0o700); err != nil {
		return nil, err
	}
	b.tx.Drift = append(b.tx.Drift, e.Path)
	b.tx.Clean = append(b.tx.Clean, Step{Do: keep, Path: e.Path, FS: fs, Slot: live.Copy, Dest: filepath.Join("aside", b.tx.ID, e.Path)})
	return live, os.WriteFile(slot, data, 0o600)
}

// copyRoom is what the copies of a transaction take on one of its mounts: what
// they add and, while one is made, both of its sides.
func (tx *Tx) copyRoom(mount int, cluster int64) int64 {
	var grown, largest int64
	for _, s := range tx.Steps {
		if s.Do != copies || s.FS != mount {
			continue
		}
		for n, sign := range map[*Node]int64{s.New: 1, s.Old: -1} {
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

// reserveCopies refuses copies for which there is no room.
func (j Journal) reserveCopies(tx *Tx, mount int) error {
	var st unix.Statfs_t
	if err := unix.Statfs(j.top(tx, mount), &st); err != nil {
		return &os.PathError{Op: "statfs", Path: j.top(tx, mount), Err: err}
	}
	return Space(tx.Mounts[mount].Point, j.top(tx, mount), tx.copyRoom(mount, st.Bsize), 0)
}

// dropCopies removes what copies that were cut short left beside their paths.
func (j Journal) dropCopies(tx *Tx) error {
	var errs []error
	for _, s := range tx.Steps {
		if s.Do != copies {
			continue
		}
		if err := os.Remove(filepath.Join(j.Root, s.Path) + copySuffix); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

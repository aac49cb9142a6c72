package commit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// ballastFile lies in the area of each file system that a transaction
// touches, from before its marker until it is done. Renames can need a block
// for a folder that grows; where there is none left the ballast is given up
// for it (engine rule 21).
const ballastFile = "ballast"

const (
	minBallast     = 1 << 20
	maxBallast     = 64 << 20
	ballastPerStep = 8 << 10 // a block of the folder, and one of the file system's own
)

// reserve makes what the steps use up, on every file system, and sets ballast
// aside: full disks are found out before the marker.
func (j Journal) reserve(tx *transaction.Tx) error {
	needs := tx.Needs()
	var errs []error
	for i, m := range tx.Mounts {
		path := tx.Area(j.Root, i)
		if m.Copies {
			errs = append(errs, j.reserveCopies(tx, i))
			continue
		}
		// A few more: private folders, the ballast, a link.
		if err := node.Space(m.Point, path, minBallast+needs[i].Spares*4096, needs[i].Spares+8); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range tx.Mounts {
		if err := os.MkdirAll(filepath.Join(tx.Area(j.Root, i), tx.Private()), 0o700); err != nil {
			return err
		}
	}
	for _, s := range tx.Steps {
		if s.Do != transaction.Mkdir {
			continue
		}
		path := filepath.Join(tx.Area(j.Root, s.FS), s.Slot)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := node.SetAttr(path, *s.To); err != nil {
			return err
		}
	}
	for _, s := range tx.Clean {
		if s.Do == transaction.Keep {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tx.Area(j.Root, s.FS), s.Dest)), 0o700); err != nil {
				return err
			}
		}
	}
	for _, p := range tx.Publish {
		if p.Link != "" {
			if err := j.makeLink(p); err != nil {
				return err
			}
		}
	}
	for i, m := range tx.Mounts {
		if m.Copies {
			continue
		}
		if err := setAside(m.Point, tx.Area(j.Root, i), needs[i].Steps*ballastPerStep); err != nil {
			return err
		}
	}
	return nil
}

// setAside makes the ballast of one file system, smaller where it is nearly
// full: a rollback is most needed there.
func setAside(point, area string, size int64) error {
	path := filepath.Join(area, ballastFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for size = min(max(size, minBallast), maxBallast); ; size /= 2 {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
		if !node.IsFull(err) || size/2 < minBallast {
			break
		}
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		err = nil // a file system that never overwrites, as ZFS, cannot promise room either way
	case node.IsFull(err):
		e, measureErr := node.Measure(point, area, minBallast, 1)
		if measureErr != nil {
			return errors.Join(measureErr, f.Close())
		}
		e.Cause = &os.PathError{Op: "reserving room in", Path: path, Err: err}
		err = e
	}
	return errors.Join(err, f.Close())
}

// spare does something again that found no room, once the ballast is gone.
func (j Journal) spare(tx *transaction.Tx, do func() error) error {
	err := do()
	if !node.IsFull(err) {
		return err
	}
	freed := false
	for i := range tx.Mounts {
		path := filepath.Join(tx.Area(j.Root, i), ballastFile)
		if os.Remove(path) != nil {
			continue // given up before
		}
		freed = true
		// Blocks of a deleted file can be used once its deletion is durable.
		if d, openErr := node.OpenDisks([]string{tx.Area(j.Root, i)}); openErr == nil {
			err = errors.Join(err, d.Sync())
			d.Close()
		}
	}
	if !freed {
		return err
	}
	return do()
}

// release frees what reserve has set aside and nothing has used.
func (j Journal) release(tx *transaction.Tx) error {
	errs := []error{j.keepLate(tx)}
	for i := range tx.Mounts {
		for _, name := range []string{ballastFile, tx.Private()} {
			errs = append(errs, os.RemoveAll(filepath.Join(tx.Area(j.Root, i), name)))
		}
		if err := os.Remove(filepath.Join(tx.Area(j.Root, i), "tx")); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, j.dropCopies(tx))
	for _, p := range tx.Publish {
		if p.Link != "" {
			errs = append(errs, os.RemoveAll(filepath.Join(j.Root, p.Path)+linkSuffix))
		}
	}
	return errors.Join(errs...)
}

// keepLate keeps aside what somebody has put into a folder after a step had taken
// it away: who was in it, or had it open, could.
func (j Journal) keepLate(tx *transaction.Tx) error {
	var errs []error
	for _, s := range tx.Steps {
		if s.Do != transaction.Rmdir && s.Do != transaction.Mkdir {
			continue
		}
		slot := filepath.Join(tx.Area(j.Root, s.FS), s.Slot)
		err := unix.Rmdir(slot)
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			continue
		}
		aside := filepath.Join(tx.Area(j.Root, s.FS), "aside", tx.ID, s.Path)
		errs = append(errs, os.MkdirAll(filepath.Dir(aside), 0o700), os.Rename(slot, aside))
	}
	return errors.Join(errs...)
}

// Sweep frees on the file systems mounted at points, and beside the links that
// transactions publish, what finished ones had set aside there, where
// no one is open: a disk that lost power may have forgotten that it was freed.
func (j Journal) Sweep(points []string, links ...string) error {
	var errs []error
	for _, point := range points {
		for _, name := range []string{ballastFile, "tx"} {
			errs = append(errs, os.RemoveAll(node.In(j.Root, point, name)))
		}
	}
	for _, link := range links {
		errs = append(errs, os.RemoveAll(filepath.Join(j.Root, link)+linkSuffix))
	}
	return errors.Join(errs...)
}

// reserveCopies refuses copies for which there is no room.
func (j Journal) reserveCopies(tx *transaction.Tx, mount int) error {
	var st unix.Statfs_t
	if err := unix.Statfs(j.top(tx, mount), &st); err != nil {
		return &os.PathError{Op: "statfs", Path: j.top(tx, mount), Err: err}
	}
	return node.Space(tx.Mounts[mount].Point, j.top(tx, mount), tx.CopyRoom(mount, st.Bsize), 0)
}

// dropCopies removes what copies that were cut short left beside their paths.
func (j Journal) dropCopies(tx *transaction.Tx) error {
	var errs []error
	for _, s := range tx.Steps {
		if s.Do != transaction.Copies {
			continue
		}
		if err := os.Remove(filepath.Join(j.Root, s.Path) + node.CopySuffix); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

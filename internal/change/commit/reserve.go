package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
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

// SpaceError says that a file system is too full for what is to be done
// there.
type SpaceError struct {
	Point              string // where it is mounted
	Bytes, FreeBytes   int64
	Inodes, FreeInodes int64
	Cause              error // what the kernel said, where the numbers alone do not tell
}

func (e *SpaceError) Error() string {
	text := fmt.Sprintf("the file system of %s is too full: %s are needed there, %s are free", e.Point, Bytes(e.Bytes), Bytes(e.FreeBytes))
	if e.Inodes > e.FreeInodes {
		text += fmt.Sprintf("; %d inodes are needed, %d are free", e.Inodes, e.FreeInodes)
	}
	if e.Cause != nil {
		text += fmt.Sprintf(", and %v", e.Cause)
	}
	return text
}

// Bytes prints a size for people, in binary units.
func Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)>>10)
}

// Space refuses a need that the file system mounted at path cannot meet.
func Space(point, path string, bytes, inodes int64) error {
	e, err := measure(point, path, bytes, inodes)
	if err != nil {
		return err
	}
	if e.Bytes > e.FreeBytes || e.Inodes > e.FreeInodes {
		return e
	}
	return nil
}

// measure holds a need against what is free. A file system that does not
// count inodes has enough of them.
func measure(point, path string, bytes, inodes int64) (*SpaceError, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	// Bfree, not Bavail: hostctl is root and may use what is kept for root.
	e := &SpaceError{Point: point, Bytes: bytes, FreeBytes: int64(st.Bfree) * st.Bsize, Inodes: inodes, FreeInodes: int64(st.Ffree)}
	if st.Files == 0 {
		e.Inodes = 0
	}
	return e, nil
}

// need is what a transaction takes on one file system until it is done.
type need struct{ steps, spares int64 }

func (tx *Tx) needs() []need {
	out := make([]need, len(tx.Mounts))
	for _, s := range tx.Steps {
		out[s.FS].steps++
		if s.Do == mkdir {
			out[s.FS].spares++
		}
	}
	return out
}

// reserve makes what the steps use up, on every file system, and sets ballast
// aside: full disks are found out before the marker.
func (j Journal) reserve(tx *Tx) error {
	needs := tx.needs()
	var errs []error
	for i, m := range tx.Mounts {
		path := j.area(tx, i)
		if m.Copies {
			errs = append(errs, j.reserveCopies(tx, i))
			continue
		}
		// A few more: private folders, the ballast, a link.
		if err := Space(m.Point, path, minBallast+needs[i].spares*4096, needs[i].spares+8); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range tx.Mounts {
		if err := os.MkdirAll(filepath.Join(j.area(tx, i), tx.private()), 0o700); err != nil {
			return err
		}
	}
	for _, s := range tx.Steps {
		if s.Do != mkdir {
			continue
		}
		path := filepath.Join(j.area(tx, s.FS), s.Slot)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := SetAttr(path, *s.To); err != nil {
			return err
		}
	}
	for _, s := range tx.Clean {
		if s.Do == keep {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(j.area(tx, s.FS), s.Dest)), 0o700); err != nil {
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
		if err := setAside(m.Point, j.area(tx, i), needs[i].steps*ballastPerStep); err != nil {
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
		if !full(err) || size/2 < minBallast {
			break
		}
	}
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		err = nil // a file system that never overwrites, as ZFS, cannot promise room either way
	case full(err):
		e, measureErr := measure(point, area, minBallast, 1)
		if measureErr != nil {
			return errors.Join(measureErr, f.Close())
		}
		e.Cause = &os.PathError{Op: "reserving room in", Path: path, Err: err}
		err = e
	}
	return errors.Join(err, f.Close())
}

func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// spare does something again that found no room, once the ballast is gone.
func (j Journal) spare(tx *Tx, do func() error) error {
	err := do()
	if !full(err) {
		return err
	}
	freed := false
	for i := range tx.Mounts {
		path := filepath.Join(j.area(tx, i), ballastFile)
		if os.Remove(path) != nil {
			continue // given up before
		}
		freed = true
		// Blocks of a deleted file can be used once its deletion is durable.
		if d, openErr := OpenDisks([]string{j.area(tx, i)}); openErr == nil {
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
func (j Journal) release(tx *Tx) error {
	errs := []error{j.keepLate(tx)}
	for i := range tx.Mounts {
		for _, name := range []string{ballastFile, tx.private()} {
			errs = append(errs, os.RemoveAll(filepath.Join(j.area(tx, i), name)))
		}
		if err := os.Remove(filepath.Join(j.area(tx, i), "tx")); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
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
func (j Journal) keepLate(tx *Tx) error {
	var errs []error
	for _, s := range tx.Steps {
		if s.Do != rmdir && s.Do != mkdir {
			continue
		}
		slot := filepath.Join(j.area(tx, s.FS), s.Slot)
		err := unix.Rmdir(slot)
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			continue
		}
		aside := filepath.Join(j.area(tx, s.FS), "aside", tx.ID, s.Path)
		errs = append(errs, os.MkdirAll(filepath.Dir(aside), 0o700), os.Rename(slot, aside))
	}
	return errors.Join(errs...)
}

// Sweep frees on the file systems mounted at points, and beside the links that
// transactions publish, what those that are no more had set aside there, where
// no one is open: a disk that lost power may have forgotten that it was freed.
func (j Journal) Sweep(points []string, links ...string) error {
	var errs []error
	for _, point := range points {
		for _, name := range []string{ballastFile, "tx"} {
			errs = append(errs, os.RemoveAll(In(j.Root, point, name)))
		}
	}
	for _, link := range links {
		errs = append(errs, os.RemoveAll(filepath.Join(j.Root, link)+linkSuffix))
	}
	return errors.Join(errs...)
}

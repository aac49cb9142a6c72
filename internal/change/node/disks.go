package node

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Disks are open folders, one at least on every file system that a
// transaction writes to. syncfs(2) reports an error of writing back once to
// each descriptor that was open when it happened: opened later, it is never
// seen (engine rule 26).
type Disks []*os.File

// OpenDisks opens one folder for each file system to watch.
func OpenDisks(folders []string) (Disks, error) {
	slices.Sort(folders)
	var d Disks
	for _, path := range slices.Compact(folders) {
		f, err := os.Open(path)
		if err != nil {
			d.Close()
			return nil, err
		}
		d = append(d, f)
	}
	return d, nil
}

// Sync makes everything written to the file systems durable: fsync of one
// folder is not enough on btrfs (engine rule 3).
//
// That ext4 gave up its journal is told by syncfs(2) to none but the one that
// waited for it, which may be the kernel itself, five seconds after a change. It
// notices so itself with the next change, of which here is one: the time when the
// folder was read. That one ends well all the same; another does not.
func (d Disks) Sync() error {
	var errs []error
	read := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_OMIT}}
	for _, f := range d {
		err := unix.Syncfs(int(f.Fd()))
		for range 2 {
			if err != nil {
				break
			}
			err = unix.UtimesNanoAt(int(f.Fd()), "", read, unix.AT_EMPTY_PATH)
			if !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.EIO) {
				err = nil // a folder that may not be changed says nothing of its disk
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot make the file system of %s durable: %w", f.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// Close forgets the folders. What was written before a failed Sync stays lost.
func (d Disks) Close() {
	for _, f := range d {
		f.Close()
	}
}

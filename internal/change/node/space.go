package node

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
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
	e, err := Measure(point, path, bytes, inodes)
	if err != nil {
		return err
	}
	if e.Bytes > e.FreeBytes || e.Inodes > e.FreeInodes {
		return e
	}
	return nil
}

// Measure holds a need against what is free. A file system that does not
// count inodes has enough of them.
func Measure(point, path string, bytes, inodes int64) (*SpaceError, error) {
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

// IsFull reports whether a file system, or somebody's share of it, was full.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

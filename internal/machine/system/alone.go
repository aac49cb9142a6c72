package system

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Alone tells root whether somebody else may write to path, or replace it. It
// checks the owner and the permissions of the path, of every folder above it and
// of every link on the way. For a path that does not exist, it checks the part
// that does. A file that another user once owned can still be open for writing.
// Users other than root get no error: what they read is their own.
func Alone(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	rest, at := strings.Split(filepath.Clean(path), "/")[1:], "/"
	for links := 0; ; {
		var st unix.Stat_t
		err := unix.Lstat(at, &st)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return &fs.PathError{Op: "lstat", Path: at, Err: err}
		}
		if st.Uid != 0 {
			return fmt.Errorf("%s belongs to user %d", at, st.Uid)
		}
		kind := st.Mode & unix.S_IFMT
		// In a sticky folder nobody renames what is root's, and what is below is
		// looked at next.
		shared := kind == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0 && len(rest) > 0
		if kind != unix.S_IFLNK && st.Mode&0o022 != 0 && !shared {
			return fmt.Errorf("others than root may write to %s (mode %04o)", at, st.Mode&0o7777)
		}
		if kind == unix.S_IFLNK {
			if links++; links > maxLinks {
				return &fs.PathError{Op: "lstat", Path: at, Err: unix.ELOOP}
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
		}
		if len(rest) == 0 {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

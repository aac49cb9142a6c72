package system

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// HashOf is the hex SHA-256 of what is left to read of f.
func HashOf(f *os.File) (string, error) { return hashWith(sha256.New(), f) }

// MD5Of is the hex MD5 of what is left to read of f: dpkg keeps no other sum. It
// shows accidents and edits, not what somebody made to have the same sum.
func MD5Of(f *os.File) (string, error) { return hashWith(md5.New(), f) }

func hashWith(h hash.Hash, f *os.File) (string, error) {
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("cannot read %s: %w", f.Name(), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// OpenRegular opens a regular file for reading and nothing else: not what a link
// leads to, and no pipe, on which open(2) waits for a writer, or device, on which
// it can act.
func OpenRegular(path string) (*os.File, error) { return Plainly(path).Open() }

func openRegular(dir int, path string) (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	// Look first, because some devices act when they are opened, and look again
	// afterwards, because the name may now lead to another node.
	var st unix.Stat_t
	if err := unix.Fstatat(dir, path, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fail(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fail(errNotRegular)
	}
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errNotRegular
	}
	if err != nil {
		unix.Close(fd)
		return fail(err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

var errNotRegular = errors.New("it is no regular file")

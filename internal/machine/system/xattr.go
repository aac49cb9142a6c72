package system

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// MaxXattr is the longest list of names, and the longest value, in bytes
// (XATTR_LIST_MAX and XATTR_SIZE_MAX, xattr(7)).
const MaxXattr = 64 << 10

// ListXattrs names the extended attributes of path itself; none where its file
// system has none.
func ListXattrs(path string) ([]string, error) {
	buf := make([]byte, 1024)
	n, err := unix.Llistxattr(path, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, MaxXattr)
		n, err = unix.Llistxattr(path, buf)
	}
	switch {
	case errors.Is(err, unix.ENOTSUP), err == nil && n == 0:
		return nil, nil
	case err != nil:
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	return strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00"), nil
}

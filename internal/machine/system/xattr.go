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
	return listXattrs(path, func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
}

// ListXattrsBehind is ListXattrs for what a link leads to, such as those of
// proc_pid_fd(5).
func ListXattrsBehind(link string) ([]string, error) {
	return listXattrs(link, func(buf []byte) (int, error) { return unix.Listxattr(link, buf) })
}

func listXattrs(path string, list func(buf []byte) (int, error)) ([]string, error) {
	buf := make([]byte, 1024)
	n, err := list(buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, MaxXattr)
		n, err = list(buf)
	}
	switch {
	case errors.Is(err, unix.ENOTSUP), err == nil && n == 0:
		return nil, nil
	case err != nil:
		return nil, &os.PathError{Op: "listxattr", Path: path, Err: err}
	}
	return strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00"), nil
}

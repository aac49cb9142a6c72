// Package tree reads the files of a folder that somebody else may have made: a
// flake or an input. It reads only regular files, none that is large, and none
// outside the folder. It does not know what the files mean.
package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The largest sizes of files, in bytes. Parsing takes some hundred times the memory.
const (
	MaxModule = 1 << 20  // of a .hcl file, and of flake.lock
	MaxData   = 10 << 20 // of every other file that is read
)

// GitName is git's own folder, or the file that names it (gitrepository-layout(5)).
const GitName = ".git"

const maxLinks = 40 // as many as the kernel follows (path_resolution(7))

// The reasons not to follow a name.
var (
	ErrOutside = errors.New("it lies outside the flake")
	ErrLoop    = errors.New("it is a symbolic link that leads back to itself")
	ErrGit     = errors.New("git's own folder is not part of the flake, since the lock does not cover it")
)

// Refused reports whether an error is about a name that is not followed.
func Refused(err error) bool {
	return errors.Is(err, ErrOutside) || errors.Is(err, ErrLoop) || errors.Is(err, ErrGit)
}

// File is a file or folder of a tree. Name is relative to the folder Root. Links
// are followed within the tree, which does not include git's own folder. Errors
// are fs.PathErrors.
type File struct{ Root, Name string }

// Path is the file's path for the kernel, valid as long as nobody changes a link.
func (f File) Path() string { return filepath.Join(f.Root, f.Name) }

// Join is a file below a folder.
func (f File) Join(name string) File { return File{f.Root, filepath.Join(f.Name, name)} }

// Dir is the folder of a file.
func (f File) Dir() File { return File{f.Root, filepath.Dir(f.Name)} }

// Read returns the content, at most max bytes.
func (f File) Read(max int64) ([]byte, error) {
	n, err := f.find()
	if err != nil {
		return nil, f.failed(err)
	}
	defer n.close()
	b, err := n.read(max)
	if err != nil {
		return nil, f.failed(err)
	}
	return b, nil
}

// Stat is the result of stat(2) for the target of the name.
func (f File) Stat() (unix.Stat_t, error) {
	n, err := f.find()
	if err != nil {
		return unix.Stat_t{}, f.failed(err)
	}
	defer n.close()
	return n.stat, nil
}

// IsDir reports whether the name leads to a folder.
func (f File) IsDir() (bool, error) {
	st, err := f.Stat()
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

// Names are the entries of a folder, sorted.
func (f File) Names() ([]string, error) {
	n, err := f.find()
	if err != nil {
		return nil, f.failed(err)
	}
	defer n.close()
	if n.base != "" {
		return nil, f.failed(unix.ENOTDIR)
	}
	fd, err := unix.Openat(n.dir(), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, f.failed(err)
	}
	defer unix.Close(fd)
	names, err := namesIn(fd, maxEntries)
	if err != nil {
		return nil, f.failed(err)
	}
	return names, nil
}

func (f File) failed(err error) error { return &fs.PathError{Op: "open", Path: f.Path(), Err: err} }

// node is the target of a name: base in the last of the held folders, or "" for
// that folder itself.
type node struct {
	held []int // descriptors of the folders, beginning with the root
	base string
	stat unix.Stat_t
}

func (n *node) dir() int { return n.held[len(n.held)-1] }

func (n *node) close() {
	for _, fd := range n.held {
		unix.Close(fd)
	}
}

func (n *node) up() {
	last := len(n.held) - 1
	unix.Close(n.held[last])
	n.held = n.held[:last]
}

// find follows the name part by part from a descriptor of the root, so that a
// change meanwhile cannot lead out of it. (os.Root would follow links into git's
// folder, which no lock covers, and would refuse links that name the tree's own
// place.)
func (f File) find() (*node, error) {
	root, err := unix.Open(f.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n := &node{held: []int{root}}
	if err := n.follow(f.Root, f.Name); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *node) follow(root, name string) error {
	links := 0
	for rest := parts(name); len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch {
		case part == GitName:
			return ErrGit
		case part == ".." && len(n.held) == 1:
			return ErrOutside
		case part == "..":
			n.up()
			continue
		}
		fd, err := unix.Openat(n.dir(), part, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			if err = unix.Fstat(fd, &n.stat); err != nil {
				unix.Close(fd)
			}
		}
		if err != nil {
			return err
		}
		if n.stat.Mode&unix.S_IFMT == unix.S_IFDIR {
			n.held = append(n.held, fd)
			if len(n.held) > maxDepth {
				return unix.ENAMETOOLONG
			}
			continue
		}
		target, err := "", error(nil)
		if isLink := n.stat.Mode&unix.S_IFMT == unix.S_IFLNK; isLink {
			target, err = linkAt(fd, "")
		}
		unix.Close(fd)
		switch {
		case err != nil:
			return err
		case target != "":
			if links++; links > maxLinks {
				return ErrLoop
			}
			if filepath.IsAbs(target) {
				if target, err = own(root, target); err != nil {
					return err
				}
				for len(n.held) > 1 {
					n.up()
				}
			}
			rest = append(parts(target), rest...)
		case len(rest) > 0:
			return unix.ENOTDIR
		default:
			n.base = part
			return nil
		}
	}
	return unix.Fstat(n.dir(), &n.stat)
}

func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(p string) bool { return p == "" || p == "." })
}

// own is an absolute path in the tree, made relative to its root.
func own(root, path string) (string, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	for _, r := range []string{root, real} {
		if rest, ok := strings.CutPrefix(filepath.Clean(path), strings.TrimSuffix(r, "/")+"/"); ok {
			return rest, nil
		}
	}
	return "", ErrOutside
}

func linkAt(dir int, name string) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, b)
	if err == nil && n == 0 {
		err = unix.ENOENT
	}
	return string(b[:max(n, 0)]), err
}

func (n *node) read(max int64) ([]byte, error) {
	if n.base == "" {
		return nil, unix.EISDIR
	}
	file, st, err := openAt(n.dir(), n.base)
	if err != nil {
		return nil, err
	}
	defer unix.Close(int(file))
	if st.Size > max {
		return nil, tooLarge(st.Size, max)
	}
	b := bytes.NewBuffer(make([]byte, 0, st.Size+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(file, max+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > max {
		return nil, tooLarge(int64(b.Len()), max)
	}
	return b.Bytes(), nil
}

func tooLarge(size, max int64) error {
	return fmt.Errorf("it has %.1f MB, and the limit for such a file is %d MB", float64(size)/(1<<20), max>>20)
}

// openAt opens a regular file. It neither waits for nor reads anything else:
// opening a FIFO or a terminal can take for ever.
func openAt(dir int, name string) (descriptor, unix.Stat_t, error) {
	var st unix.Stat_t
	// Look at its type first, since some devices act when they are opened.
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, st, err
	}
	if err := regular(st); err != nil {
		return -1, st, err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err == nil {
		err = regular(st)
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return descriptor(fd), st, nil
}

func regular(st unix.Stat_t) error {
	what := ""
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		return unix.EISDIR
	case unix.S_IFIFO:
		what = "a FIFO"
	case unix.S_IFSOCK:
		what = "a socket"
	case unix.S_IFLNK:
		what = "now a symbolic link"
	default:
		what = "a device"
	}
	return fmt.Errorf("it is %s, and hostctl reads only regular files", what)
}

// descriptor is an open file that is not polled.
type descriptor int

// Read is part of io.Reader.
func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

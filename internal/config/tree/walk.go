package tree

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// The limits of a tree.
const (
	maxEntries = 1_000_000 // files and folders
	maxDepth   = 100       // folders in folders
)

// Entry is one file, folder or link that Walk found.
type Entry struct {
	Name string // relative to the root, which is "."
	Stat unix.Stat_t

	dir  int // the folder that it is in
	base string
}

// IsDir reports whether it is a folder.
func (e *Entry) IsDir() bool { return e.Stat.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsLink reports whether it is a symbolic link.
func (e *Entry) IsLink() bool { return e.Stat.Mode&unix.S_IFMT == unix.S_IFLNK }

// IsRegular reports whether it is a file that can be read.
func (e *Entry) IsRegular() bool { return e.Stat.Mode&unix.S_IFMT == unix.S_IFREG }

// Link is where a link leads.
func (e *Entry) Link() (string, error) { return linkAt(e.dir, e.base) }

// Copy writes the content of a regular file to w, at most max bytes. Afterwards
// Stat describes the file that was opened.
func (e *Entry) Copy(w io.Writer, max int64) (int64, error) {
	file, st, err := openAt(e.dir, e.base)
	if err != nil {
		return 0, err
	}
	defer unix.Close(int(file))
	e.Stat = st
	if st.Size > max {
		return 0, tooLarge(st.Size, max)
	}
	n, err := io.Copy(w, io.LimitReader(file, max+1))
	if err == nil && n > max {
		err = tooLarge(n, max)
	}
	return n, err
}

// Walk visits the folder root and everything below it except git's own folder, by
// path, as filepath.WalkDir does. It follows no link except root itself. A visit
// may return fs.SkipDir.
func Walk(root string, visit func(*Entry) error) error {
	dir, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	e := &Entry{Name: ".", dir: dir, base: "."}
	if err := unix.Fstat(dir, &e.Stat); err != nil {
		return &fs.PathError{Op: "stat", Path: root, Err: err}
	}
	if err := visit(e); err != nil {
		if err == fs.SkipDir {
			return nil
		}
		return err
	}
	w := &walk{root: root, visit: visit, left: maxEntries}
	return w.below(dir, "", 1)
}

type walk struct {
	root  string
	visit func(*Entry) error
	left  int // entries
}

// below visits the contents of a folder.
func (w *walk) below(dir int, name string, depth int) error {
	fail := func(name string, err error) error {
		return &fs.PathError{Op: "open", Path: filepath.Join(w.root, name), Err: err}
	}
	names, err := namesIn(dir, w.left)
	if err == nil && depth > maxDepth {
		err = fmt.Errorf("folders nest more than %d deep", maxDepth)
	}
	if err != nil {
		return fail(name, err)
	}
	w.left -= len(names)
	for _, base := range names {
		if base == GitName {
			continue
		}
		e := &Entry{Name: filepath.Join(name, base), dir: dir, base: base}
		if err := unix.Fstatat(dir, base, &e.Stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fail(e.Name, err)
		}
		err := w.visit(e)
		if err == fs.SkipDir && e.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		if !e.IsDir() {
			continue
		}
		inner, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return fail(e.Name, err)
		}
		err = w.below(inner, e.Name, depth+1)
		unix.Close(inner)
		if err != nil {
			return err
		}
	}
	return nil
}

// namesIn are the entries of an open folder, sorted; more than most is an error.
func namesIn(dir, most int) ([]string, error) {
	var names []string
	buf := make([]byte, 8<<10)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			slices.Sort(names)
			return names, nil
		}
		if _, _, names = unix.ParseDirent(buf[:n], -1, names); len(names) > most {
			return nil, fmt.Errorf("there are more than %d files below the folder", maxEntries)
		}
	}
}

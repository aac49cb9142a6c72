package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// AreaName is the root-only folder that hostctl keeps at the top of every
// file system that it changes: stage, undo slots and, on /, the journal.
const AreaName = ".hostctl"

// known are the areas that were found, by the folder at the top of their file
// system.
var known sync.Map // of area

type area struct {
	path string
	held *os.File // keeps the folder that path names
}

// In is a path in the area of the file system that is mounted at point, below
// root. What of it is not there is not there; and so is an area that is not
// root's alone, which somebody else made.
//
// The top of a file system can be somebody's own: a database's, or a person's
// home. Who may rename what is in it could put a link in the place of an area
// that was looked at a moment ago: such an area is reached by the folder itself,
// which is held open (proc_pid_fd(5)).
func In(root, point string, rel ...string) string {
	top := filepath.Join(root, point)
	if a, ok := known.Load(top); ok && a.(area).stands() {
		return filepath.Join(append([]string{a.(area).path}, rel...)...)
	}
	a, err := openArea(top)
	if err != nil {
		return filepath.Join("/proc/self/fd/none", filepath.Join(rel...))
	}
	known.Store(top, a)
	return filepath.Join(append([]string{a.path}, rel...)...)
}

// stands says of an area that is known by its path that it is there: another
// may have been mounted on its top since.
func (a area) stands() bool {
	var st unix.Stat_t
	return a.held != nil || unix.Lstat(a.path, &st) == nil && trusted(&st) == nil
}

// MakeArea makes sure of the area of the file system mounted at point.
func MakeArea(root, point string) error {
	top := filepath.Join(root, point)
	if err := os.Mkdir(filepath.Join(top, AreaName), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	a, err := openArea(top)
	if err == nil {
		known.Store(top, a)
	}
	return err
}

func openArea(top string) (a area, err error) {
	a.path = filepath.Join(top, AreaName)
	fd, err := unix.Open(a.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return a, &os.PathError{Op: "open", Path: a.path, Err: err}
	}
	held := os.NewFile(uintptr(fd), a.path)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = trusted(&st)
	}
	if err != nil {
		return a, errors.Join(fmt.Errorf("cannot use %s: %w; look what it is, and remove it", a.path, err), held.Close())
	}
	if err := unix.Stat(top, &st); err != nil {
		return a, errors.Join(&os.PathError{Op: "stat", Path: top, Err: err}, held.Close())
	}
	if st.Uid == uint32(os.Geteuid()) && (st.Mode&0o022 == 0 || st.Mode&unix.S_ISVTX != 0) {
		return a, held.Close() // nobody else can rename it
	}
	a.path, a.held = fmt.Sprintf("/proc/self/fd/%d", fd), held
	return a, nil
}

// trusted refuses a folder that is not this user's alone.
func trusted(st *unix.Stat_t) error {
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return errors.New("it is no folder")
	case st.Uid != uint32(os.Geteuid()) || st.Mode&0o022 != 0:
		return fmt.Errorf("user %d owns it, with mode %04o, and hostctl's own folders are root's alone", st.Uid, st.Mode&0o7777)
	}
	return nil
}

// inArea is the path below root of something that a transaction may delete: in
// an area, or a record.
func inArea(root, path string) string {
	point, rel, ok := strings.Cut(path, AreaName+"/")
	if !ok {
		return filepath.Join(root, path)
	}
	return In(root, point, rel)
}

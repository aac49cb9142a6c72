package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// AreaName is the root-only folder that hostctl keeps at the top of every
// file system that it changes: stage, undo slots and, on /, the journal.
const AreaName = ".hostctl"

// NoArea is what stands for the area of a file system that has none.
const NoArea = "/proc/self/fd/none"

// In is a path in the area of the file system that is mounted at point, below
// root. In one that is not there, or is not root's alone, which somebody else
// made, there is nothing.
//
// The top of a file system can be somebody's own: a database's, or a person's
// home. Who may rename what is in it could put a link in the place of an area
// that was looked at a moment ago: such an area is reached by the folder itself,
// which is held open from then on (proc_pid_fd(5)).
func In(root, point string, rel ...string) string {
	path, err := findArea(filepath.Join(root, point))
	if err != nil {
		path = NoArea
	}
	return filepath.Join(append([]string{path}, rel...)...)
}

// MakeArea makes sure of the area of the file system mounted at point.
func MakeArea(root, point string) error {
	top := filepath.Join(root, point)
	if err := os.Mkdir(filepath.Join(top, AreaName), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	_, err := findArea(top)
	return err
}

func findArea(top string) (path string, err error) {
	path = filepath.Join(top, AreaName)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st, above unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if !own(&st) || st.Mode&0o022 != 0 {
		return "", fmt.Errorf("cannot use %s: user %d owns it, its mode is %04o, and hostctl's own folders are root's alone; look what it is, and remove it",
			path, st.Uid, st.Mode&0o7777)
	}
	if err := unix.Stat(top, &above); err != nil {
		return "", &os.PathError{Op: "stat", Path: top, Err: err}
	}
	if own(&above) && (above.Mode&0o022 == 0 || above.Mode&unix.S_ISVTX != 0) {
		return path, nil // nobody else can rename it
	}
	return hold(fd, &st)
}

func own(st *unix.Stat_t) bool { return st.Uid == uint32(os.Geteuid()) }

// hold keeps a folder open for as long as this process lives, once, among the
// descriptors from a number on that no others have.
func hold(fd int, st *unix.Stat_t) (path string, err error) {
	const first = 900
	for n := first; ; n++ {
		var is unix.Stat_t
		switch err := unix.Fstat(n, &is); {
		case errors.Is(err, unix.EBADF):
			if n, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, n); err != nil {
				return "", fmt.Errorf("cannot hold a folder open: %w", err)
			}
		case err != nil:
			return "", err
		case is.Dev != st.Dev || is.Ino != st.Ino:
			continue
		}
		return fmt.Sprintf("/proc/self/fd/%d", n), nil
	}
}

// Refused says that hostctl has no area on the file system mounted at point since
// somebody else has put something in its place.
func Refused(root, point string) bool {
	top := filepath.Join(root, point)
	_, err := findArea(top)
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// Place is where bytes are: in a slot of the area of a file system or, without a
// slot, at a path of the root.
type Place struct {
	Path string `json:"path"` // the mount point of a slot
	Slot string `json:"slot,omitempty"`
}

// MaxKept is how large, in bytes, a file may be whose bytes are kept. It keeps out
// of memory what somebody made as large as they liked, in a folder of their own.
const MaxKept = 64 << 20

// Read reads the regular file at the place. Live folders are held while they are
// gone through, as those of a step are.
func (p Place) Read(root string) (b []byte, err error) {
	read := func(at system.Spot) error {
		f, err := at.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		b, err = io.ReadAll(io.LimitReader(f, MaxKept+1))
		if err == nil && len(b) > MaxKept {
			err = fmt.Errorf("it has more than %s", Bytes(MaxKept))
		}
		return err
	}
	if p.Slot != "" {
		err = read(system.Plainly(In(root, p.Path, p.Slot)))
		return b, err
	}
	tree, err := system.OpenTree(root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	err = tree.At(p.Path, read)
	return b, err
}

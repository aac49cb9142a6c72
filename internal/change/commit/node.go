// Package commit turns prepared nodes into live ones and back: a changeset
// says which paths differ between two generations, a transaction is the
// journaled list of steps that moves the live root from one to the other. It
// knows files, folders and links, and nothing of packages, units or accounts.
//
// A node that goes in and the node that comes out change places in one
// rename(2) call, so that every path is old or new at any moment, and the
// node that came out, its inode intact, is the undo.
package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Class says how a rollback treats a path (engine rule 1).
type Class string

// The classes. Program paths (package contents, dpkg's database, unit links)
// and config paths (conffiles, managed files) return exactly; state paths
// (what a script or daemon made) are created once and never taken away.
const (
	Program Class = "program"
	Config  Class = "config"
	State   Class = "state"
)

// Attr is the metadata of a node that a transaction restores.
type Attr struct {
	Mode   uint32            `json:"mode"` // st_mode, with the type bits
	UID    uint32            `json:"uid"`
	GID    uint32            `json:"gid"`
	MTime  int64             `json:"mtime"` // nanoseconds since the epoch
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
}

// Node identifies what stands at a path.
type Node struct {
	Attr
	Ino  uint64 `json:"ino"`
	Size int64  `json:"size,omitempty"`
	// standsFor are the inodes that the node was made again for.
	standsFor []uint64
	Digest    string `json:"digest,omitempty"` // hex SHA-256; config files only, whose bytes are also in the object store
	// Copy and Sum are of a file on a mount that is changed by copies: where
	// its bytes wait, below the area of the root, and their SHA-256.
	Copy string `json:"copy,omitempty"`
	Sum  string `json:"sum,omitempty"`
}

// StandIn is a node that hostctl made again, byte for byte, in the place of one
// that somebody had deleted: records of that one mean this.
type StandIn struct {
	Ino   uint64 `json:"ino"`
	For   uint64 `json:"for"` // the inode that is no more
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"`
}

// StillMeant leaves out what stands in for nodes that nothing names any more,
// neither a record nor one that stays. The oldest come first.
func StillMeant(known []StandIn, named map[uint64]bool) []StandIn {
	named = maps.Clone(named)
	return slices.DeleteFunc(slices.Clone(known), func(s StandIn) bool {
		if named[s.For] {
			named[s.Ino] = true
		}
		return !named[s.For]
	})
}

// IsDir reports whether the node is a directory.
func (n *Node) IsDir() bool { return n != nil && n.Mode&unix.S_IFMT == unix.S_IFDIR }

// same reports whether live is still the node that was recorded, or stands in
// for it. One whose bytes are known by digest may have been made again from
// them.
func (n *Node) same(live *Node) bool {
	if n == nil || live == nil {
		return n == nil && live == nil
	}
	if n.IsDir() && live.IsDir() {
		return true
	}
	return (n.Ino == live.Ino || n.Digest != "" || slices.Contains(live.standsFor, n.Ino)) && n.Size == live.Size && n.MTime == live.MTime &&
		n.Mode == live.Mode && n.UID == live.UID && n.GID == live.GID
}

// Lstat reads the node at an absolute path, without its xattrs. A path that
// does not exist, or whose parent is not a directory, gives nil.
func Lstat(path string) (*Node, error) {
	return lstatAt(system.Plainly(path), path)
}

// lstatAt is Lstat for what stands at a spot.
func lstatAt(at system.Spot, path string) (*Node, error) {
	st, err := at.Stat()
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return &Node{
		Attr: Attr{Mode: st.Mode, UID: st.Uid, GID: st.Gid, MTime: st.Mtim.Nano()},
		Ino:  st.Ino, Size: st.Size,
	}, nil
}

// ReadNode is Lstat with the node's xattrs, those of overlayfs left out.
func ReadNode(path string) (*Node, error) {
	n, err := Lstat(path)
	if err != nil || n == nil {
		return n, err
	}
	n.Xattrs, err = Xattrs(path)
	return n, err
}

// NodeIn is ReadNode for a physical path of a root: nil where one of its folders
// is a link, for then nothing is there under that name.
func NodeIn(root *system.Tree, path string) (n *Node, err error) {
	err = root.At(path, func(at system.Spot) (err error) {
		if n, err = lstatAt(at, path); err == nil && n != nil {
			n.Xattrs, err = Xattrs(at.Path())
		}
		return err
	})
	return n, ignoreAway(err)
}

const overlayPrefix = "trusted.overlay."

// Xattrs reads every extended attribute of path itself, trusted.* included,
// except those that overlayfs keeps for its own use.
func Xattrs(path string) (map[string][]byte, error) {
	names, err := system.ListXattrs(path)
	if err != nil {
		return nil, err
	}
	return values(names, func(name string) ([]byte, error) { return Xattr(path, name) })
}

func values(names []string, value func(name string) ([]byte, error)) (map[string][]byte, error) {
	var out map[string][]byte
	for _, name := range names {
		if strings.HasPrefix(name, overlayPrefix) {
			continue
		}
		v, err := value(name)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string][]byte{}
		}
		out[name] = v
	}
	return out, nil
}

// Xattr reads one extended attribute of path itself; nil where it is absent.
func Xattr(path, name string) ([]byte, error) {
	return xattr(path, name, func(buf []byte) (int, error) { return unix.Lgetxattr(path, name, buf) })
}

func xattr(path, name string, get func(buf []byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := get(buf)
		switch {
		case err == nil:
			return append([]byte{}, buf[:n]...), nil
		case errors.Is(err, unix.ERANGE):
			buf = make([]byte, system.MaxXattr)
		case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
			return nil, nil
		default:
			return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
	}
}

// StripOverlay removes the attributes that overlayfs left on a node of an
// upper layer, and refuses those whose meaning would be lost with them.
func StripOverlay(path string) error {
	names, err := system.ListXattrs(path)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, overlayPrefix) {
			continue
		}
		switch strings.TrimPrefix(name, overlayPrefix) {
		case "origin", "impure", "opaque", "uuid", "nlink", "upper", "protattr":
		default:
			return fmt.Errorf("cannot take %s out of the stage: it bears %s", path, name)
		}
		if err := unix.Lremovexattr(path, name); err != nil {
			return &os.PathError{Op: "removexattr " + name, Path: path, Err: err}
		}
	}
	return nil
}

// SetAttr gives the node at path the owner, mode, xattrs and time of a, and
// takes away xattrs that a does not have. Owner comes first, since chown(2)
// clears set-id bits and file capabilities.
func SetAttr(path string, a Attr) error {
	done := false
	err := setAttr(system.Plainly(path), path, a, func(*Node) bool { done = true; return true })
	if err == nil && !done {
		err = fmt.Errorf("cannot set owner and mode of %s: %w", path, errMoved)
	}
	return err
}

// setAttr is SetAttr for what is of the kind of a and meant, if that is what
// stands at a spot. It is held while it is looked at and changed: in a folder of
// somebody else's, its name may be of anything by then.
func setAttr(at system.Spot, path string, a Attr, meant func(*Node) bool) error {
	fd, err := unix.Openat(at.Dir, at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return ignoreGone(&os.PathError{Op: "open", Path: path, Err: err})
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&fileType != a.Mode&fileType || !meant(&Node{Attr: Attr{Mode: st.Mode}, Ino: st.Ino}) {
		return nil
	}
	held := fmt.Sprintf("/proc/self/fd/%d", fd)
	if err := unix.Fchownat(fd, "", int(a.UID), int(a.GID), unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	if a.Mode&fileType != unix.S_IFLNK {
		if err := unix.Chmod(held, a.Mode&07777); err != nil {
			return &os.PathError{Op: "chmod", Path: path, Err: err}
		}
	}
	if err := setXattrs(held, path, a.Xattrs); err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(a.MTime)}
	if err := unix.UtimesNanoAt(fd, "", times, unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "set time of", Path: path, Err: err}
	}
	return nil
}

// setXattrs sets those of the node that held leads to, which is at path.
func setXattrs(held, path string, want map[string][]byte) error {
	names, err := system.ListXattrsBehind(held)
	if err != nil {
		return err
	}
	have, err := values(names, func(name string) ([]byte, error) {
		return xattr(path, name, func(buf []byte) (int, error) { return unix.Getxattr(held, name, buf) })
	})
	if err != nil {
		return err
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			if err := unix.Removexattr(held, name); err != nil {
				return &os.PathError{Op: "removexattr " + name, Path: path, Err: err}
			}
		}
	}
	for name, value := range want {
		if string(have[name]) == string(value) && have[name] != nil {
			continue
		}
		if err := unix.Setxattr(held, name, value, 0); err != nil {
			return &os.PathError{Op: "setxattr " + name, Path: path, Err: err}
		}
	}
	return nil
}

// syncDir makes the names in a folder, or the inode of a file, durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Package node holds what hostctl knows of a file, a folder or a link, reads it
// and gives it its attributes. It knows where on each file system hostctl keeps
// the nodes of other generations (the area), how full that file system is, and
// how what was written to it becomes durable.
package node

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
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
	// StandsFor are the inodes that the node was made again for.
	StandsFor []uint64 `json:"-"`
	Digest    string   `json:"digest,omitempty"` // hex SHA-256; config files only, whose bytes are also in the object store
	// Copy and Sum are of a file on a mount that is changed by copies: where
	// its bytes wait, below the area of the root, and their SHA-256.
	Copy string `json:"copy,omitempty"`
	Sum  string `json:"sum,omitempty"`
}

// StandIn is a node that hostctl made again, byte for byte, in the place of one
// that somebody had deleted: records of that one mean this.
type StandIn struct {
	Ino   uint64 `json:"ino"`
	For   uint64 `json:"for"` // the inode that is gone
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

// Same reports whether live is still the node that was recorded, or stands in
// for it. One whose bytes are known by digest may have been made again from
// them.
func (n *Node) Same(live *Node) bool {
	if n == nil || live == nil {
		return n == nil && live == nil
	}
	if n.IsDir() && live.IsDir() {
		return true
	}
	return (n.Ino == live.Ino || n.Digest != "" || slices.Contains(live.StandsFor, n.Ino)) && n.Size == live.Size && n.MTime == live.MTime &&
		n.Mode == live.Mode && n.UID == live.UID && n.GID == live.GID
}

// Lstat reads the node at an absolute path, without its xattrs. A path that
// does not exist, or whose parent is not a directory, gives nil.
func Lstat(path string) (*Node, error) {
	return LstatAt(system.Plainly(path), path)
}

// LstatAt is Lstat for what stands at a spot.
func LstatAt(at system.Spot, path string) (*Node, error) {
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

// Read is Lstat with the node's xattrs, those of overlayfs left out.
func Read(path string) (*Node, error) {
	n, err := Lstat(path)
	if err != nil || n == nil {
		return n, err
	}
	n.Xattrs, err = Xattrs(path)
	return n, err
}

// ReadIn is Read for a physical path of a root: nil where one of its folders
// is a link, for then nothing is there under that name.
func ReadIn(root *system.Tree, path string) (n *Node, err error) {
	err = root.At(path, func(at system.Spot) (err error) {
		if n, err = LstatAt(at, path); err == nil && n != nil {
			n.Xattrs, err = Xattrs(at.Path())
		}
		return err
	})
	return n, IgnoreAway(err)
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
			return fmt.Errorf("cannot take %s out of the stage: it has %s", path, name)
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
	err := SetAttrAt(system.Plainly(path), path, a, func(*Node) bool { done = true; return true })
	if err == nil && !done {
		err = fmt.Errorf("cannot set owner and mode of %s: %w", path, ErrMoved)
	}
	return err
}

// SetAttrAt is SetAttr for what is of the kind of a and meant, if that is what
// stands at a spot. It is held while it is looked at and changed: in a folder of
// somebody else's, its name may be of anything by then.
func SetAttrAt(at system.Spot, path string, a Attr, meant func(*Node) bool) error {
	fd, err := unix.Openat(at.Dir, at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return IgnoreGone(&os.PathError{Op: "open", Path: path, Err: err})
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&FileType != a.Mode&FileType || !meant(&Node{Attr: Attr{Mode: st.Mode}, Ino: st.Ino}) {
		return nil
	}
	held := fmt.Sprintf("/proc/self/fd/%d", fd)
	if err := unix.Fchownat(fd, "", int(a.UID), int(a.GID), unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "chown", Path: path, Err: err}
	}
	if a.Mode&FileType != unix.S_IFLNK {
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

// SyncDir makes the names in a folder, or the inode of a file, durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Exists reports whether something stands at a path, be it a link that leads nowhere.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// With is the node n with other metadata.
func (n *Node) With(a Attr) *Node {
	other := *n
	other.Attr = a
	return &other
}

// Itself reports whether found is the very node that was recorded, or stands in
// for it, and not one that was made again from its bytes.
func (n *Node) Itself(found *Node) bool {
	return found != nil && n.Same(found) && (n.Ino == found.Ino || slices.Contains(found.StandsFor, n.Ino))
}

// FileType are the bits of a mode that tell files, folders and links apart (inode(7)).
const FileType = unix.S_IFMT

// IsLeaf reports whether there is a node, and it is no folder.
func IsLeaf(n *Node) bool { return n != nil && !n.IsDir() }

// Absolute reports whether path is absolute, clean, and free of NUL.
func Absolute(path string) bool {
	for i := range len(path) {
		if path[i] == 0 {
			return false
		}
	}
	return filepath.IsAbs(path) && filepath.Clean(path) == path
}

// SlotName reports whether path can be a slot below an area.
func SlotName(path string) bool {
	return path != "." && filepath.IsLocal(path) && Absolute("/"+path)
}

// ErrMoved says that a path was not what the transaction recorded.
var ErrMoved = errors.New("it changed while hostctl was at work")

// IgnoreGone takes away the error of a path at which nothing stands.
func IgnoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

// IgnoreAway is IgnoreGone, where a link in the place of a folder means the same:
// the path is not there any more.
func IgnoreAway(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return nil
	}
	return IgnoreGone(err)
}

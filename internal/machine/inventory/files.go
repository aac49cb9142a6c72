package inventory

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// File is what is at one path.
type File struct {
	Ino    uint64            `json:"i"`
	Mode   uint32            `json:"m"` // st_mode, with the type bits
	UID    uint32            `json:"u,omitempty"`
	GID    uint32            `json:"g,omitempty"`
	Size   int64             `json:"s,omitempty"` // of regular files
	MTime  int64             `json:"t,omitempty"` // nanoseconds since the epoch
	Target string            `json:"l,omitempty"` // of links
	Digest string            `json:"d,omitempty"` // hex SHA-256 of what is small and configures: /etc, keys, crontabs
	Xattrs map[string]string `json:"x,omitempty"` // hex values; those of overlayfs left out
	// Package has it; if many have a folder, it is one of them.
	Package string `json:"p,omitempty"`
}

// Areas are the folders that are read with everything in them.
func Areas() []string { return []string{"/etc", "/usr", "/opt"} }

// listAreas adds the paths of folders that are read with everything in them.
func listAreas(root system.Root, paths map[string]bool) error {
	for _, area := range append(Areas(), "/var/spool/cron", "/var/lib/systemd/linger") {
		if err := list(root, area, paths); err != nil {
			return err
		}
	}
	return nil
}

// readFiles reads those paths, what packages own elsewhere, and what accounts
// have where programs trust it.
func readFiles(root system.Root, paths map[string]bool, owners map[string]string, users map[string]account.PasswdEntry) (map[string]File, error) {
	for _, u := range users {
		for _, name := range []string{"authorized_keys", "authorized_keys2"} {
			if filepath.IsAbs(u.Home) {
				paths[filepath.Join(u.Home, ".ssh", name)] = true
			}
		}
	}
	registry, err := apt.Registry(root)
	if err != nil {
		return nil, err
	}
	for _, path := range registry {
		paths[path] = true
	}
	for path := range owners {
		paths[path] = true
	}
	files, err := read(root, slices.Collect(maps.Keys(paths)))
	for path, f := range files {
		if f.Package = owners[path]; f.Package != "" {
			files[path] = f
		}
	}
	return files, err
}

// List are all paths below dir that are on its own file system.
func List(root system.Root, dir string) ([]string, error) {
	paths := map[string]bool{}
	err := list(root, dir, paths)
	return slices.Sorted(maps.Keys(paths)), err
}

// area is what hostctl keeps at the top of a file system: commit.AreaName, of a
// package that this one does not know.
const area = ".hostctl"

// list adds every path below dir that is on dir's own file system, but for
// hostctl's area.
func list(root system.Root, dir string, paths map[string]bool) error {
	top := root.Path(dir)
	var device uint64
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if path == filepath.Join(top, area) {
			return fs.SkipDir
		}
		paths[dir+strings.TrimPrefix(path, top)] = true
		if !d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		dev := info.Sys().(*syscall.Stat_t).Dev
		if path == top {
			device = dev
		}
		if dev != device {
			return fs.SkipDir
		}
		return nil
	})
	return err
}

// read describes what is at the paths. It leaves out paths that do not exist,
// sockets, pipes and devices, and whatever is behind a link that somebody other
// than root could have made.
func read(root system.Root, paths []string) (map[string]File, error) {
	tree, err := system.OpenTree(string(root))
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	found := make([]*File, len(paths))
	err = system.Share(len(paths), func(i int) (err error) {
		if rootsOwn(paths[i]) {
			found[i], err = readFile(system.Plainly(root.Path(paths[i])), paths[i])
			return err
		}
		err = tree.Reach(paths[i], func(at system.Spot) (err error) {
			found[i], err = readFile(at, paths[i])
			return err
		})
		var link *system.LinkError
		if errors.As(err, &link) {
			return nil
		}
		return ignoreGone(err)
	})
	out := make(map[string]File, len(paths))
	for i, f := range found {
		if f != nil {
			out[paths[i]] = *f
		}
	}
	return out, err
}

// rootsOwn says of a path that root alone makes the folders above it.
func rootsOwn(path string) bool {
	return slices.ContainsFunc(Areas(), func(area string) bool { return strings.HasPrefix(path, area+"/") })
}

// readFile describes the node at a spot, which is at path in its root.
func readFile(at system.Spot, path string) (*File, error) {
	st, err := at.Stat()
	if err != nil {
		return nil, ignoreGone(&os.PathError{Op: "lstat", Path: path, Err: err})
	}
	f := &File{Ino: st.Ino, Mode: st.Mode, UID: st.Uid, GID: st.Gid, MTime: st.Mtim.Nano()}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
	case unix.S_IFLNK:
		f.Target, err = os.Readlink(at.Path())
		return f, ignoreGone(err)
	case unix.S_IFREG:
		if accountFile(path) {
			f.MTime = 0 // compared by entry
			break
		}
		f.Size = st.Size
		if hashed(path) && st.Size <= maxHashed {
			f.Digest, err = hashOf(at)
		}
	default:
		return nil, nil
	}
	if err == nil {
		f.Xattrs, err = xattrs(at.Path())
	}
	return f, ignoreGone(err)
}

func hashOf(at system.Spot) (string, error) {
	f, err := at.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	return system.HashOf(f)
}

// accountFile reports whether path is in the account database, or a backup of it.
func accountFile(path string) bool {
	return slices.Contains(account.Paths(), strings.TrimSuffix(path, "-"))
}

// maxHashed keeps a file that somebody made as large as they liked, in a folder
// of their own, from being read: its size and time are compared.
const maxHashed = 64 << 20

// hashed says whether the bytes of path are worth reading: it is a setting
// and not data or a program, which dpkg's own sums cover.
func hashed(path string) bool {
	return strings.HasPrefix(path, "/etc/") || strings.HasPrefix(path, "/var/spool/cron/") || strings.Contains(path, "/.ssh/")
}

// xattrs are the extended attributes of a file or folder that somebody sets.
func xattrs(path string) (map[string]string, error) {
	names, err := system.ListXattrs(path)
	if err != nil {
		return nil, err
	}
	var out map[string]string
	for _, name := range names {
		if strings.HasPrefix(name, "trusted.overlay.") {
			continue
		}
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		if errors.Is(err, unix.ERANGE) {
			value = make([]byte, system.MaxXattr)
			n, err = unix.Lgetxattr(path, name, value)
		}
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = hex.EncodeToString(value[:n])
	}
	return out, nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Manifest is everything that can be told about the paths below a root: what
// two roots must agree on to be the same. Keys are absolute inside the root.
type Manifest map[string]Entry

// Entry is one path.
type Entry struct {
	Type   string // file, dir, link, fifo, socket, char or block
	Mode   string // four octal digits
	UID    uint32
	GID    uint32
	Size   int64  // files only
	MTime  string // seconds.nanoseconds; files and links only, see Take
	SHA256 string // files only
	Target string // links: what they point to; devices: major:minor
	XAttrs string // all of them, trusted.* and ACLs too, sorted
	Flags  string // chattr(1), files and folders
	Links  string // the other names of the inode, sorted
}

// inodeFlags are the flags that chattr(1) can set, as linux/fs.h numbers them:
// s u c S i a d A, j t D T and C. The rest is how the file system laid the
// inode out (extents, hashed folders).
const inodeFlags = 0xff | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x800000

// Take makes the manifest of root, which it reads below its own mount alone.
// Times of folders are left out: they follow from the renames below them.
func Take(root string) (Manifest, error) {
	paths, err := list(root)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(paths))
	inodes := make([]uint64, len(paths))
	var g errgroup.Group
	workers := runtime.NumCPU()
	for w := range workers {
		g.Go(func() error {
			for i := w; i < len(paths); i += workers {
				var err error
				if entries[i], inodes[i], err = describe(root + paths[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("cannot describe %s: %w", paths[i], err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	names := map[uint64][]string{}
	for i, p := range paths {
		names[inodes[i]] = append(names[inodes[i]], p)
	}
	m := Manifest{}
	for i, p := range paths {
		if entries[i].Type == "" {
			continue // it went while the walk was under way
		}
		if group := names[inodes[i]]; len(group) > 1 {
			entries[i].Links = strings.Join(group, " ")
		}
		m[p] = entries[i]
	}
	return m, nil
}

func list(root string) ([]string, error) {
	top, err := os.Lstat(root)
	if err != nil {
		return nil, err
	}
	device := top.Sys().(*syscall.Stat_t).Dev
	var paths []string
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		paths = append(paths, strings.TrimPrefix(path, root))
		if !d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Sys().(*syscall.Stat_t).Dev != device {
			return filepath.SkipDir
		}
		return nil
	})
	return paths, err
}

func describe(path string) (Entry, uint64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return Entry{}, 0, err
	}
	e := Entry{Mode: fmt.Sprintf("%04o", st.Mode&0o7777), UID: st.Uid, GID: st.Gid}
	var err error
	if e.XAttrs, err = XAttrs(path); err != nil {
		return Entry{}, 0, err
	}
	mtime := strconv.FormatInt(st.Mtim.Sec, 10) + "." + fmt.Sprintf("%09d", st.Mtim.Nsec)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.Type, e.Size, e.MTime = "file", st.Size, mtime
		e.SHA256, e.Flags, err = read(path)
	case unix.S_IFDIR:
		e.Type = "dir"
		_, e.Flags, err = read(path)
	case unix.S_IFLNK:
		e.Type, e.MTime = "link", mtime
		e.Target, err = os.Readlink(path)
	case unix.S_IFCHR:
		e.Type, e.Target = "char", device(st.Rdev)
	case unix.S_IFBLK:
		e.Type, e.Target = "block", device(st.Rdev)
	case unix.S_IFIFO:
		e.Type = "fifo"
	case unix.S_IFSOCK:
		e.Type = "socket"
	}
	return e, st.Ino, err
}

func device(rdev uint64) string { return fmt.Sprintf("%d:%d", unix.Major(rdev), unix.Minor(rdev)) }

// read returns the digest of a file's bytes (none of a folder) and its flags.
func read(path string) (digest, flags string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	bits, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		flags = fmt.Sprintf("%#x", bits&inodeFlags)
	} else if !errors.Is(err, unix.ENOTTY) && !errors.Is(err, unix.EOPNOTSUPP) {
		return "", "", err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return "", flags, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(h.Sum(nil)), flags, nil
}

// XAttrs prints all extended attributes of path itself, trusted.* too.
func XAttrs(path string) (string, error) {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Llistxattr(path, buf)
	if err != nil || n == 0 {
		if errors.Is(err, unix.EOPNOTSUPP) {
			err = nil
		}
		return "", err
	}
	names := strings.Split(strings.TrimRight(string(buf[:n]), "\x00"), "\x00")
	slices.Sort(names)
	for i, name := range names {
		n, err := unix.Lgetxattr(path, name, buf)
		if err != nil {
			return "", err
		}
		names[i] = fmt.Sprintf("%s=%q", name, buf[:n])
	}
	return strings.Join(names, " "), nil
}

// Diff returns one line for each path on which the manifests differ, in the
// order of the paths, leaving out what the exclusions cover.
func Diff(before, after Manifest, exclusions []Exclusion) []string {
	paths := maps.Clone(before)
	maps.Copy(paths, after)
	var lines []string
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		b, was := before[p]
		a, is := after[p]
		switch {
		case !leaves(p, &b, &a, exclusions) || a == b:
		case !is:
			lines = append(lines, p+": gone, was "+b.Type)
		case !was:
			lines = append(lines, p+": new "+a.Type)
		default:
			lines = append(lines, p+": "+strings.Join(differences(b, a), ", "))
		}
	}
	return lines
}

func differences(b, a Entry) []string {
	var out []string
	for _, f := range []struct{ name, before, after string }{
		{"type", b.Type, a.Type},
		{"mode", b.Mode, a.Mode},
		{"uid", fmt.Sprint(b.UID), fmt.Sprint(a.UID)},
		{"gid", fmt.Sprint(b.GID), fmt.Sprint(a.GID)},
		{"size", fmt.Sprint(b.Size), fmt.Sprint(a.Size)},
		{"mtime", b.MTime, a.MTime},
		{"sha256", b.SHA256, a.SHA256},
		{"target", b.Target, a.Target},
		{"xattrs", b.XAttrs, a.XAttrs},
		{"flags", b.Flags, a.Flags},
		{"links", b.Links, a.Links},
	} {
		if f.before != f.after {
			out = append(out, fmt.Sprintf("%s %q -> %q", f.name, f.before, f.after))
		}
	}
	return out
}

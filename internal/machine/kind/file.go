package kind

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// maxShown is the size up to which text is kept for the plan to show.
const maxShown = 64 << 10

// observeFiles shares the paths among the processors: most of the time is the
// kernel's, which finds each of them.
func observeFiles(tree *system.Tree, names account.Names, want *spec.Host, paths []string, cache *StatCache) (files map[string]spec.File, leads map[string]string, err error) {
	found, size := make([]*spec.File, len(paths)), inFlake(want)
	err = system.Share(len(paths), func(i int) (err error) {
		o := observer{names: names, cache: cache, path: paths[i], want: want.Files[paths[i]], size: size}
		if found[i], err = o.file(tree); err != nil {
			return fmt.Errorf("cannot observe file %q: %w", paths[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	files, leads = make(map[string]spec.File, len(paths)), map[string]string{}
	for i, f := range found {
		if f != nil {
			files[paths[i]] = *f
		}
		if at := tree.Led(paths[i]); at != paths[i] {
			leads[paths[i]] = at
		}
	}
	return files, leads, nil
}

// blobSize is the size in bytes of the blob of a digest, -1 if unknown.
type blobSize func(digest string) int64

// inFlake is the blobSize of what a host has from its flake, or its record.
func inFlake(host *spec.Host) blobSize {
	return func(digest string) int64 {
		if st, err := os.Stat(host.Blobs[digest]); err == nil {
			return st.Size()
		}
		return -1
	}
}

// observer looks at one path.
type observer struct {
	names account.Names
	cache *StatCache
	path  string
	want  spec.File
	size  blobSize
}

// file describes what is at the path, nil if nothing is.
func (o observer) file(tree *system.Tree) (f *spec.File, err error) {
	err = tree.Reach(o.path, func(at system.Spot) error {
		f, err = o.at(at)
		return err
	})
	var link *system.LinkError
	switch {
	case absent(err):
		return nil, nil
	case errors.As(err, &link):
		return &spec.File{Type: spec.Hidden, Target: link.Path}, nil
	case os.Geteuid() == 0 && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTCONN)): // of a file system that somebody else has mounted, and serves
		return &spec.File{Type: spec.Hidden, Target: filepath.Dir(o.path)}, nil
	}
	return f, err
}

// at describes what is at a spot. It reads the text of a file only if it is not the
// wanted one and anybody may read it.
func (o observer) at(at system.Spot) (*spec.File, error) {
	st, err := at.Stat()
	if err != nil {
		return nil, err
	}
	f := &spec.File{
		Mode:  fmt.Sprintf("%04o", st.Mode&0o7777),
		Owner: o.names.User(int(st.Uid)),
		Group: o.names.Group(int(st.Gid)),
	}
	if o.noModes(at) {
		f.Mode, f.Owner, f.Group = o.want.Mode, o.want.Owner, o.want.Group
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.Type = spec.Regular
		err = o.regular(f, at, st)
	case unix.S_IFDIR:
		f.Type = spec.Directory
	case unix.S_IFLNK:
		f.Type, f.Mode = spec.Symlink, ""
		f.Target, err = os.Readlink(at.Path())
	default:
		f.Type = spec.Other
	}
	return f, err
}

// noModes reports whether a path is on a file system of the firmware, on which
// the mount says what mode and owner everything has (mount(8), fat).
func (o observer) noModes(at system.Spot) bool {
	if !strings.HasPrefix(o.path, "/boot/") && !strings.HasPrefix(o.path, "/efi/") {
		return false
	}
	var st unix.Statfs_t
	return unix.Statfs(at.Path(), &st) == nil && st.Type == unix.MSDOS_SUPER_MAGIC
}

// maxHashed avoids reading a huge file that somebody made in a folder of their own:
// if it does not have the wanted size, it differs anyway.
const maxHashed = 64 << 20

func (o observer) regular(f *spec.File, at system.Spot, st *unix.Stat_t) error {
	if st.Size > maxHashed && st.Size != o.wantedSize() {
		f.Digest = spec.Unread(st.Size)
		return nil
	}
	holds, err := o.cache.Contents(o.path, st, at.Open)
	f.Digest, f.Xattrs = holds.Digest, holds.Xattrs
	if err == nil && holds.Digest != o.want.Live(o.path).Digest {
		f.Content, err = shownText(at, st)
	}
	return err
}

func (o observer) wantedSize() int64 {
	if o.want.FromBlob() {
		return o.size(o.want.Digest)
	}
	return int64(len(o.want.Content))
}

// xattrs names the attributes that spec.File lists. It leaves out those that
// security modules and file systems set themselves.
func xattrs(f *os.File) ([]string, error) {
	names, err := system.ListXattrsBehind(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	var out []string
	for _, name := range names {
		if name == "security.capability" || name == "system.posix_acl_access" || strings.HasPrefix(name, "user.") {
			out = append(out, name)
		}
	}
	return out, err
}

// readPlain reads one of hostctl's own files, and returns its mode, owner and group
// in the form of spec.PlainFile, or "symlink" for a link, which it follows.
func readPlain(root system.Root, names account.Names, path string) (content []byte, as string, err error) {
	st, err := os.Lstat(root.Path(path))
	if err != nil {
		return nil, "", err
	}
	sys := st.Sys().(*syscall.Stat_t)
	uid, _ := names.UID("root")
	gid, _ := names.GID("root")
	switch {
	case st.Mode().IsRegular() && sys.Mode&0o7777 == 0o644 && int(sys.Uid) == uid && int(sys.Gid) == gid:
		as = spec.PlainFile // others may have root's ids, and a name before its
	case st.Mode().IsRegular():
		as = fmt.Sprintf("%04o %s %s", sys.Mode&0o7777, names.User(int(sys.Uid)), names.Group(int(sys.Gid)))
	case st.Mode()&fs.ModeSymlink != 0:
		as = "symlink"
	default:
		return nil, st.Mode().Type().String(), nil
	}
	content, err = root.Read(path)
	if as == "symlink" && absent(err) {
		err = nil
	}
	return content, as, err
}

func shownText(at system.Spot, st *unix.Stat_t) (string, error) {
	if st.Size > maxShown || st.Mode&0o004 == 0 {
		return "", nil
	}
	f, err := at.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxShown+1))
	if err != nil || len(b) > maxShown || !utf8.Valid(b) || strings.ContainsRune(string(b), 0) {
		return "", err
	}
	return string(b), nil
}

// remove takes a file, a link or an empty folder away. A folder that is not
// empty stays: what is in it is not the spec's. So does what is behind a link
// that is not followed.
func (s *stage) remove(path string) error {
	err := s.tree.Reach(path, func(at system.Spot) error { return os.Remove(at.Path()) })
	s.tree.Forget() // it can have been a link
	var link *system.LinkError
	if err == nil || absent(err) || errors.As(err, &link) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return fmt.Errorf("cannot remove %q: %w", path, err)
}

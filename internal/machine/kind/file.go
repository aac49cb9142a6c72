package kind

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// maxShown is the size up to which text is kept for the plan to show.
const maxShown = 64 << 10

// observeFiles shares the paths among the processors: most of the time is the
// kernel's, which finds each of them.
func observeFiles(root system.Root, names account.Names, want map[string]spec.File, paths []string, cache *StatCache) (map[string]spec.File, error) {
	found := make([]*spec.File, len(paths))
	err := system.Share(len(paths), func(i int) (err error) {
		var digest string
		if w, ok := want[paths[i]]; ok {
			digest = w.Live(paths[i]).Digest
		}
		if found[i], err = observeFile(root.Path(paths[i]), names, digest, cache); err != nil {
			return fmt.Errorf("cannot observe file %q: %w", paths[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]spec.File, len(paths))
	for i, f := range found {
		if f != nil {
			out[paths[i]] = *f
		}
	}
	return out, nil
}

// observeFile describes what stands at path, nil if nothing does. The text of
// a file is read only if it is not the wanted one and anybody may read it.
func observeFile(path string, names account.Names, wanted string, cache *StatCache) (*spec.File, error) {
	st, err := os.Lstat(path)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sys := st.Sys().(*syscall.Stat_t)
	f := &spec.File{
		Mode:  fmt.Sprintf("%04o", sys.Mode&0o7777),
		Owner: names.User(int(sys.Uid)),
		Group: names.Group(int(sys.Gid)),
	}
	switch st.Mode().Type() {
	case 0:
		f.Type = spec.Regular
		var holds Contents
		if holds, err = cache.Contents(path, st); err == nil && holds.Digest != wanted {
			f.Content, err = shownText(path, st)
		}
		f.Digest, f.Xattrs = holds.Digest, holds.Xattrs
	case fs.ModeDir:
		f.Type = spec.Directory
	case fs.ModeSymlink:
		f.Type, f.Mode = spec.Symlink, ""
		f.Target, err = os.Readlink(path)
	default:
		f.Type = spec.FileType(st.Mode().Type().String()) // a socket, device or pipe: never what a spec wants
	}
	return f, err
}

// xattrs names the attributes of which spec.File speaks. Those of security
// modules and file systems are not somebody's doing.
func xattrs(path string) ([]string, error) {
	names, err := system.ListXattrs(path)
	var out []string
	for _, name := range names {
		if name == "security.capability" || name == "system.posix_acl_access" || strings.HasPrefix(name, "user.") {
			out = append(out, name)
		}
	}
	return out, err
}

// readPlain reads a file of hostctl's own, and says how it stands: mode, owner
// and group, as spec.PlainFile, or "symlink" for one, which is followed.
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

func shownText(path string, st fs.FileInfo) (string, error) {
	if st.Size() > maxShown || st.Mode()&0o004 == 0 {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil || !utf8.Valid(b) || strings.ContainsRune(string(b), 0) {
		return "", err
	}
	return string(b), nil
}

// remove takes a file, a link or an empty folder away. A folder that is not
// empty stays: what is in it is not the spec's.
func (s *stage) remove(path string) error {
	err := os.Remove(s.root.Path(path))
	if err == nil || absent(err) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return fmt.Errorf("cannot remove %q: %w", path, err)
}

package kind

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// home is the home folder of an account that the spec declares.
type home struct {
	path     string
	uid, gid int
}

func homes(accounts account.Files, users map[string]spec.User) []home {
	var out []home
	live := accounts.Users()
	for _, name := range keys(users) {
		if u, ok := live[name]; ok && u.Home != "/" && filepath.IsAbs(u.Home) {
			out = append(out, home{filepath.Clean(u.Home), u.UID, u.GID})
		}
	}
	return out
}

// parents makes the folders above path that are missing, mode 0755: root's,
// or in the home of a declared user that user's. It returns their physical paths.
func (s *stage) parents(path string) (made []string, err error) {
	dir := "/"
	for part := range strings.SplitSeq(strings.Trim(filepath.Dir(path), "/"), "/") {
		dir = filepath.Join(dir, part)
		missing := false
		err := s.tree.Reach(dir, func(at system.Spot) error {
			_, err := at.Stat()
			if missing = absent(err); !missing {
				return err
			}
			uid, gid := s.folderOwner(dir)
			return at.Mkdir(0o755, uid, gid)
		})
		if err != nil {
			return made, err
		}
		if missing {
			physical, err := s.tree.Canonical(dir)
			if err != nil {
				return made, err
			}
			made = append(made, physical)
		}
	}
	return made, nil
}

// emptied removes the folders made for files that the spec no longer has, if they
// are empty: not one that is somebody's home, and not one that has become
// something else. The rest of Folders has files.
func (s *stage) emptied(accounts account.Files) error {
	if len(s.Folders) == 0 {
		return nil
	}
	needed := map[string]bool{}
	for path := range s.Want.Files {
		at, err := s.tree.Canonical(path)
		if err != nil {
			return err
		}
		for ; at != "/" && !needed[at]; at = filepath.Dir(at) {
			needed[at] = true
		}
	}
	for _, u := range accounts.Users() {
		needed[filepath.Clean(u.Home)] = true
	}
	slices.Sort(s.Folders)
	for _, dir := range slices.Backward(slices.Compact(s.Folders)) {
		if needed[dir] {
			continue
		}
		err := s.tree.At(dir, func(at system.Spot) error { return unix.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR) })
		if err != nil && !absent(err) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ELOOP) {
			return fmt.Errorf("cannot remove folder %q: %w", dir, err)
		}
	}
	s.Folders = slices.DeleteFunc(slices.Compact(s.Folders), func(dir string) bool { return !needed[dir] })
	return nil
}

func (s *stage) folderOwner(dir string) (uid, gid int) {
	best := home{}
	for _, h := range s.homes {
		if (dir == h.path || strings.HasPrefix(dir, h.path+"/")) && len(h.path) > len(best.path) {
			best = h
		}
	}
	if best.path != "" {
		return best.uid, best.gid
	}
	return s.rootIDs()
}

// rootIDs are root's ids in the root's own database: 0 on every host, another
// number where a test's folder says so.
func (s *stage) rootIDs() (uid, gid int) {
	uid, _ = s.names.UID("root")
	gid, _ = s.names.GID("root")
	return uid, gid
}

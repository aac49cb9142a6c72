package kind

import (
	"path/filepath"
	"strings"

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
// or in the home of a declared user that user's.
func (s *stage) parents(path string) error {
	dir := "/"
	for part := range strings.SplitSeq(strings.Trim(filepath.Dir(path), "/"), "/") {
		dir = filepath.Join(dir, part)
		err := s.tree.Reach(dir, func(at system.Spot) error {
			if _, err := at.Stat(); !absent(err) {
				return err
			}
			uid, gid := s.folderOwner(dir)
			return at.Mkdir(0o755, uid, gid)
		})
		if err != nil {
			return err
		}
	}
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

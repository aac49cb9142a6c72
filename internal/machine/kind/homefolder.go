package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// observeHomes looks at the folders that wanted accounts live in, or will, apart
// from those that the spec has as files, whose owner it says there.
func observeHomes(tree *system.Tree, accounts account.Files, want *spec.Host) (map[string]spec.HomeFolder, error) {
	live, names := accounts.Users(), accounts.Names()
	out := map[string]spec.HomeFolder{}
	for name, w := range want.Users {
		h := spec.HomeFolder{Path: filepath.Clean(w.HomeOf(name, live[name].Home))}
		if _, declared := want.Files[h.Path]; declared || w.System || w.Absent || !filepath.IsAbs(h.Path) {
			continue
		}
		err := tree.Reach(h.Path, func(at system.Spot) error {
			st, err := at.Stat()
			if err != nil {
				return err
			}
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				h.Owner = "not a folder"
				return nil
			}
			h.Owner = names.User(int(st.Uid))
			if root, _ := names.UID("root"); int(st.Uid) == root {
				h.Owner, h.Free = "root", mayBeHome(h.Path) && !lives(live, name, h.Path)
			}
			return nil
		})
		var link *system.LinkError
		switch {
		case errors.As(err, &link):
			h.Owner = "behind a link"
		case err != nil && !absent(err):
			return nil, fmt.Errorf("cannot observe the home of user %q: %w", name, err)
		}
		out[name] = h
	}
	return out, nil
}

// mayBeHome leaves out the folders of the system, and those that Debian makes
// at the top: what is root's there is so for a reason.
func mayBeHome(path string) bool {
	top, _, below := strings.Cut(strings.Trim(path, "/"), "/")
	return below && !strings.HasPrefix(top, "lib") &&
		!slices.Contains([]string{"bin", "boot", "dev", "etc", "opt", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"}, top)
}

// lives says whether another account has that home.
func lives(users map[string]account.PasswdEntry, name, path string) bool {
	for other, u := range users {
		if other != name && filepath.Clean(u.Home) == path {
			return true
		}
	}
	return false
}

// homeFolders gives accounts their home folders, as spec.DiffHome says. It changes
// the owner of only the folder itself, and of those that root made in it for the
// age key: everything else in it keeps its owner.
func (s *stage) homeFolders(ctx context.Context, before map[string]spec.User) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	folders, err := observeHomes(s.tree, accounts, s.Want)
	if err != nil {
		return err
	}
	for _, name := range keys(folders) {
		var have *spec.User
		if u, existed := before[name]; existed {
			have = &u
		}
		u := accounts.Users()[name]
		for _, f := range spec.DiffHome(name, have, s.Want.Users[name], folders[name], s.Found.Made(name, s.Prev)) {
			if f.Before == spec.Missing {
				err = s.makeHome(ctx, folders[name].Path, u)
			} else {
				err = s.giveHome(folders[name].Path, u)
				if err == nil {
					err = s.giveKeyFolders(folders[name].Path, u)
				}
			}
			if err != nil {
				return fmt.Errorf("cannot give user %q%s its home: %w", name, s.origin(spec.KindUser, name), err)
			}
		}
	}
	return nil
}

func (s *stage) giveHome(path string, u account.PasswdEntry) error {
	return s.tree.Reach(path, func(at system.Spot) error {
		st, err := at.Stat()
		if err != nil {
			return err
		}
		return at.SetMeta(unix.S_IFDIR, os.FileMode(st.Mode&0o7777), u.UID, u.GID)
	})
}

// giveKeyFolders gives a user the folders between their home and the age key:
// root has made them before there was an account, and ~/.config is one of them.
func (s *stage) giveKeyFolders(home string, u account.PasswdEntry) error {
	for _, dir := range s.Want.Settings.KeyFolders(home) {
		err := s.tree.Reach(dir, func(at system.Spot) error {
			st, err := at.Stat()
			if err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != 0 {
				return err
			}
			return at.SetMeta(unix.S_IFDIR, os.FileMode(st.Mode&0o7777), u.UID, u.GID)
		})
		var link *system.LinkError
		if err != nil && !absent(err) && !errors.As(err, &link) {
			return err
		}
	}
	return nil
}

// makeHome makes a home as useradd(8) does: for its user alone, with what is in
// /etc/skel.
func (s *stage) makeHome(ctx context.Context, path string, u account.PasswdEntry) error {
	if _, err := s.parents(path); err != nil {
		return err
	}
	err := s.tree.Reach(path, func(at system.Spot) error { return at.Mkdir(0o700, u.UID, u.GID) })
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.root.Path("/etc/skel")); absent(err) {
		return nil
	}
	for _, tool := range [][]string{
		{"cp", "--recursive", "--no-dereference", "--preserve=mode", "--", "/etc/skel/.", path},
		{"chown", "--recursive", "--no-dereference", fmt.Sprintf("%d:%d", u.UID, u.GID), "--", path},
	} {
		if out, err := s.root.Command(ctx, tool[0], tool[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", tool[0], err, strings.TrimSpace(string(out)))
		}
	}
	// cp has given it the mode of /etc/skel.
	return s.tree.Reach(path, func(at system.Spot) error { return at.SetMeta(unix.S_IFDIR, 0o700, u.UID, u.GID) })
}

package kind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/spec"
)

// refuseTwice refuses paths that lead to one place through links that packages
// ship: the second file would overwrite the first.
func (s *stage) refuseTwice() error {
	var errs []error
	for _, c := range s.Want.Clashes(s.lead) {
		errs = append(errs, fmt.Errorf("cannot set %s%s: %s%s; remove one of the two", c.Second.By, s.origin(c.Second.By.Kind, c.Second.By.Name),
			c.Why(), s.origin(c.First.By.Kind, c.First.By.Name)))
	}
	return errors.Join(errs...)
}

// lead is where a path leads in the root; the path, behind a link that is not
// followed.
func (s *stage) lead(path string) string {
	if at, err := s.tree.Canonical(path); err == nil {
		return at
	}
	return path
}

// refuseMissing refuses, all at once, names of things that do not exist although
// everything is installed: nobody can log in with a shell that does not exist.
func (s *stage) refuseMissing(context.Context) error {
	var errs []error
	for _, name := range keys(s.Want.Users) {
		user := s.Want.Users[name]
		if user.Absent {
			continue
		}
		if err := s.runs(user.Shell); err != nil {
			errs = append(errs, fmt.Errorf("cannot set user %q%s: its login shell %w; add the package that brings it, or name another", name, s.origin(spec.KindUser, name), err))
		}
	}
	for _, path := range keys(s.Want.Files) {
		f := s.Want.Files[path]
		if f.Type != spec.Symlink || s.exists(path, f.Target) {
			continue
		}
		errs = append(errs, fmt.Errorf("cannot set file %q%s: it is to be a link to %s, which no package brings%s", path, s.origin(spec.KindFile, path), f.Target, remedyOf(f.Target)))
	}
	return errors.Join(append(errs, s.secretOwners()...)...)
}

// runs reports why a program cannot be run; none is asked for by "".
func (s *stage) runs(path string) error {
	if path == "" {
		return nil
	}
	st, err := os.Stat(s.root.Follow(path))
	switch {
	case absent(err):
		return fmt.Errorf("%s does not exist", path)
	case err != nil:
		return underlying(err)
	case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no program", path)
	}
	return nil
}

// exists reports whether the target of a link exists, or may come later: only
// packages write to /usr, except /usr/local.
func (s *stage) exists(link, target string) bool {
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(link), target)
	}
	at := s.lead(target)
	if !strings.HasPrefix(at, "/usr/") || strings.HasPrefix(at, "/usr/local/") {
		return true
	}
	_, err := os.Stat(s.root.Follow(at))
	return !absent(err)
}

// remedyOf says where to look for a target: tzdata-legacy has the names of time
// zones that were given up, since Debian 13.
func remedyOf(target string) string {
	if zone, ok := strings.CutPrefix(target, "/usr/share/zoneinfo/"); ok {
		return fmt.Sprintf("; a name that was given up, such as US/Pacific, is in the package tzdata-legacy: add that, or write the name of today for %s", zone)
	}
	return "; add the package, or mend the path"
}

// secretOwners checks that the owners of secrets are accounts: secrets get their
// owners only after the commit.
func (s *stage) secretOwners() (errs []error) {
	if len(s.Want.Secrets) == 0 {
		return nil
	}
	accounts, err := account.Read(s.root)
	if err != nil {
		return []error{err}
	}
	ids := accounts.Names()
	for _, name := range keys(s.Want.Secrets) {
		secret := s.Want.Secrets[name]
		missing := func(what, who string) {
			errs = append(errs, fmt.Errorf("cannot set secret %q%s: there is no %s %q; add it, or the package that brings it", name, s.origin(spec.KindSecret, name), what, who))
		}
		if _, known := ids.UID(cmp.Or(secret.Owner, "root")); !known {
			missing("user", secret.Owner)
		}
		if _, known := ids.GID(cmp.Or(secret.Group, "root")); !known {
			missing("group", secret.Group)
		}
	}
	return errs
}

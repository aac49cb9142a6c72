package kind

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/spec"
)

func observeGroups(accounts account.Files, names []string) map[string]spec.Group {
	out := map[string]spec.Group{}
	groups := accounts.Groups()
	for _, name := range names {
		if g, ok := groups[name]; ok {
			out[name] = spec.Group{GID: &g.GID}
		}
	}
	return out
}

func (s *stage) createGroups(ctx context.Context) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	have := accounts.Groups()
	s.found.Groups = s.Found.NextGroups(s.Want.Groups, s.Prev.Groups, observeGroups(accounts, keys(s.Want.Groups)))
	for _, name := range keys(s.Want.Groups) {
		if _, exists := have[name]; exists || s.Want.Groups[name].Absent {
			continue
		}
		var args []string
		if g := s.Want.Groups[name]; g.GID != nil {
			args = append(args, "--gid", strconv.Itoa(*g.GID))
		} else if g.System {
			args = append(args, "--system")
		}
		if err := s.accountTool(ctx, spec.KindGroup, name, "groupadd", args...); err != nil {
			return err
		}
	}
	return nil
}

// deleteGroups comes after the users: groupdel(8) refuses the primary group of
// an account, and userdel(8) takes the account's own group with it.
func (s *stage) deleteGroups(ctx context.Context) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	have := accounts.Groups()
	for _, name := range s.deletes(spec.KindGroup) {
		if _, exists := have[name]; !exists {
			continue
		}
		if err := s.accountTool(ctx, spec.KindGroup, name, "groupdel"); err != nil {
			return err
		}
	}
	s.names = accounts.Names()
	return nil
}

// accountTool runs one of the shadow tools on one account.
func (s *stage) accountTool(ctx context.Context, kind spec.Kind, name, tool string, args ...string) error {
	out, err := s.root.Command(ctx, tool, append(slices.Clone(args), "--", name)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot set %s %q%s: %s %s: %w: %s", kind, name, s.origin(kind, name),
			tool, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

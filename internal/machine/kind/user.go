package kind

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Accounts are all users and groups of account files.
func Accounts(files account.Files) (map[string]spec.User, map[string]spec.Group) {
	return observeUsers(files, keys(files.Users())), observeGroups(files, keys(files.Groups()))
}

func observeUsers(accounts account.Files, names []string) map[string]spec.User {
	memberOf := map[string][]string{}
	groups := accounts.Groups()
	for _, group := range keys(groups) {
		for _, member := range groups[group].Members {
			memberOf[member] = append(memberOf[member], group)
		}
	}
	ids := accounts.Names()
	out := map[string]spec.User{}
	users := accounts.Users()
	for _, name := range names {
		if u, ok := users[name]; ok {
			out[name] = spec.User{
				UID:     &u.UID,
				Group:   ids.Group(u.GID),
				Groups:  memberOf[name],
				Home:    u.Home,
				Shell:   u.Shell,
				Comment: u.Comment,
			}
		}
	}
	return out
}

// users makes, changes and deletes accounts. A deleted account's home stays:
// it is the user's data, not the spec's.
func (s *stage) users(ctx context.Context) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	live := observeUsers(accounts, keys(s.Want.Users, s.Prev.Users))
	s.found.Users = s.Found.NextUsers(s.Want.Users, s.Prev.Users, live)
	for _, name := range s.deletes(spec.KindUser) {
		if _, exists := live[name]; !exists {
			continue
		}
		if err := s.accountTool(ctx, spec.KindUser, name, "userdel"); err != nil {
			return err
		}
	}
	var created []string
	for _, name := range keys(s.Want.Users, s.Found.Users) {
		want, wanted := s.Want.Users[name]
		have, exists := live[name]
		switch {
		case want.Absent, !wanted && !exists:
		case exists:
			err = s.changeUser(ctx, name, have, accounts)
		default:
			_, twin := accounts.Groups()[name]
			err = s.createUser(ctx, name, twin)
			created = append(created, name)
		}
		if err != nil {
			return err
		}
	}
	if err := s.homeFolders(ctx, live); err != nil {
		return err
	}
	return s.passwords(ctx, created)
}

// changeUser sets what the spec sets, and restores what it no longer sets. It does
// not restore groups and shells that no longer exist.
func (s *stage) changeUser(ctx context.Context, name string, have spec.User, accounts account.Files) error {
	options := map[string]string{"group": "--gid", "groups": "--groups", "home": "--home", "shell": "--shell", "comment": "--comment"}
	var args []string
	for _, f := range spec.DiffUser(&have, s.Want.Users[name]) {
		args = append(args, options[f.Name], value(f))
	}
	groups := accounts.Groups()
	gone := func(group string) bool { _, exists := groups[group]; return !exists }
	for _, f := range s.Found.User(name, have, s.Want.Users[name], s.Prev.Users[name]) {
		switch {
		case f.Name == "group" && gone(f.After), f.Name == "shell" && s.runs(f.After) != nil:
			continue
		case f.Name == "groups":
			f.After = strings.Join(slices.DeleteFunc(strings.Fields(f.After), gone), " ")
		}
		args = append(args, options[f.Name], value(f))
	}
	if len(args) == 0 {
		return nil
	}
	return s.accountTool(ctx, spec.KindUser, name, "usermod", args...)
}

// value is a field's new value as the shadow tools take it.
func value(f spec.Field) string {
	if f.Name == "groups" {
		return strings.ReplaceAll(f.After, " ", ",")
	}
	return f.After
}

// createUser makes an account with a locked password. Defaults are those of
// Debian's adduser(8): a group with the account's name, a home from /etc/skel for
// people, none and no shell for system accounts.
func (s *stage) createUser(ctx context.Context, name string, groupOfSameName bool) error {
	u := s.Want.Users[name]
	args := []string{"--create-home"}
	if u.Home == "" {
		u.Home = u.NewHome
	}
	if u.System {
		args = []string{"--system", "--no-create-home"}
		if u.Home == "" {
			u.Home = "/nonexistent"
		}
		if u.Shell == "" {
			u.Shell = "/usr/sbin/nologin"
		}
	}
	switch {
	case u.Group != "":
		args = append(args, "--gid", u.Group)
	case groupOfSameName:
		args = append(args, "--gid", name)
	default:
		args = append(args, "--user-group")
	}
	if err := s.ownWay(u.Home); err != nil {
		return fmt.Errorf("cannot create user %q%s: %w", name, s.origin(spec.KindUser, name), err)
	}
	if u.UID != nil {
		args = append(args, "--uid", strconv.Itoa(*u.UID))
	}
	if len(u.Groups) > 0 {
		args = append(args, "--groups", strings.Join(u.Groups, ","))
	}
	for _, o := range [][2]string{{"--home-dir", u.Home}, {"--shell", u.Shell}, {"--comment", u.Comment}} {
		if o[1] != "" {
			args = append(args, o[0], o[1])
		}
	}
	return s.accountTool(ctx, spec.KindUser, name, "useradd", args...)
}

// ownWay refuses a home to which a link leads that is not followed: useradd
// would make folders, and give them away, wherever it leads.
func (s *stage) ownWay(home string) error {
	err := s.tree.Reach(home, func(system.Spot) error { return nil })
	if absent(err) {
		return nil
	}
	return err
}

// passwords sets the hashes of new accounts, through a pipe: arguments and
// files could be read by others. Errors name the secret, never the hash.
func (s *stage) passwords(ctx context.Context, created []string) error {
	var in strings.Builder
	for _, name := range created {
		secret := s.Want.Users[name].PasswordSecret
		if secret == "" {
			continue
		}
		hash, ok := s.PasswordHashes[secret]
		hash = strings.TrimRight(hash, "\n")
		if !ok || hash == "" || strings.ContainsAny(hash, ":\n \t") {
			return fmt.Errorf("cannot set the password of user %q%s: secret %q does not hold one crypt(5) hash; make it with mkpasswd",
				name, s.origin(spec.KindUser, name), secret)
		}
		fmt.Fprintf(&in, "%s:%s\n", name, hash)
	}
	if in.Len() == 0 {
		return nil
	}
	cmd := s.root.Command(ctx, "chpasswd", "--encrypted")
	cmd.Stdin = strings.NewReader(in.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot set the passwords of new users %s: chpasswd: %w: %s", strings.Join(slices.Clone(created), " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

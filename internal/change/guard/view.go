package guard

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/login"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// now are the files of a machine as they are. What cannot be read is as if it
// were not there: whoever owns a home decides about the files in it, and may not
// keep root from a change.
type now struct {
	root   system.Root
	unread map[string]error // why, by path
}

// largest is how much of a file is read: more than keys or rules take.
const largest = 1 << 20

func (n now) Read(p string) ([]byte, error) {
	b, err := n.root.ReadRegular(p, largest)
	if err != nil {
		n.note(p, err)
		return nil, nil
	}
	return b, nil
}

func (n now) note(p string, err error) {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if !missing(err) {
		n.unread[p] = err
	}
}

func (n now) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(n.root.Path(dir))
	if err != nil {
		n.note(dir, err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, nil
}

// missing reports that there is no file to read at a path: also where a folder
// stands there, which is nothing that sshd or sudo read.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EISDIR)
}

// later are the files of a machine as a plan leaves them.
type later struct {
	now
	want    *spec.Host
	changes map[string]spec.Action // of files
	along   map[string]string      // of the plan's Input
	blob    func(digest string) ([]byte, error)

	sudoComes bool // its package does, with the rules that are there by default
}

func newLater(in Input, live now) later {
	l := later{now: live, want: in.Want, changes: map[string]spec.Action{}, along: in.Along, blob: in.Blob,
		sudoComes: in.hasLater("sudo") && !in.hasNow("sudo")}
	for _, c := range in.Plan.Of(spec.KindFile) {
		l.changes[c.ID.Name] = c.Action
	}
	return l
}

func (l later) Read(p string) ([]byte, error) { return l.follow(p, 0) }

func (l later) follow(p string, links int) ([]byte, error) {
	const most = 40 // path_resolution(7)
	action, changes := l.changes[p]
	f := l.want.Files[p]
	switch digest, recorded := l.along[p]; {
	case recorded && digest == "":
		return nil, nil
	case recorded:
		return l.blob(digest)
	case links > most || changes && action == spec.Delete:
		return nil, nil
	case !changes:
		b, err := l.now.Read(p)
		if b == nil && p == "/etc/sudoers" && l.sudoComes {
			b = []byte("%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n") // of Debian's package
		}
		return b, err
	case f.Type == spec.Symlink && path.IsAbs(f.Target):
		return l.follow(path.Clean(f.Target), links+1)
	case f.Type == spec.Symlink:
		return l.follow(path.Join(path.Dir(p), f.Target), links+1)
	case f.FromBlob():
		return l.blob(f.Digest)
	}
	return []byte(f.Content), nil
}

func (l later) Names(dir string) ([]string, error) {
	have, err := l.now.Names(dir)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range have {
		names[name] = true
	}
	for p, action := range l.changes {
		if path.Dir(p) == dir {
			names[path.Base(p)] = action != spec.Delete
		}
	}
	for p, digest := range l.along {
		if path.Dir(p) == dir {
			names[path.Base(p)] = digest != ""
		}
	}
	maps.DeleteFunc(names, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(names)), nil
}

// accounts are those of a machine as they are, and as a plan leaves them.
func accounts(in Input, files account.Files) (before, after login.Accounts) {
	before = login.Accounts{Users: files.Users(), Groups: files.Groups()}
	if in.Accounts != nil {
		return before, login.Accounts{Users: in.Accounts.Users(), Groups: in.Accounts.Groups()}
	}
	after = login.Accounts{Users: maps.Clone(before.Users), Groups: maps.Clone(before.Groups)}
	for _, c := range in.Plan.Of(spec.KindGroup) {
		switch c.Action {
		case spec.Delete:
			delete(after.Groups, c.ID.Name)
		case spec.Create:
			after.Groups[c.ID.Name] = account.GroupEntry{Name: c.ID.Name, GID: newID(after.Groups)}
		}
	}
	for _, c := range in.Plan.Of(spec.KindUser) {
		if c.Action == spec.Delete {
			delete(after.Users, c.ID.Name)
			continue
		}
		change(after, c)
	}
	return before, after
}

// lockedPasswords are the accounts whose password is none that anybody could type,
// on a machine as it is and as a plan leaves it. Without a shadow(5) passwords are
// somewhere else, and nothing is known of them.
func lockedPasswords(in Input, files account.Files) (before, after map[string]bool) {
	before = locked(files)
	if in.Accounts != nil || before == nil {
		return before, locked(in.Accounts)
	}
	after = maps.Clone(before)
	for _, c := range in.Plan.Of(spec.KindUser) {
		if c.Action == spec.Create {
			after[c.ID.Name] = in.Want.Users[c.ID.Name].PasswordSecret == ""
		}
	}
	return before, after
}

func locked(files account.Files) map[string]bool {
	if files[account.Shadow] == nil {
		return nil
	}
	out := map[string]bool{}
	for name, l := range files.Logins() {
		out[name] = l.Password == account.NoPassword || l.Password == account.LockedPassword
	}
	return out
}

// unknownID is the number of what does not have one yet.
const unknownID = -1

// newID stands for the number of a group that does not have one yet.
func newID(groups map[string]account.GroupEntry) int { return unknownID - 1 - len(groups) }

// change makes an account, or alters it.
func change(all login.Accounts, c spec.Change) {
	name := c.ID.Name
	u, ok := all.Users[name]
	if !ok {
		u = account.PasswdEntry{Name: name, UID: unknownID, GID: unknownID, Home: "/home/" + name, Shell: "/bin/sh"}
	}
	for _, f := range c.Fields {
		switch f.Name {
		case "shell":
			u.Shell = f.After
		case "home":
			u.Home = f.After
		case "group":
			u.GID = all.Groups[f.After].GID
		case "groups":
			join(all.Groups, name, strings.Fields(f.After))
		}
	}
	all.Users[name] = u
}

// join makes an account a member of these groups, and of no others.
func join(all map[string]account.GroupEntry, name string, groups []string) {
	for group, g := range all {
		members := slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == name })
		if slices.Contains(groups, group) {
			members = append(members, name)
		}
		g.Members = members
		all[group] = g
	}
	for _, group := range groups {
		if _, ok := all[group]; !ok { // a package that the plan installs makes it
			all[group] = account.GroupEntry{Name: group, GID: newID(all), Members: []string{name}}
		}
	}
}

// Package login knows who can log in to a machine over SSH, and what they may do
// there: sshd_config(5), authorized keys (sshd(8)), sudoers(5), and the ports that
// sshd listens on. It reads through Files, so that it works on a machine as it is
// and as it would be. It runs no program.
package login

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/hostctl/hostctl/internal/machine/account"
)

// Files are the files of a machine, by absolute path.
type Files interface {
	// Read is the content of a file, nil for none.
	Read(path string) ([]byte, error)
	// Names lists what is in a folder, in byte order; nothing for none.
	Names(dir string) ([]string, error)
}

// Accounts are users, and the groups that they are in, by name.
type Accounts struct {
	Users  map[string]account.PasswdEntry
	Groups map[string]account.GroupEntry
}

// groupsOf are the names of an account's groups, the primary one too.
func (a Accounts) groupsOf(name string) []string {
	var out []string
	for group, g := range a.Groups {
		if g.GID == a.Users[name].GID || slices.Contains(g.Members, name) {
			out = append(out, group)
		}
	}
	slices.Sort(out)
	return out
}

// NoShell reports whether a login shell lets nobody work.
func NoShell(shell string) bool {
	return slices.Contains([]string{"nologin", "false", "true", "sync"}, path.Base(shell))
}

// Key is a public key, with the options of its line (sshd(8), AUTHORIZED_KEYS
// FILE FORMAT).
type Key struct {
	public  string
	options []string
}

// Same reports whether two keys open the same to the same.
func (k Key) Same(other Key) bool {
	return k.public == other.public && slices.Equal(k.options, other.options)
}

// Terminal reports whether the key gives a terminal: cloud machines come with keys
// for root that only print the name of the account to use.
func (k Key) Terminal() bool {
	has := func(option string) bool {
		return slices.ContainsFunc(k.options, func(o string) bool { return strings.EqualFold(o, option) })
	}
	return !has("no-pty") && (!has("restrict") || has("pty"))
}

// forced reports whether the key runs one command and no other.
func (k Key) forced() bool {
	return slices.ContainsFunc(k.options, func(o string) bool { return len(o) > 8 && strings.EqualFold(o[:8], "command=") })
}

// TakesPassword reports whether sshd's settings let an account in with one.
func (s *SSHD) TakesPassword(accounts Accounts, name string) bool {
	_, ok := accounts.Users[name]
	return ok && s.Passwords && s.admits(name, accounts.groupsOf(name)) && (name != "root" || s.rootLogin == "yes")
}

// Keys are the public keys with which an account gets in and runs what it likes.
// There are none where sshd's settings keep the account out.
func Keys(files Files, s *SSHD, accounts Accounts, name string) ([]Key, error) {
	user, ok := accounts.Users[name]
	if !ok || !s.admits(name, accounts.groupsOf(name)) {
		return nil, nil
	}
	var out []Key
	for _, pattern := range s.KeyFiles {
		if pattern == "none" {
			continue
		}
		file := strings.NewReplacer("%%", "%", "%u", name, "%h", user.Home).Replace(pattern)
		if !path.IsAbs(file) {
			file = path.Join(user.Home, file)
		}
		b, err := files.Read(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			public, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
			if err != nil {
				continue // sshd skips what is not a key
			}
			if k := (Key{string(public.Marshal()), options}); !k.forced() {
				out = append(out, k)
			}
		}
	}
	return out, nil
}

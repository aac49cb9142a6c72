// Package login knows who can get into a machine over SSH, and what they may do
// there: sshd_config(5), authorized keys (sshd(8)), sudoers(5), and the ports that
// sshd listens on. It reads through Files, so that it can tell of a machine as it
// is and of one as it would be. It runs no program.
package login

import (
	"path"
	"slices"
	"strings"

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

// Keys are the public keys with which sshd lets an account in, with the blanks
// and options of their lines. There are none where its settings keep the account
// out.
func Keys(files Files, s *SSHD, accounts Accounts, name string) ([]string, error) {
	user, ok := accounts.Users[name]
	if !ok || !s.admits(name, accounts.groupsOf(name)) {
		return nil, nil
	}
	var out []string
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
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				out = append(out, line)
			}
		}
	}
	return out, nil
}

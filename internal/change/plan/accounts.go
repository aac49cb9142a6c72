package plan

import (
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// The account ids of Debian Policy 9.2.2: below firstSystem they are
// base-passwd's, from there to firstUser they belong to whoever made the
// account, mostly a package.
const (
	firstSystem = 100
	firstUser   = 1000
)

func (m *maker) groups() {
	for name, want := range m.Want.Groups {
		have := lookup(m.State.Groups, name)
		if have != nil && differ(have.GID, want.GID) {
			m.warn("group %q keeps gid %d: the spec says %d (%s), but files would lose their group", name, *have.GID, *want.GID, m.origin(spec.KindGroup, name))
		}
		m.set(spec.KindGroup, name, have != nil, spec.DiffGroup(have, want))
	}
	gone(m.Prev.Groups, m.Want.Groups, m.State.Groups, func(name string, prev, have spec.Group) {
		if !owned(have.GID, prev.GID, prev.System) {
			m.warn("group %q stays, though the spec no longer has it: Debian or a package made it", name)
			return
		}
		m.add(spec.KindGroup, name, spec.Delete, before(spec.DiffGroup(nil, have)))
	})
}

func (m *maker) users() {
	for name, want := range m.Want.Users {
		have := lookup(m.State.Users, name)
		if have != nil && differ(have.UID, want.UID) {
			m.warn("user %q keeps uid %d: the spec says %d (%s), but files would lose their owner", name, *have.UID, *want.UID, m.origin(spec.KindUser, name))
		}
		if have == nil && !m.canLogIn(name, want) {
			m.warn("user %q is made without a password and without an SSH key: nobody can log in as it (%s)", name, m.origin(spec.KindUser, name))
		}
		m.set(spec.KindUser, name, have != nil, spec.DiffUser(have, want))
	}
	gone(m.Prev.Users, m.Want.Users, m.State.Users, func(name string, prev, have spec.User) {
		if !owned(have.UID, prev.UID, prev.System) {
			m.warn("user %q stays, though the spec no longer has it: Debian or a package made it", name)
			return
		}
		m.add(spec.KindUser, name, spec.Delete, before(spec.DiffUser(nil, have)))
	})
}

func differ(have, want *int) bool { return have != nil && want != nil && *have != *want }

// owned says whether an account that left the spec was the spec's to make. An
// account with a package's uid that the spec neither called a system account
// nor gave its id was only altered by it.
func owned(have, prev *int, system bool) bool {
	switch {
	case have == nil || *have < firstSystem || *have == 65534:
		return false
	case *have >= firstUser:
		return true
	default:
		return system || prev != nil && *prev == *have
	}
}

// canLogIn is generous: it only has to find accounts that certainly cannot.
func (m *maker) canLogIn(name string, u spec.User) bool {
	if u.System || u.PasswordSecret != "" || strings.HasSuffix(u.Shell, "/nologin") || strings.HasSuffix(u.Shell, "/false") {
		return true
	}
	home := u.Home
	if home == "" {
		home = "/home/" + name
	}
	for path := range m.Want.Files {
		if strings.HasPrefix(path, home+"/.ssh/authorized_keys") ||
			strings.HasPrefix(path, "/etc/ssh/") && slices.Contains(strings.Split(path, "/"), name) {
			return true
		}
	}
	return false
}

// before turns the fields of a create into those of a delete.
func before(fields []spec.Field) []spec.Field {
	for i, f := range fields {
		fields[i] = spec.Field{Name: f.Name, Before: f.After}
	}
	return fields
}

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
		if want.Absent {
			m.absentGroup(name, have)
			continue
		}
		if have != nil && differ(have.GID, want.GID) {
			m.warn("group %q keeps gid %d: the spec says %d (%s), but files would lose their group", name, *have.GID, *want.GID, m.origin(spec.KindGroup, name))
		}
		m.set(spec.KindGroup, name, have != nil, spec.DiffGroup(have, want))
	}
	gone(m.Prev.Groups, m.Want.Groups, m.State.Groups, func(name string, prev, have spec.Group) {
		if prev.Absent { // somebody else has made it since
			return
		}
		if _, found := m.Found.Groups[name]; found || !owned(have.GID, prev.GID, prev.System) {
			m.warn("group %q stays, though the spec no longer has it: %s", name, stays(found))
			return
		}
		m.add(spec.KindGroup, name, spec.Delete, before(spec.DiffGroup(nil, have)))
	})
}

func (m *maker) users() {
	for name, want := range m.Want.Users {
		have := lookup(m.State.Users, name)
		if want.Absent {
			m.absentUser(name, have)
			continue
		}
		if have != nil && differ(have.UID, want.UID) {
			m.warn("user %q keeps uid %d: the spec says %d (%s), but files would lose their owner", name, *have.UID, *want.UID, m.origin(spec.KindUser, name))
		}
		if have == nil && !m.canLogIn(name, want) {
			m.warn("user %q is made without a password and without an SSH key: nobody can log in as it (%s)", name, m.origin(spec.KindUser, name))
		}
		fields := spec.DiffUser(have, want)
		if have != nil {
			fields = append(fields, m.Found.User(name, *have, want, m.Prev.Users[name])...)
		}
		fields = append(fields, m.home(name, have, want)...)
		m.set(spec.KindUser, name, have != nil, fields)
	}
	gone(m.Prev.Users, m.Want.Users, m.State.Users, func(name string, prev, have spec.User) {
		if prev.Absent {
			return
		}
		if _, found := m.Found.Users[name]; found || !owned(have.UID, prev.UID, prev.System) {
			m.warn("user %q stays, though the spec no longer has it: %s", name, stays(found))
			if fields := m.Found.User(name, have, spec.User{}, prev); len(fields) > 0 {
				m.add(spec.KindUser, name, spec.Update, fields)
			}
			return
		}
		m.add(spec.KindUser, name, spec.Delete, before(spec.DiffUser(nil, have)))
	})
}

// recordedAccounts are the changes of accounts on a recorded way.
func (m *maker) recordedAccounts() {
	before, after := m.Recorded.Before, m.Recorded.After
	between(before.Groups, after.Groups, func(name string, action spec.Action, was, is spec.Group) {
		if fields := spec.DiffGroups(was, is); action != spec.Update || len(fields) > 0 {
			m.add(spec.KindGroup, name, action, fields)
		}
	})
	between(before.Users, after.Users, func(name string, action spec.Action, was, is spec.User) {
		if fields := spec.DiffUsers(was, is); action != spec.Update || len(fields) > 0 {
			m.add(spec.KindUser, name, action, fields)
		}
	})
}

// between calls change for every name, also of what stays as it was.
func between[V any](before, after map[string]V, change func(name string, action spec.Action, was, is V)) {
	for name, was := range before {
		is, stays := after[name]
		if stays {
			change(name, spec.Update, was, is)
		} else {
			change(name, spec.Delete, was, is)
		}
	}
	for name, is := range after {
		was, known := before[name]
		if !known {
			change(name, spec.Create, was, is)
		}
	}
}

// home says what happens to the folder that an account lives in.
func (m *maker) home(name string, have *spec.User, want spec.User) []spec.Field {
	folder, made := m.State.Homes[name], m.Found.Made(name, m.Prev)
	if spec.Homeless(name, have, want, folder, made) {
		m.warn("user %q is to live in %s, which stays as it is: %s (%s)", name, folder.Path, whose(folder.Owner), m.origin(spec.KindUser, name))
	}
	switch {
	case have == nil:
	case want.Home != "" && want.Home != have.Home:
		m.warn("user %q moves to %s, and what is in %s stays there (%s)", name, want.Home, have.Home, m.origin(spec.KindUser, name))
	case want.NewHome != "" && want.NewHome != have.Home && m.below(want.NewHome):
		m.warn("user %q lives in %s, and the configuration has files for it below %s: say home = %q (%s)",
			name, have.Home, want.NewHome, have.Home, m.origin(spec.KindUser, name))
	}
	return spec.DiffHome(name, have, want, folder, made)
}

// whose says what is wrong with a folder that an account cannot have.
func whose(owner string) string {
	if strings.Contains(owner, " ") {
		return "it is " + owner
	}
	return "it is " + owner + "'s; change that with chown(1), or say another home"
}

func (m *maker) below(folder string) bool {
	for path := range m.Want.Files {
		if strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}

// stays says why an account does, and what to write where it is not to.
func stays(found bool) string {
	if found {
		return "it was here before the spec named it; absent = true removes it"
	}
	return "Debian or a package made it"
}

// absentUser deletes an account whoever made it, but for those that Debian
// itself is made of.
func (m *maker) absentUser(name string, have *spec.User) {
	switch {
	case have == nil:
	case have.UID == nil || *have.UID < firstSystem || *have.UID == 65534:
		m.fail("cannot remove user %q (%s): Debian needs it", name, m.origin(spec.KindUser, name))
	default:
		m.add(spec.KindUser, name, spec.Delete, before(spec.DiffUser(nil, *have)))
	}
}

func (m *maker) absentGroup(name string, have *spec.Group) {
	switch {
	case have == nil:
	case have.GID == nil || *have.GID < firstSystem || *have.GID == 65534:
		m.fail("cannot remove group %q (%s): Debian needs it", name, m.origin(spec.KindGroup, name))
	default:
		m.add(spec.KindGroup, name, spec.Delete, before(spec.DiffGroup(nil, *have)))
	}
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

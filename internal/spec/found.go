package spec

import (
	"maps"
	"slices"
	"strings"
)

// Found is the former values where a spec changed something that it did not make.
// They come back when the spec no longer sets it. An account or a group in Found
// existed without the spec, so a spec that no longer names it does not delete it.
type Found struct {
	// Users are accounts as they were. For one without a uid, only its existence is
	// known.
	Users  map[string]User  `json:"user,omitempty"`
	Groups map[string]Group `json:"group,omitempty"`
	// Units say whether somebody else's unit was enabled and masked, if the spec
	// sets that, or enables it through another unit's Also=; nil is not known.
	Units map[string]Unit `json:"unit,omitempty"`
	// Sysctls are values of the running kernel.
	Sysctls map[string]string `json:"sysctl,omitempty"`
}

// FoundAll is the Found of a spec without a record of what it found: none of its
// accounts is known to be its own.
func FoundAll(h *Host) Found {
	f := Found{Users: map[string]User{}, Groups: map[string]Group{}}
	for name := range h.Users {
		f.Users[name] = User{}
	}
	for name := range h.Groups {
		f.Groups[name] = Group{}
	}
	return f
}

// NextUsers is Found.Users after want is applied to the live accounts, to which
// prev was applied before.
func (f Found) NextUsers(want, prev, live map[string]User) map[string]User {
	out := map[string]User{}
	for name, w := range want {
		have, exists := live[name]
		was, known := f.Users[name]
		switch {
		case !exists || w.Absent || asked(prev, name) && !known:
		case !known:
			out[name] = have
		default:
			out[name] = was.noting(w, prev[name], have)
		}
	}
	return out
}

// noting is u with the values of have that want is the first to replace.
func (u User) noting(want, prev, have User) User {
	for _, v := range []struct {
		to               *string
		want, prev, have string
	}{
		{&u.Group, want.Group, prev.Group, have.Group}, {&u.Home, want.Home, prev.Home, have.Home},
		{&u.Shell, want.Shell, prev.Shell, have.Shell}, {&u.Comment, want.Comment, prev.Comment, have.Comment},
	} {
		if v.want != "" && v.prev == "" {
			*v.to = v.have
		}
	}
	if want.Groups != nil && prev.Groups == nil {
		u.Groups = have.Groups
	}
	return u
}

// asked reports whether a spec asked for an account, and not for its absence.
func asked(users map[string]User, name string) bool {
	u, said := users[name]
	return said && !u.Absent
}

// NextGroups is Found.Groups after want is applied to the live groups.
func (f Found) NextGroups(want, prev, live map[string]Group) map[string]Group {
	out := map[string]Group{}
	for name, w := range want {
		have, exists := live[name]
		before, said := prev[name]
		_, known := f.Groups[name]
		if exists && !w.Absent && (known || !said || before.Absent) {
			out[name] = have
		}
	}
	return out
}

// NextUnits is Found.Units after want is applied to the live units, those that
// somebody else installs.
func (f Found) NextUnits(want, prev, live map[string]Unit) map[string]Unit {
	out := map[string]Unit{}
	note := func(want, prev, was, have *bool) *bool {
		switch {
		case want == nil:
			return nil
		case prev == nil:
			return have
		}
		return was
	}
	for name, w := range want {
		have, exists := live[name]
		if !exists || w.Content != "" || prev[name].Content != "" {
			continue
		}
		u := Unit{
			Enabled: note(w.Enabled, prev[name].Enabled, f.Units[name].Enabled, have.Enabled),
			Masked:  note(w.Masked, prev[name].Masked, f.Units[name].Masked, have.Masked),
		}
		if u.Enabled != nil || u.Masked != nil {
			out[name] = u
		}
	}
	return out
}

// NextSysctls is Found.Sysctls after want is set in a kernel with the values live.
// It does not record a pattern, which sets many parameters with different values.
func (f Found) NextSysctls(want, prev, live map[string]string) map[string]string {
	out := map[string]string{}
	for key := range want {
		if strings.ContainsAny(key, "*?[") {
			continue
		}
		from := f.Sysctls
		if _, said := prev[key]; !said {
			from = live
		}
		if value, known := from[key]; known {
			out[key] = value
		}
	}
	return out
}

// User lists the fields of an account that go back to what was found: want no
// longer sets them, prev did, and nobody else has set them since. An account that
// the spec made was in no groups.
func (f Found) User(name string, have, want, prev User) []Field {
	was, known := f.Users[name]
	if known && was.UID == nil {
		return nil
	}
	var d fields
	back := func(field, have, want, prev, was string) {
		if known && want == "" && prev != "" && have == prev {
			d.add(field, have, was)
		}
	}
	back("group", have.Group, want.Group, prev.Group, was.Group)
	if want.Groups == nil && prev.Groups != nil {
		d.add("groups", set(have.Groups), set(returned(have.Groups, prev.Groups, was.Groups)))
	}
	back("home", have.Home, want.Home, prev.Home, was.Home)
	back("shell", have.Shell, want.Shell, prev.Shell, was.Shell)
	back("comment", have.Comment, want.Comment, prev.Comment, was.Comment)
	return d
}

// returned are the groups in have without those that a spec added, and with those
// that it removed.
func returned(have, gave, was []string) []string {
	out := slices.DeleteFunc(slices.Clone(have), func(g string) bool { return slices.Contains(gave, g) && !slices.Contains(was, g) })
	for _, g := range was {
		if !slices.Contains(gave, g) {
			out = append(out, g)
		}
	}
	return out
}

// UnitsBack are the wanted units, including what goes back to what was found: want
// no longer sets it, prev did, and nobody else has set it since.
func (f Found) UnitsBack(want, prev, live map[string]Unit) map[string]Unit {
	out := maps.Clone(want)
	if out == nil {
		out = map[string]Unit{}
	}
	back := func(want, prev, was, have *bool) *bool {
		switch {
		case want != nil || prev == nil || was == nil:
			return want
		case flag(have) != flag(prev):
			return have
		}
		return was
	}
	for name, was := range f.Units {
		u, p, have := out[name], prev[name], live[name]
		if u.Content != "" {
			continue
		}
		u.Enabled, u.Masked = back(u.Enabled, p.Enabled, was.Enabled, have.Enabled), back(u.Masked, p.Masked, was.Masked, have.Masked)
		if _, wanted := want[name]; wanted || u.Enabled != nil || u.Masked != nil {
			out[name] = u
		}
	}
	return out
}

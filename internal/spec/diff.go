package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The functions in this file return the fields in which a live resource (have, nil
// if absent) differs from the spec. The plan shows these fields and the stage sets
// them, so "what differs" has one answer. No field means nothing to do.

// Live is f as it is at path on a host.
func (f File) Live(path string) File {
	l := File{Type: f.Type, Mode: f.Mode, Owner: orRoot(f.Owner), Group: orRoot(f.Group)}
	switch {
	case len(f.Secrets) > 0:
		l.Type, l.Mode, l.Target = Symlink, "", RenderedPath(path)
	case f.Type == Symlink:
		l.Mode, l.Target = "", f.Target
	case f.Type == Regular && f.Digest == "":
		l.Content, l.Digest = f.Content, Sum([]byte(f.Content))
	case f.Type == Regular:
		l.Content, l.Digest = f.Content, f.Digest
	}
	return l
}

func orRoot(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

// DiffFile compares what is at path with what is wanted there.
func DiffFile(path string, have *File, want File) []Field {
	live := want.Live(path)
	if have == nil {
		have = &File{}
	}
	var d fields
	d.add("type", string(have.Type), string(live.Type))
	if have.Type == Hidden {
		d.add("link", have.Target, "")
		return d
	}
	if have.Digest != live.Digest {
		d.content(*have, live)
	}
	d.add("target", have.Target, live.Target)
	d.add("mode", have.Mode, live.Mode)
	d.add("owner", have.Owner, live.Owner)
	d.add("group", have.Group, live.Group)
	d.add("xattrs", set(have.Xattrs), "")
	return d
}

// content shows the bytes if both sides are known text, or else the digests.
func (d *fields) content(have, live File) {
	known := func(f File) bool { return f.Digest == "" || f.Content != "" || f.Digest == Sum(nil) }
	if known(have) && known(live) {
		*d = append(*d, Field{"content", have.Content, live.Content})
		return
	}
	d.add("digest", have.Digest, live.Digest)
}

// DiffRendered compares two specs for a file that contains secrets: its bytes are
// on tmpfs and contain values, so the live file cannot be compared.
func DiffRendered(prev, want File) []Field {
	var d fields
	d.add("content", prev.Content, want.Content)
	d.add("mode", prev.Mode, want.Mode)
	return d
}

// DiffUnit compares a unit's files and links in /etc. It removes what prev wrote
// and want no longer has: a zero want is a delete. It leaves alone whether a unit
// is enabled if want does not say.
func DiffUnit(have, want, prev Unit) []Field {
	var d fields
	if want.Content != "" || prev.Content != "" {
		d.add("content", have.Content, want.Content)
	}
	if as := have.Altered[""]; as != "" && want.Content != "" {
		d.add("mode", as, PlainFile)
	}
	for _, name := range dropIns(want, prev) {
		d.add("drop_ins/"+name, have.DropIns[name], want.DropIns[name])
		if as := have.Altered[name]; as != "" && want.DropIns[name] != "" {
			d.add("mode/"+name, as, PlainFile)
		}
	}
	if want.Enabled != nil {
		d.add("enabled", flag(have.Enabled), flag(want.Enabled))
	}
	if flag(want.Enabled) == "true" && flag(want.Masked) == "false" {
		d.add("links", set(have.Stray), set(have.Missing))
	}
	if want.Masked != nil || flag(prev.Masked) == "true" {
		d.add("masked", flag(have.Masked), flag(want.Masked))
	}
	return d
}

func dropIns(units ...Unit) []string {
	var names []string
	for _, u := range units {
		for name := range u.DropIns {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// DiffSettings compares the settings of hostctl in two specs.
func DiffSettings(have, want Settings) []Field {
	var d fields
	d.add("package_mode", have.PackageMode, want.PackageMode)
	d.add("age_key_file", have.AgeKeyFile, want.AgeKeyFile)
	d.add("hostctl", have.Hostctl, want.Hostctl)
	d.add("health_units", set(have.HealthUnits), set(want.HealthUnits))
	d.add("health_wait", strconv.Itoa(have.HealthWait), strconv.Itoa(want.HealthWait))
	return d
}

func flag(b *bool) string { return strconv.FormatBool(On(b)) }

// On reports whether a setting is set to true; nil is not set.
func On(b *bool) bool { return b != nil && *b }

// DiffUser compares an account with the spec. The uid of an existing account is
// not a field: changing it would leave its files without an owner.
func DiffUser(have *User, want User) []Field {
	var d fields
	if have == nil {
		have = &User{}
		d.add("uid", "", number(want.UID))
		d.add("password_secret", "", want.PasswordSecret)
	}
	d.said("group", have.Group, want.Group)
	if want.Groups != nil {
		d.add("groups", set(have.Groups), set(want.Groups))
	}
	d.said("home", have.Home, want.Home)
	d.said("shell", have.Shell, want.Shell)
	d.said("comment", have.Comment, want.Comment)
	return d
}

// DiffGroup compares a group. As with users, only the creation sets the gid.
func DiffGroup(have *Group, want Group) []Field {
	var d fields
	if have == nil {
		d.add("gid", "", number(want.GID))
	}
	return d
}

// DiffUsers compares two accounts that a machine has or had, with all fields known.
// The zero User means that there was none.
func DiffUsers(was, is User) []Field {
	var d fields
	d.add("uid", number(was.UID), number(is.UID))
	d.add("group", was.Group, is.Group)
	d.add("groups", set(was.Groups), set(is.Groups))
	d.add("home", was.Home, is.Home)
	d.add("shell", was.Shell, is.Shell)
	d.add("comment", was.Comment, is.Comment)
	return d
}

// DiffGroups is DiffUsers for groups.
func DiffGroups(was, is Group) []Field {
	var d fields
	d.add("gid", number(was.GID), number(is.GID))
	return d
}

// DiffSecret compares where a secret comes from and how it is installed.
func DiffSecret(have *Secret, want Secret) []Field {
	owner, group := "", ""
	if have == nil {
		have = &Secret{}
	} else {
		owner, group = orRoot(have.Owner), orRoot(have.Group)
	}
	var d fields
	d.add("file_digest", have.FileDigest, want.FileDigest)
	d.add("key", have.Key, want.Key)
	d.add("owner", owner, orRoot(want.Owner))
	d.add("group", group, orRoot(want.Group))
	d.add("mode", have.Mode, want.Mode)
	d.add("needed_for_users", strconv.FormatBool(have.NeededForUsers), strconv.FormatBool(want.NeededForUsers))
	return d
}

type fields []Field

// add appends the field if the two sides differ.
func (d *fields) add(name, before, after string) {
	if before != after {
		*d = append(*d, Field{name, before, after})
	}
}

// said is add for a field that an empty want leaves alone.
func (d *fields) said(name, before, after string) {
	if after != "" {
		d.add(name, before, after)
	}
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func set(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

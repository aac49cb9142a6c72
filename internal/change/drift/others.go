package drift

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// accounts compares entries that the plan has not spoken of.
func (f *finder) accounts() {
	said := map[string]bool{}
	for _, i := range f.items {
		said[i.Kind+" "+i.Name+" "+i.Field] = true
		said[i.Kind+" "+i.Name] = true
	}
	for _, name := range union(f.Base.Users, f.Now.Users) {
		was, before := f.Base.Users[name]
		is, now := f.Now.Users[name]
		item := spec.DriftItem{Kind: "user", Name: name, Where: account.Passwd, Change: changeOf(before, now), Origin: f.Spec.Origins[spec.ID{Kind: spec.KindUser, Name: name}]}
		if !before || !now {
			if !said["user "+name] {
				item.Before, item.Now = presence(before, was.UID), presence(now, is.UID)
				f.add(item)
			}
			continue
		}
		for _, field := range [][3]string{
			{"uid", strconv.Itoa(was.UID), strconv.Itoa(is.UID)},
			{"group", groupName(f.Base, uint32(was.GID)), groupName(f.Now, uint32(is.GID))},
			{"comment", was.Comment, is.Comment}, {"home", was.Home, is.Home}, {"shell", was.Shell, is.Shell},
		} {
			if field[1] != field[2] && !said["user "+name+" "+field[0]] {
				i := item
				i.Field, i.Before, i.Now = field[0], field[1], field[2]
				f.add(i)
			}
		}
	}
	for _, name := range union(f.Base.Groups, f.Now.Groups) {
		f.group(name, said)
	}
	f.logins("user", account.Shadow, f.Base.Logins, f.Now.Logins)
	f.logins("group", account.GShadow, f.Base.GroupLogins, f.Now.GroupLogins)
}

// logins compares what lets somebody in. Passwords themselves are their users'
// own: a user changes one for another, and the first one of an account for which
// the configuration has a secret.
func (f *finder) logins(kind, where string, base, now map[string]account.Login) {
	for _, name := range union(base, now) {
		was, before := base[name]
		is, there := now[name]
		if !before || !there {
			continue // the account itself is reported
		}
		if kind == "user" && f.Spec.Users[name].PasswordSecret != "" && is.Password == account.SetPassword {
			was.Password = is.Password
		}
		for _, field := range [][3]string{
			{"password", was.Password, is.Password}, {"expires", was.Expires, is.Expires}, {"administrators", was.Administrators, is.Administrators},
		} {
			if field[1] != field[2] {
				f.add(spec.DriftItem{
					Kind: kind, Name: name, Where: where, Change: spec.Changed, Field: field[0], Before: field[1], Now: field[2],
					Origin: f.Spec.Origins[spec.ID{Kind: spec.Kind(kind), Name: name}],
				})
			}
		}
	}
}

func presence(there bool, id int) string {
	if !there {
		return "absent"
	}
	return "id " + strconv.Itoa(id)
}

func (f *finder) group(name string, said map[string]bool) {
	was, before := f.Base.Groups[name]
	is, now := f.Now.Groups[name]
	item := spec.DriftItem{Kind: "group", Name: name, Where: account.Group, Change: changeOf(before, now), Origin: f.Spec.Origins[spec.ID{Kind: spec.KindGroup, Name: name}]}
	if !before || !now {
		if !said["group "+name] {
			item.Before, item.Now = presence(before, was.GID), presence(now, is.GID)
			f.add(item)
		}
		return
	}
	if was.GID != is.GID {
		i := item
		i.Field, i.Before, i.Now = "gid", strconv.Itoa(was.GID), strconv.Itoa(is.GID)
		f.add(i)
	}
	for _, user := range slices.Concat(was.Members, is.Members) {
		before, now := slices.Contains(was.Members, user), slices.Contains(is.Members, user)
		if before == now || said["membership "+user] {
			continue
		}
		i := item
		i.Kind, i.Name, i.Field, i.Change = "membership", user, name, changeOf(before, now)
		i.Before, i.Now = strconv.FormatBool(before), strconv.FormatBool(now)
		f.add(i)
	}
}

// overrides compares what dpkg was told to do otherwise than its packages say.
func (f *finder) overrides() {
	f.table("diversion", "/var/lib/dpkg/diversions", f.Base.Diversions, f.Now.Diversions)
	f.table("statoverride", "/var/lib/dpkg/statoverride", f.Base.Overrides, f.Now.Overrides)
}

func (f *finder) table(kind, where string, base, now map[string]string) {
	for _, key := range union(base, now) {
		was, before := base[key]
		is, there := now[key]
		if was != is || before != there {
			f.add(spec.DriftItem{Kind: kind, Name: key, Where: where, Change: changeOf(before, there), Before: was, Now: is})
		}
	}
}

// kernel looks for the modules that the configuration names, and compares
// parameters that it does not set, within one boot, and mounts of real file
// systems.
func (f *finder) kernel() {
	for _, name := range f.Spec.KernelModules {
		if f.Now.Modules != nil && !f.Now.Modules[system.ModuleName(name)] {
			f.add(spec.DriftItem{
				Kind: "module", Name: name, Where: "/proc/modules", Change: spec.Changed, Field: "loaded", Before: "true", Now: "false",
				Origin: f.Spec.Origins[spec.ID{Kind: spec.KindKernelModule, Name: name}],
			})
		}
	}
	declared := map[string]bool{}
	for key := range f.Spec.Sysctls {
		declared[sysctlName(key)] = true
	}
	for key, is := range f.Now.Sysctls {
		was, known := f.Base.Sysctls[key]
		if f.Base.Boot == f.Now.Boot && known && was != is && !declared[key] && !f.ignore.volatile("/proc/sys/"+key) {
			f.add(spec.DriftItem{Kind: "sysctl", Name: strings.ReplaceAll(key, "/", "."), Where: "/proc/sys/" + key, Change: spec.Changed, Field: "live value", Before: was, Now: is})
		}
	}
	f.tables()
	for _, point := range union(f.Base.Mounts, f.Now.Mounts) {
		was, before := f.Base.Mounts[point]
		is, now := f.Now.Mounts[point]
		if was == is || f.ignore.volatile("mount:"+point) || passing(was) || passing(is) {
			continue
		}
		f.add(spec.DriftItem{Kind: "mount", Name: point, Where: "/proc/self/mountinfo", Change: changeOf(before, now), Before: was, Now: is})
	}
}

// tables looks, while the configuration has a firewall, whether its table is
// there, and which others came to it: any may lead past it (nat), and a table
// that is gone filters nothing.
func (f *finder) tables() {
	if _, declared := f.Spec.Files[spec.FirewallFile]; !declared || f.Now.Tables == nil || f.Base.Tables == nil {
		return
	}
	was := maps.Clone(f.Base.Tables)
	was[spec.FirewallTable] = true
	for _, name := range union(was, f.Now.Tables) {
		item := spec.DriftItem{Kind: "firewall", Name: name, Where: "nftables", Change: changeOf(was[name], f.Now.Tables[name])}
		switch {
		case was[name] == f.Now.Tables[name]:
			continue
		case name == spec.FirewallTable:
			item.Origin = f.Spec.Origins[spec.ID{Kind: spec.KindFile, Name: spec.FirewallFile}]
		case was[name]:
			continue // a program took its own table away
		}
		item.Before, item.Now = word(was[name]), word(f.Now.Tables[name])
		f.add(item)
	}
	if f.Now.Tables[spec.FirewallTable] {
		f.rules()
	}
}

// rules compares those of the firewall's own table, each with its file's.
func (f *finder) rules() {
	count := map[string]int{}
	for _, line := range f.Rules.Now {
		count[line]++
	}
	for _, line := range f.Rules.Meant {
		count[line]--
	}
	for _, line := range slices.Sorted(maps.Keys(count)) {
		item := spec.DriftItem{Kind: "firewall", Name: spec.FirewallTable, Where: "nftables", Change: spec.Changed, Field: "rule",
			Origin: f.Spec.Origins[spec.ID{Kind: spec.KindFile, Name: spec.FirewallFile}]}
		switch {
		case count[line] > 0:
			item.Now = line
		case count[line] < 0:
			item.Before = line
		default:
			continue
		}
		f.add(item)
	}
}

func word(there bool) string {
	if there {
		return "present"
	}
	return "absent"
}

// passing are mounts that programs make and end by themselves.
func passing(mount string) bool {
	fstype, _, _ := strings.Cut(mount, " ")
	return slices.Contains([]string{"autofs", "proc", "sysfs", "devtmpfs", "devpts", "mqueue", "hugetlbfs", "debugfs", "tracefs", "configfs",
		"fusectl", "securityfs", "pstore", "efivarfs", "bpf", "binfmt_misc", "cgroup2", "nsfs", "ramfs", "rpc_pipefs", "overlay"}, fstype)
}

package eval

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/library"
)

// shellPackages maps login shells to the packages that provide them.
func shellPackages() map[string][]string {
	return map[string][]string{
		"zsh": {"zsh"}, "fish": {"fish"}, "tcsh": {"tcsh"}, "csh": {"tcsh", "csh"}, "ksh": {"ksh93u+m", "mksh"}, "mksh": {"mksh"},
		"nu": {"nushell"}, "rc": {"rc"}, "yash": {"yash"}, "elvish": {"elvish"}, "xonsh": {"xonsh"}, "tmux": {"tmux"}, "git-shell": {"git"},
	}
}

// baseShells are the login shells of Debian's base system, and what serves as one.
const baseShells = "sh bash rbash dash false true sync"

// groupPackages maps groups to the packages that create them.
func groupPackages() map[string][]string {
	return map[string][]string{
		"docker": {"docker.io", "docker-ce"}, "libvirt": {"libvirt-daemon-system"}, "wireshark": {"wireshark-common"},
		"incus-admin": {"incus", "incus-base"}, "nopasswdlogin": {"lightdm"},
	}
}

// otherNames maps groups of other systems to Debian's names for them.
func otherNames() map[string]string {
	return map[string]string{"wheel": "sudo", "networkmanager": "netdev", "libvirtd": "libvirt", "storage": "plugdev", "log": "adm"}
}

// baseNames are the groups of base-passwd and systemd, and the accounts of the
// same names.
const baseNames = "root daemon bin sys adm tty disk lp mail news uucp man proxy kmem dialout fax voice cdrom floppy tape sudo audio dip " +
	"www-data backup operator list irc src shadow utmp video sasl plugdev staff games users nogroup nobody sync _apt " +
	"input kvm render sgx clock crontab netdev messagebus polkitd systemd-journal systemd-network systemd-resolve systemd-timesync systemd-coredump"

// otherGroups are created by packages of several names, of which we know none.
const otherGroups = "avahi bluetooth colord davfs2 debian-tor fuse fwupd-refresh gamemode gpio geoclue i2c jackuser libvirt-qemu lpadmin lxd mysql " +
	"nm-openvpn ntpsec pcscd plocate postgres pulse pulse-access rdma realtime redis rtkit sambashare sbuild scanner saned sshd ssl-cert _ssh " +
	"tcpdump tss uinput vboxsf vboxusers"

// unbrought collects what a host names and its package lock does not provide.
type unbrought struct {
	*evaluator
	host   *spec.Host
	locked map[string]string // versions
	diags  hcl.Diagnostics
}

// Unbrought reports the login shells, groups, owners and time zones of an
// evaluated host that no package of its lock provides. If somebody may have
// installed them by hand, that is a warning: the stage decides. Without a lock it
// reports the names that nothing is known to provide.
func (r *Result) Unbrought(lock []spec.Locked) hcl.Diagnostics {
	u := &unbrought{evaluator: r.eval, host: r.Spec, locked: map[string]string{}}
	for _, l := range lock {
		u.locked[l.Name] = l.Version
	}
	for _, name := range slices.Sorted(maps.Keys(r.Spec.Users)) {
		if r.Spec.Users[name].Absent {
			continue // its other options have no effect
		}
		u.shell(name)
		u.groups(name)
	}
	u.owners()
	u.zone()
	return u.diags
}

func (u *unbrought) add(p option.Path, severity hcl.DiagnosticSeverity, detail string) {
	at := u.entryRange(p[:2])
	if c := u.leafAt(p); c != nil && len(p) > 2 {
		at = u.decidedAt(c, p[:2])
	}
	u.diags = append(u.diags, &hcl.Diagnostic{Severity: severity, Summary: "Not provided", Subject: at, Detail: fmt.Sprintf("%s: %s", p[:2], detail)})
}

// missing reports whether the lock has none of some packages.
func (u *unbrought) missing(packages []string) bool {
	return len(packages) > 0 && !slices.ContainsFunc(packages, func(p string) bool { return u.locked[p] != "" })
}

func (u *unbrought) shell(user string) {
	shell := u.host.Users[user].Shell
	name := path.Base(shell)
	packages := shellPackages()[name]
	if packages == nil && path.Dir(shell) == "/usr/bin" {
		u.unknownShell(user, name)
	}
	if dir := path.Dir(shell); dir != "/bin" && dir != "/usr/bin" || !u.missing(packages) || has(u.host.Files, shell) {
		return
	}
	severity := hcl.DiagWarning
	if u.host.Settings.PackageMode == "strict" {
		severity = hcl.DiagError
	}
	u.add(option.Path{string(spec.KindUser), user, "shell"}, severity, fmt.Sprintf("no package in the lock provides the login shell %s: add packages = [%q], and run 'hostctl update'.", shell, packages[0]))
}

// unknownShell is for a program in /usr/bin that is not a shell hostctl knows.
func (u *unbrought) unknownShell(user, name string) {
	shell := "/usr/bin/" + name
	if option.IsWord(name, baseShells) || has(u.host.Files, shell) || has(u.host.Packages, name) || u.locked[name] != "" {
		return
	}
	hint := option.DidYouMean(name, append(sortedKeys(shellPackages()), strings.Fields(baseShells)...))
	if name == "nologin" {
		hint = ` Write shell = "/usr/sbin/nologin".`
	}
	u.add(option.Path{string(spec.KindUser), user, "shell"}, hcl.DiagWarning, fmt.Sprintf("no package in the configuration is known to provide the login shell %s.%s", shell, hint))
}

// owners reports misspelt accounts and groups of files. Packages create too many
// others to list them.
func (u *unbrought) owners() {
	users := append(sortedKeys(u.host.Users), strings.Fields(baseNames)...)
	groups := append(append(sortedKeys(u.host.Groups), users...), strings.Fields(otherGroups)...)
	for _, file := range slices.Sorted(maps.Keys(u.host.Files)) {
		f := u.host.Files[file]
		for field, known := range map[string][]string{"owner": users, "group": groups} {
			name := map[string]string{"owner": f.Owner, "group": f.Group}[field]
			if near := option.Nearest(name, known); name != "" && near != "" && !slices.Contains(known, name) && !u.bringsNamed(name) {
				u.add(option.Path{string(spec.KindFile), file, field}, hcl.DiagWarning, fmt.Sprintf("nothing is known to create the %s %q. Did you mean %q?", map[string]string{"owner": "account", "group": "group"}[field], name, near))
			}
		}
	}
}

// bringsNamed reports whether the configuration has a package that probably
// creates an account or a group of this name.
func (u *unbrought) bringsNamed(name string) bool {
	like := func(p string) bool {
		return len(name) > 2 && strings.HasPrefix(p, strings.ToLower(strings.Trim(name, "_")))
	}
	for p := range u.locked {
		if like(p) {
			return true
		}
	}
	return slices.ContainsFunc(sortedKeys(u.host.Packages), like)
}

func (u *unbrought) groups(user string) {
	account := u.host.Users[user]
	for _, group := range append(slices.Clone(account.Groups), account.Group) {
		if has(u.host.Groups, group) || has(u.host.Users, group) {
			continue
		}
		field := "groups"
		if group == account.Group {
			field = "group"
		}
		at := option.Path{string(spec.KindUser), user, field}
		switch ours := otherNames()[group]; {
		case ours != "":
			u.add(at, hcl.DiagWarning, fmt.Sprintf("Debian has no group %q; its name there is %q. If you created such a group, declare it: group %q {}.", group, ours, group))
		case group != "" && groupPackages()[group] == nil && !option.IsWord(group, baseNames) && !option.IsWord(group, otherGroups) && !u.bringsNamed(group):
			known := slices.Concat(sortedKeys(groupPackages()), strings.Fields(baseNames), strings.Fields(otherGroups), sortedKeys(u.host.Groups))
			u.add(at, hcl.DiagWarning, fmt.Sprintf("nothing is known to create the group %q.%s If a package or you create it, declare it: group %q {}.", group, option.DidYouMean(group, known), group))
		}
		if packages := groupPackages()[group]; u.missing(packages) {
			u.add(at, hcl.DiagWarning, fmt.Sprintf("no package in the lock creates the group %q: add packages = [%q], and run 'hostctl update', or declare it: group %q {}.", group, packages[0], group))
		}
	}
}

// zone: Debian 12 and its updates have all names in tzdata.
func (u *unbrought) zone() {
	zone, ok := strings.CutPrefix(u.host.Files["/etc/localtime"].Target, "/usr/share/zoneinfo/")
	version := u.locked["tzdata"]
	whole := version == "" || version == "2023c-5" || strings.Contains(version, "+deb12")
	legacy, err := library.Read("system/zones_legacy.txt")
	if !ok || whole || err != nil || u.locked["tzdata-legacy"] != "" || !slices.Contains(strings.Fields(string(legacy)), zone) {
		return
	}
	u.add(option.Path{string(spec.KindFile), "/etc/localtime"}, hcl.DiagError,
		fmt.Sprintf("%s is an old name, which tzdata %s no longer has: write the current name, or add packages = [\"tzdata-legacy\"] and run 'hostctl update'.", zone, version))
}

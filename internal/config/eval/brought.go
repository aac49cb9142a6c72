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

// shellPackages are the packages that bring a login shell, by the program.
func shellPackages() map[string][]string {
	return map[string][]string{
		"zsh": {"zsh"}, "fish": {"fish"}, "tcsh": {"tcsh"}, "csh": {"tcsh", "csh"}, "ksh": {"ksh93u+m", "mksh"}, "mksh": {"mksh"},
		"yash": {"yash"}, "elvish": {"elvish"}, "xonsh": {"xonsh"}, "tmux": {"tmux"}, "git-shell": {"git"},
	}
}

// groupPackages are the packages that make a group.
func groupPackages() map[string][]string {
	return map[string][]string{
		"docker": {"docker.io", "docker-ce"}, "libvirt": {"libvirt-daemon-system"}, "wireshark": {"wireshark-common"},
		"incus-admin": {"incus", "incus-base"}, "nopasswdlogin": {"lightdm"},
	}
}

// otherNames are groups of other systems, and what Debian calls them.
func otherNames() map[string]string {
	return map[string]string{"wheel": "sudo", "networkmanager": "netdev", "libvirtd": "libvirt", "storage": "plugdev", "log": "adm"}
}

// unbrought collects what a host names and its package lock does not bring.
type unbrought struct {
	*evaluator
	host   *spec.Host
	locked map[string]string // versions
	diags  hcl.Diagnostics
}

// Unbrought tells, of an evaluated host and its package lock, login shells,
// groups and time zones that no package of the lock brings. Where others may
// have brought them by hand that is a warning: a stage has the last word.
func (r *Result) Unbrought(lock []spec.Locked) hcl.Diagnostics {
	u := &unbrought{evaluator: r.eval, host: r.Spec, locked: map[string]string{}}
	for _, l := range lock {
		u.locked[l.Name] = l.Version
	}
	for _, name := range slices.Sorted(maps.Keys(r.Spec.Users)) {
		if r.Spec.Users[name].Absent {
			continue // nothing else of it counts
		}
		u.shell(name)
		u.groups(name)
	}
	u.zone()
	return u.diags
}

func (u *unbrought) add(p option.Path, severity hcl.DiagnosticSeverity, detail string) {
	at := u.entryRange(p[:2])
	if c := u.leafAt(p); c != nil && len(p) > 2 {
		at = u.decidedAt(c, p[:2])
	}
	u.diags = append(u.diags, &hcl.Diagnostic{Severity: severity, Summary: "Nothing brings it", Subject: at, Detail: fmt.Sprintf("%s: %s", p[:2], detail)})
}

// missing reports whether none of some packages is in the lock.
func (u *unbrought) missing(packages []string) bool {
	return len(packages) > 0 && !slices.ContainsFunc(packages, func(p string) bool { return u.locked[p] != "" })
}

func (u *unbrought) shell(user string) {
	shell := u.host.Users[user].Shell
	packages := shellPackages()[path.Base(shell)]
	if dir := path.Dir(shell); dir != "/bin" && dir != "/usr/bin" || !u.missing(packages) || has(u.host.Files, shell) {
		return
	}
	severity := hcl.DiagWarning
	if u.host.Settings.PackageMode == "strict" {
		severity = hcl.DiagError
	}
	u.add(option.Path{string(spec.KindUser), user, "shell"}, severity, fmt.Sprintf("no package of the lock brings the login shell %s: add packages = [%q], and run 'hostctl update'.", shell, packages[0]))
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
		if ours := otherNames()[group]; ours != "" {
			u.add(at, hcl.DiagWarning, fmt.Sprintf("Debian has no group %q, %q is for the same. Where you made one, declare it: group %q {}.", group, ours, group))
		}
		if packages := groupPackages()[group]; u.missing(packages) {
			u.add(at, hcl.DiagWarning, fmt.Sprintf("no package of the lock makes the group %q: add packages = [%q], and run 'hostctl update', or declare it: group %q {}.", group, packages[0], group))
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
		fmt.Sprintf("the name %s was given up, and tzdata %s has it no more: write today's name, or add packages = [\"tzdata-legacy\"] and run 'hostctl update'.", zone, version))
}

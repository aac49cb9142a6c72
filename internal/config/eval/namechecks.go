package eval

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

// checkNames refuses names that no host can have. Without it a switch would fail
// in its stage, or for names of secrets after its commit.
func (d *decoder) checkNames() {
	d.checkSecretNames()
	for _, name := range slices.Sorted(maps.Keys(d.host.Users)) {
		d.named(option.UserName, spec.KindUser, name)
		d.accountFields(name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.host.Groups)) {
		d.named(option.GroupName, spec.KindGroup, name)
	}
	d.checkIDs()
	for _, name := range slices.Sorted(maps.Keys(d.host.Packages)) {
		d.named(option.PackageName, spec.KindPackage, name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.host.Units)) {
		d.unitNames(name)
	}
}

// numberAndMore reports whether numbers are followed by a comment.
func numberAndMore(value string) bool {
	i := strings.IndexAny(value, "#;")
	return i > 0 && strings.Trim(value[:i], "-0123456789 \t") == ""
}

// sameParameter refuses two keys for one file below /proc/sys: their order would
// decide which of them counts.
func (d *decoder) sameParameter(elements map[string]*option.Part) {
	has := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		name := sysctlFile(key)
		if other, taken := has[name]; taken {
			d.e.fail(elements[key].Range.Ptr(), "Same parameter twice", fmt.Sprintf("sysctl: %q and %q are both /proc/sys/%s. Leave out one of the two.", other, key, name))
			continue
		}
		has[name] = key
	}
}

// kernelName refuses a key or a module that would become more than one line in the
// file that hostctl writes, and what no kernel accepts.
func (d *decoder) kernelName(kind spec.Kind, name string, at *hcl.Range) {
	switch value := d.host.Sysctls[name]; {
	case kind == spec.KindSysctl && (value == "true" || value == "false"):
		d.e.fail(at, "Invalid value", fmt.Sprintf("%s[%q]: the kernel takes numbers for true and false: write %s.", kind, name, map[string]string{"true": "1", "false": "0"}[value]))
	case kind == spec.KindSysctl && !sysctlKey(name):
		d.e.fail(at, "Invalid name", fmt.Sprintf("%q is not a kernel parameter: write its path below /proc/sys with dots, such as net.ipv4.ip_forward.", name))
	case kind == spec.KindSysctl && strings.ContainsFunc(name+d.host.Sysctls[name], unicode.IsControl):
		d.e.fail(at, "Invalid value", fmt.Sprintf("%s[%q]: a newline or another control character in a key or its value would set other parameters.", kind, name))
	case kind == spec.KindSysctl && numberAndMore(value):
		text := strings.TrimRight(value[:strings.IndexAny(value, "#;")], " \t")
		d.e.fail(at, "Invalid value", fmt.Sprintf("%s[%q]: the kernel gets all of %q: sysctl.d(5) has no comments after values. Write %q, and the comment in this file.", kind, name, value, strings.TrimSpace(text)))
	case kind == spec.KindKernelModule && (name == "" || strings.ContainsFunc(name, option.NotGraphic) || strings.ContainsAny(name[:1], "#;") || strings.ContainsAny(name, "/=,\"'\\")):
		d.e.fail(at, "Invalid value", fmt.Sprintf("%s: %q is not a module name.", kind, name))
	case kind == spec.KindKernelModule && strings.Contains(name, ".ko"):
		d.e.fail(at, "Invalid value", fmt.Sprintf("%s: %q is a file; the module's name is %q.", kind, name, name[:strings.Index(name, ".ko")]))
	}
}

// sysctlKey also accepts the patterns of sysctl.d(5). Names of interfaces may
// contain nearly anything.
func sysctlKey(name string) bool {
	if file := sysctlFile(name); path.Clean("/"+file) != "/"+file {
		return false
	}
	return strings.ContainsAny(name, "./") && !strings.ContainsAny(name, "=#;") && !strings.ContainsFunc(name, option.NotGraphic)
}

// sysctlFile is the path of a key below /proc/sys. Dots separate, unless a slash
// comes first; then the two change roles (sysctl.d(5)).
func sysctlFile(key string) string {
	key = strings.TrimPrefix(key, "-")
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '.' {
		return strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return key
}

// checkSecretNames: a secret's name is its path below /run/secrets, or below
// /run/secrets-for-users.
func (d *decoder) checkSecretNames() {
	for _, name := range slices.Sorted(maps.Keys(d.host.Secrets)) {
		s, at := d.host.Secrets[name], option.Path{string(spec.KindSecret), name}
		if why := badSecretName(name); why != "" {
			d.failAt(at, "Invalid name", fmt.Sprintf("its name is its path below %s, %s.", path.Dir(s.Path("x")), why))
			continue
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			other, ok := d.host.Secrets[dir]
			if ok && other.NeededForUsers == s.NeededForUsers {
				first := d.e.entryRange(option.Path{string(spec.KindSecret), dir})
				diag := &hcl.Diagnostic{
					Severity: hcl.DiagError, Summary: "Below another secret", Subject: d.e.entryRange(at),
					Detail: fmt.Sprintf("the path of %s is %s, and %s is the file of secret %q: it cannot also be a folder. Rename one of the two; key selects what to read from the sops file.", at, s.Path(name), other.Path(dir), dir),
				}
				if first != nil {
					diag.Extra = option.Others{*first}
				}
				d.e.report(hcl.Diagnostics{diag})
			}
		}
		if who := s.Owner + s.Group; s.NeededForUsers && who != "rootroot" && who != "" {
			d.failAt(at.With("needed_for_users"), "Out of reach", fmt.Sprintf("only root can enter %s, so owner = %q and group = %q cannot read it there. Leave out needed_for_users, owner or group, or declare a second secret with the same key.",
				path.Dir(s.Path("x")), s.Owner, s.Group))
		}
	}
}

// badSecretName says why a name cannot be a path below the folder of secrets, in
// which hostctl has a folder of its own.
func badSecretName(name string) string {
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		return "and contains a control character"
	case name == "" || name == "." || path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return "which is relative, and has no empty part, no . and no .. in it"
	case name == "rendered" || strings.HasPrefix(name, "rendered/"):
		return "where hostctl has the folder rendered for files that contain secrets"
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 255 {
			return "where no part can be longer than 255 bytes"
		}
	}
	return ""
}

// named refuses an entry whose key is not a valid name of this kind.
func (d *decoder) named(k option.Kind, kind spec.Kind, name string) {
	if err := option.CheckName(k, name); err != nil {
		d.failAt(option.Path{string(kind), name}, "Invalid name", err.Error())
	}
}

// accountFields are those of a line of passwd(5).
func (d *decoder) accountFields(name string) {
	u, at := d.host.Users[name], option.Path{string(spec.KindUser), name}
	for field, value := range map[string]string{"home": u.Home, "shell": u.Shell, "comment": u.Comment} {
		if strings.Contains(value, ":") || strings.ContainsFunc(value, unicode.IsControl) {
			d.failAt(at.With(field), "Invalid value", fmt.Sprintf("%q: a field of /etc/passwd cannot contain a colon or a newline.", value))
		}
	}
	if u.Home != "" && !path.IsAbs(u.Home) {
		d.failAt(at.With("home"), "Invalid path", fmt.Sprintf("%q is not an absolute path.%s", u.Home, homeHint(name, u.Home)))
	} else if slices.Contains(strings.Split(u.Home, "/"), "..") {
		d.failAt(at.With("home"), "Invalid path", fmt.Sprintf("%q contains ..: write the path that it leads to.", u.Home))
	}
	said := ""
	if v, ok := (&entry{e: d.e, path: at}).get("shell"); ok {
		said = v.AsString()
		if strings.TrimSpace(said) == "" {
			d.failAt(at.With("shell"), "Invalid value", "the shell is empty. Leave it out, and an existing account keeps its shell.")
			return
		}
	}
	if words := strings.Fields(said); len(words) > 1 {
		d.failAt(at.With("shell"), "Invalid value", fmt.Sprintf("a shell gets no arguments: write %q, and leave out %q. Put commands for its start into its own files, such as ~/.profile.", words[0], strings.Join(words[1:], " ")))
	} else if len(words) == 1 && words[0] != said {
		d.failAt(at.With("shell"), "Invalid value", fmt.Sprintf("%q begins or ends with a blank: write %q.", said, words[0]))
	} else if u.Shell != "" && !path.IsAbs(u.Shell) {
		d.failAt(at.With("shell"), "Invalid path", fmt.Sprintf("%q is neither an absolute path nor the name of a program in /usr/bin.", u.Shell))
	}
}

// homeHint is the path that a relative one, or one with a ~, probably means.
func homeHint(name, home string) string {
	if home == "~" || home == "~"+name {
		return fmt.Sprintf(" Leave it out: it is then /home/%s.", name)
	}
	if strings.HasPrefix(home, "home/") {
		return fmt.Sprintf(" Did you mean %q?", "/"+path.Clean(home))
	}
	return ""
}

// checkIDs refuses one number for two accounts or two groups, and numbers that
// Debian reserves or that mean "none" to a system call.
func (d *decoder) checkIDs() {
	users, groups := map[string]*int{}, map[string]*int{}
	for name, u := range d.host.Users {
		users[name] = u.UID
		d.checkID(option.Path{string(spec.KindUser), name, "uid"}, u.UID, "root", "nobody")
	}
	for name, g := range d.host.Groups {
		groups[name] = g.GID
		d.checkID(option.Path{string(spec.KindGroup), name, "gid"}, g.GID, "root", "nogroup")
	}
	d.unique(spec.KindUser, "uid", users)
	d.unique(spec.KindGroup, "gid", groups)
}

// checkID follows Debian Policy 9.2.2.
func (d *decoder) checkID(at option.Path, id *int, first, nobody string) {
	if id == nil {
		return
	}
	owner := map[int]string{0: first, 65534: nobody}[*id]
	switch {
	case *id == 65535 || *id >= 1<<32-1:
		d.failAt(at, "Invalid value", fmt.Sprintf("%d is not an id: 65535 and 4294967295 mean that there is no id, and no id is larger.", *id))
	case owner != "" && at[1] != owner:
		d.failAt(at, "Invalid value", fmt.Sprintf("%d is the id of %q on every Debian system: choose another one.", *id, owner))
	}
}

func (d *decoder) unique(kind spec.Kind, field string, ids map[string]*int) {
	has := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		id := ids[name]
		if id == nil {
			continue
		}
		if other, taken := has[*id]; taken {
			d.failAt(option.Path{string(kind), name, field}, "Same id twice", fmt.Sprintf("%s %q also has %d.", kind, other, *id))
		}
		has[*id] = name
	}
}

// unitNames checks the names of a unit and of its drop-ins against
// systemd.unit(5).
func (d *decoder) unitNames(name string) {
	at := option.Path{string(spec.KindUnit), name}
	d.named(option.UnitName, spec.KindUnit, name)
	u := d.host.Units[name]
	for _, file := range slices.Sorted(maps.Keys(u.DropIns)) {
		if strings.ContainsFunc(file, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) || strings.HasPrefix(file, ".") || path.Ext(file) != ".conf" {
			d.failAt(at.With("drop_in"), "Invalid name", fmt.Sprintf("the name of a drop-in is NAME.conf, not %q: systemd reads no others.", file))
		}
	}
	if u.Masked != nil && *u.Masked && u.Content != "" {
		d.failAt(at.With("masked"), "Conflicting definitions", "a masked unit is a link to /dev/null in place of its content; leave out one of the two.")
	}
}

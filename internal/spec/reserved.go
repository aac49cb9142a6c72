package spec

import (
	"fmt"
	"path"
	"strings"
	"sync"
)

// reserved is a path, or a folder with all its contents, that no switch can set as
// a file.
type reserved struct {
	path string
	why  string
	do   string // instead
}

const (
	goneAtBoot = "that folder is new at each boot"
	ofPackages = "dpkg, apt and their helpers keep their data about packages there"
	ofAccounts = "it contains accounts, which other programs change too: hostctl sets single entries, never the whole file"
	ofKernel   = "the kernel provides that folder, and nothing in it is a real file"
	ofHostctl  = "hostctl writes it for its own use"
	declare    = "declare packages"
	atBoot     = "let systemd-tmpfiles create it at each boot"
)

var reservedPaths = sync.OnceValue(func() []reserved {
	accounts := "write a user or a group block"
	out := []reserved{
		{"/run", goneAtBoot, atBoot}, {"/tmp", goneAtBoot, atBoot}, {"/dev", goneAtBoot, atBoot},
		{"/var/tmp", "a switch leaves temporary files alone", atBoot},
		{"/proc/sys", ofKernel, "set it with sysctl"}, {"/proc", ofKernel, "name a file"}, {"/sys", ofKernel, atBoot},
		{"/etc/sysctl.d/60-hostctl.conf", ofHostctl, "set its keys with sysctl"},
		{"/etc/modules-load.d/hostctl.conf", ofHostctl, "name the modules in kernel_module"},
		{unitDir + "multi-user.target.wants/hostctl-recover.service", ofHostctl, "choose another name"},
		{"/etc/initramfs-tools/scripts/local-bottom/hostctl", ofHostctl, "choose another name"},
		{"/usr/lib/dracut/modules.d/90hostctl", ofHostctl, "choose another name"},
		{"/var/lib/hostctl", "hostctl keeps its data about this machine there", "choose another folder"},
		{"/var/lib/dpkg", ofPackages, declare}, {"/var/lib/apt", ofPackages, declare},
		{"/var/cache/apt", ofPackages, declare}, {"/var/cache/debconf", ofPackages, declare},
	}
	for _, name := range ownUnits() {
		out = append(out, reserved{unitDir + name, ofHostctl, "choose another name"}, reserved{unitDir + name + ".d", ofHostctl, "choose another name"})
	}
	for _, name := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
		out = append(out, reserved{"/etc/" + name, ofAccounts, accounts}, reserved{"/etc/" + name + "-", ofAccounts, accounts})
	}
	return append(out, reserved{"/etc/.pwd.lock", ofAccounts, accounts})
})

// ownUnits are hostctl's own units: its recovery at boot, a run, and the timer of
// a trial.
func ownUnits() []string {
	return []string{"hostctl-recover.service", "hostctl-run.service", "hostctl-confirm.service", "hostctl-confirm.timer"}
}

// Reserved says why no switch can write f to a path, as Leads resolves it, and what
// to write instead. It is "" if a switch can.
func (h *Host) Reserved(at string, f File) string {
	r, ok := reservedAt(at)
	for _, m := range h.MountPoints() {
		if !ok && within(at, path.Join(m.Path, areaName)) {
			r, ok = area(), true
		}
	}
	switch {
	case !ok:
		return ""
	case r.do == atBoot:
		r.do += ": " + tmpfile(at, f)
	}
	return fmt.Sprintf("no switch can set %s: %s. Instead, %s.", at, r.why, r.do)
}

// areaName is hostctl's own folder on each file system.
const areaName = ".hostctl"

func area() reserved {
	return reserved{why: "hostctl keeps its stage there", do: "choose another folder"}
}

func reservedAt(at string) (reserved, bool) {
	for _, r := range reservedPaths() {
		if within(at, r.path) {
			return r, true
		}
	}
	switch {
	case within(at, "/"+areaName):
		return area(), true
	case within(at, "/var/log") && (strings.HasSuffix(at, ".log") || strings.HasSuffix(at, ".log.xz")):
		return reserved{why: "a log belongs to its writer, and a switch leaves it alone", do: atBoot}, true
	}
	return reserved{}, false
}

func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// tmpfile is the line of tmpfiles.d(5) that creates what a file asks for.
func tmpfile(at string, f File) string {
	rule := ""
	switch {
	case f.Type == Symlink:
		rule = fmt.Sprintf("L+ %s - - - - %s", at, f.Target)
	case f.Type == Directory:
		rule = fmt.Sprintf("d %s %s %s %s -", at, f.Mode, orRoot(f.Owner), orRoot(f.Group))
	case within(at, "/sys"):
		rule = fmt.Sprintf("w %s - - - - TEXT", at)
	default:
		rule = fmt.Sprintf("f %s %s %s %s - TEXT", at, f.Mode, orRoot(f.Owner), orRoot(f.Group))
	}
	return fmt.Sprintf("systemd { tmpfiles { rules = [%q] } }", rule)
}

package drift

import (
	"path/filepath"
	"strings"
)

// The kinds of what is found by path. Those of packages, accounts, the kernel
// and dpkg's overrides stand where they are found.
const (
	kindFile        = "file"
	kindProgramFile = "program_file"
	kindConffile    = "conffile"
	kindSetuid      = "setuid"
	kindCapability  = "capability"
	kindUnowned     = "unowned"
)

// kindOf tells what a path is for. Shipped and conffile say whether a package
// brought it.
func kindOf(path string, owned, conffile bool) string {
	dir, base := filepath.Split(path)
	in := func(folder string) bool { return strings.HasPrefix(path, folder+"/") || path == folder }
	switch {
	case in("/etc/sudoers.d"), path == "/etc/sudoers":
		return "sudoers"
	case strings.HasSuffix(dir, "/.ssh/") && strings.HasPrefix(base, "authorized_keys"):
		return "authorized_keys"
	case in("/etc/cron.d"), in("/etc/cron.hourly"), in("/etc/cron.daily"), in("/etc/cron.weekly"), in("/etc/cron.monthly"),
		path == "/etc/crontab", path == "/etc/anacrontab", in("/var/spool/cron"):
		return "cron"
	case in("/etc/apt/sources.list.d"), path == "/etc/apt/sources.list":
		return "apt_source"
	case in("/etc/apt/keyrings"), in("/etc/apt/trusted.gpg.d"), path == "/etc/apt/trusted.gpg", in("/usr/share/keyrings") && !owned:
		return "apt_key"
	case in("/etc/alternatives"):
		return "alternative"
	case in("/etc/sysctl.d"), path == "/etc/sysctl.conf":
		return "sysctl"
	case in("/etc/modules-load.d"), in("/etc/modprobe.d"), path == "/etc/modules":
		return "module"
	case path == "/etc/fstab", path == "/etc/crypttab":
		return "mount"
	case in("/etc/systemd/system"), in("/etc/systemd/user"), in("/usr/local/lib/systemd"):
		return unitKind(path)
	case owned && conffile:
		return kindConffile
	case owned:
		return kindProgramFile
	}
	return kindFile
}

func unitKind(path string) string {
	switch {
	case strings.HasSuffix(filepath.Dir(path), ".d"), strings.HasSuffix(path, ".d"):
		return "drop_in"
	case filepath.Ext(path) == ".timer":
		return "timer"
	}
	return "unit"
}

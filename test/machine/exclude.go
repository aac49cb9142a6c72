package machine

import "strings"

// Exclusion is a path, with what is below it, that two manifests of the
// same generation may differ in, and the reason.
type Exclusion struct {
	Path string // a trailing * stands for the rest of a name
	Why  string
	Time bool // only the modification time may differ
	Only bool // the path alone, not what is below it
	Data bool // only what files hold, and since when, may differ
}

func (e Exclusion) covers(path string) bool {
	if prefix, ok := strings.CutSuffix(e.Path, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == e.Path || !e.Only && strings.HasPrefix(path, e.Path+"/")
}

// leaves removes from two entries of path what the exclusions do not compare,
// and reports whether anything is left.
func leaves(path string, b, a *Entry, exclusions []Exclusion) bool {
	for _, e := range exclusions {
		switch {
		case !e.covers(path):
		case e.Data && b.Type != "" && a.Type != "":
			b.MTime, b.Size, b.SHA256 = a.MTime, a.Size, a.SHA256
		case !e.Time:
			return false
		default:
			b.MTime, a.MTime = "", ""
		}
	}
	return true
}

// Running is what changes by itself on a machine that runs.
func Running() []Exclusion {
	return []Exclusion{
		{Path: "/.hostctl", Why: "hostctl's own area: stage, and the other side of each generation's changes"},
		{Path: "/etc/systemd/system/hostctl-recover.service", Why: "hostctl's own: it belongs to no generation, a rollback needs it as much as a switch"},
		{Path: "/etc/systemd/system/multi-user.target.wants/hostctl-recover.service", Why: "the link that enables it"},
		{Path: "/etc/systemd/system", Why: "the unit was put there", Time: true, Only: true},
		{Path: "/etc/systemd/system/multi-user.target.wants", Why: "the link was put there", Time: true, Only: true},
		{Path: "/var/lib/hostctl", Why: "hostctl's own record: generations, undo and journal"},
		{Path: "/var/cache/hostctl", Why: "hostctl's own cache: .debs by digest and the stat cache"},
		{Path: "/var/log", Why: "logs are written as the machine runs"},
		{Path: "/run", Why: "a tmpfs on a running machine; this is the folder below it"},
		{Path: "/tmp", Why: "a tmpfs on a running machine; this is the folder below it"},
		{Path: "/var/tmp/systemd-private-*", Why: "made by systemd for a service with PrivateTmp while it runs"},
		{Path: "/etc/machine-id", Why: "written by systemd at the first boot, before any switch"},
		{Path: "/var/lib/systemd/timers", Why: "systemd writes when each timer ran"},
		{Path: "/var/lib/systemd/random-seed", Why: "systemd writes a new one at each boot"},
		{Path: "/var/lib/systemd/catalog/database", Why: "journalctl --update-catalog makes it anew from /usr/lib/systemd/catalog"},
		{Path: "/var/lib/systemd/linger", Why: "state of logind"},
		{Path: "/etc/.updated", Why: "systemd-update-done writes it at a boot that finds /usr newer"},
		{Path: "/var/.updated", Why: "systemd-update-done writes it at a boot that finds /usr newer"},
		{Path: "/root/.cache", Why: "a cache of programs that tests run as root"},
		{Path: "/etc/.pwd.lock", Why: "an empty file that lckpwdf(3) makes where it is missing and never removes"},
		{Path: "/var/lib/dpkg/lock*", Why: "lock files, empty; never part of a generation"},
		{Path: "/var/lib/apt/lists/lock", Why: "a lock file, empty"},
		{Path: "/var/cache/apt/archives/lock", Why: "a lock file, empty"},
	}
}

// Accounts are the account files: they are merged entry by entry, so that
// what users changed themselves stays, and so are files of their own time.
// Their bytes, modes and owners are compared.
func Accounts() []Exclusion {
	var out []Exclusion
	for _, name := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
		out = append(out,
			Exclusion{Path: "/etc/" + name, Why: "a merged file has the time of the merge", Time: true},
			Exclusion{Path: "/etc/" + name + "-", Why: "a backup that the passwd tools write, never part of a generation"})
	}
	return out
}

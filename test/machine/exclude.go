package machine

import "strings"

// Exclusion is a path, with everything below it, that two manifests of the
// same generation may differ in, and the reason.
type Exclusion struct{ Path, Why string }

// Excluded reports whether path is one of the exclusions or below one. A
// trailing * in an exclusion stands for the rest of a name.
func Excluded(path string, leave []Exclusion) bool {
	for _, e := range leave {
		if prefix, ok := strings.CutSuffix(e.Path, "*"); ok && strings.HasPrefix(path, prefix) {
			return true
		}
		if path == e.Path || strings.HasPrefix(path, e.Path+"/") {
			return true
		}
	}
	return false
}

// Running is what changes by itself on a machine that runs.
func Running() []Exclusion {
	return []Exclusion{
		{"/var/lib/hostctl", "hostctl's own record: generations, undo and journal"},
		{"/var/cache/hostctl", "hostctl's own cache: .debs by digest and the stat cache"},
		{"/var/log", "logs are written as the machine runs"},
		{"/run", "a tmpfs on a running machine; this is the folder below it"},
		{"/tmp", "a tmpfs on a running machine; this is the folder below it"},
		{"/var/tmp/systemd-private-*", "made by systemd for a service with PrivateTmp while it runs"},
		{"/etc/machine-id", "written by systemd at the first boot, before any switch"},
		{"/var/lib/systemd/timers", "systemd writes when each timer ran"},
		{"/var/lib/systemd/random-seed", "systemd writes a new one at each boot"},
		{"/var/lib/systemd/catalog/database", "journalctl --update-catalog makes it anew from /usr/lib/systemd/catalog"},
		{"/var/lib/systemd/linger", "state of logind"},
		{"/root/.cache", "a cache of programs that tests run as root"},
		{"/etc/.pwd.lock", "an empty file that lckpwdf(3) makes where it is missing and never removes"},
		{"/var/lib/dpkg/lock*", "lock files, empty; never part of a generation"},
		{"/var/lib/apt/lists/lock", "a lock file, empty"},
		{"/var/cache/apt/archives/lock", "a lock file, empty"},
	}
}

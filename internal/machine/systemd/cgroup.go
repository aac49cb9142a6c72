package systemd

import (
	"os"
	"slices"
	"strings"
)

// OwnUnit is the unit that this process is part of: stopping it would stop
// the switch.
func OwnUnit() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	unit, own := UnitOfCgroup(string(b), ManagerCgroup())
	if own {
		return ""
	}
	return unit
}

// UnitOfCgroup is the service of a process, from proc_pid_cgroup(5); own says
// that it is one of a user's own manager. It is empty for what people run in
// sessions, and for the processes of nobody. manager is the path at which
// systemd's own tree begins.
func UnitOfCgroup(file, manager string) (unit string, own bool) {
	i := strings.Index(file, "0::")
	if i < 0 {
		return "", false
	}
	path, _, _ := strings.Cut(file[i+len("0::"):], "\n")
	path, ok := strings.CutPrefix(path, manager)
	if !ok {
		return "", false
	}
	parts := strings.Split(path, "/")
	isService := func(p string) bool { return strings.HasSuffix(p, ".service") }
	if strings.HasPrefix(path, "/user.slice/") {
		if own = true; len(parts) < 4 || !isService(parts[3]) { // user@UID.service
			return "", false
		}
		parts = parts[4:]
	}
	if i := slices.IndexFunc(parts, isService); i >= 0 {
		return parts[i], own
	}
	return "", false
}

// ManagerCgroup is where systemd's tree begins: the parent of init.scope. In a
// container that shares its cgroup namespace it is not the top.
func ManagerCgroup() string {
	b, err := os.ReadFile("/proc/1/cgroup")
	if err != nil {
		return ""
	}
	_, path, _ := strings.Cut(strings.TrimSpace(string(b)), "0::")
	return strings.TrimSuffix(strings.TrimSuffix(path, "/init.scope"), "/")
}

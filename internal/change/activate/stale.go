package activate

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/change/commit"
)

// staleUnits finds the units that still execute code which the commit has
// replaced, and counts such processes in user sessions. A process that ends
// while it is looked at is not an error.
func staleUnits(replaced []string) (units map[string]bool, sessions int) {
	gone := map[string]bool{}
	for _, p := range replaced {
		gone[canonical(p)] = true
	}
	units = map[string]bool{}
	manager := managerCgroup()
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err != nil || pid == 1 || pid == os.Getpid() {
			continue // systemd executes itself anew
		}
		maps, err := os.ReadFile(dir + "/maps")
		if err != nil || !mapsReplaced(string(maps), gone) {
			continue
		}
		cgroup, err := os.ReadFile(dir + "/cgroup")
		if err != nil {
			continue
		}
		if unit := unitOfCgroup(string(cgroup), manager); unit != "" {
			units[unit] = true
		} else {
			sessions++
		}
	}
	return units, sessions
}

// mapsReplaced reports whether proc_pid_maps(5) shows code of a file that has
// been replaced: the commit moves such files to its own folder, dpkg run by
// hand deletes them.
func mapsReplaced(maps string, gone map[string]bool) bool {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.Contains(fields[1], "x") {
			continue
		}
		path := strings.Join(fields[5:], " ")
		if strings.Contains(path, "/"+commit.AreaName+"/") {
			return true
		}
		if path, deleted := strings.CutSuffix(path, " (deleted)"); deleted && gone[canonical(path)] {
			return true
		}
	}
	return false
}

// unitOfCgroup is the system service of a process, from proc_pid_cgroup(5);
// empty for the processes of users and of nobody. manager is the path at which
// systemd's own tree begins.
func unitOfCgroup(file, manager string) string {
	i := strings.Index(file, "0::")
	if i < 0 {
		return ""
	}
	path, _, _ := strings.Cut(file[i+len("0::"):], "\n")
	path, ok := strings.CutPrefix(path, manager)
	if !ok || strings.HasPrefix(path, "/user.slice/") {
		return ""
	}
	parts := strings.Split(path, "/")
	if i := slices.IndexFunc(parts, func(p string) bool { return strings.HasSuffix(p, ".service") }); i >= 0 {
		return parts[i]
	}
	return ""
}

// managerCgroup is where systemd's tree begins: the parent of init.scope. In a
// container that shares its cgroup namespace it is not the top.
func managerCgroup() string {
	b, err := os.ReadFile("/proc/1/cgroup")
	if err != nil {
		return ""
	}
	_, path, _ := strings.Cut(strings.TrimSpace(string(b)), "0::")
	return strings.TrimSuffix(strings.TrimSuffix(path, "/init.scope"), "/")
}

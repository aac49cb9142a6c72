package activate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/systemd"
)

// staleCode is what still executes code that the change replaces.
type staleCode struct {
	units    map[string]bool            // system units
	users    map[uint32]map[string]bool // units of users' own managers, by uid
	sessions []string                   // what else people run: "ann: bash (2), vim"
}

// findStale looks at every process, after a commit or, to foresee it, before.
// A process that ends while it is looked at is not an error.
func findStale(replaced []string, committed bool) staleCode {
	gone := map[string]bool{}
	for _, p := range replaced {
		gone[canonical(p)] = true
	}
	found := staleCode{units: map[string]bool{}, users: map[uint32]map[string]bool{}}
	people := map[uint32]map[string]int{}
	manager := systemd.ManagerCgroup()
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err != nil || pid == 1 || pid == os.Getpid() {
			continue // systemd executes itself anew
		}
		mapped, err := os.ReadFile(dir + "/maps")
		if err != nil || !mapsReplaced(string(mapped), gone, committed) {
			continue
		}
		cgroup, err := os.ReadFile(dir + "/cgroup")
		var st unix.Stat_t
		if err != nil || unix.Stat(dir, &st) != nil {
			continue
		}
		unit, own := systemd.UnitOfCgroup(string(cgroup), manager)
		switch {
		case unit != "" && !own:
			found.units[unit] = true
		case unit != "":
			add(found.users, st.Uid, unit, true)
		default:
			comm, err := os.ReadFile(dir + "/comm")
			if name := strings.Join(strings.Fields(string(comm)), " "); err == nil {
				add(people, st.Uid, name, people[st.Uid][name]+1)
			}
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(people)) {
		found.sessions = append(found.sessions, userName(uid)+": "+counted(people[uid]))
	}
	return found
}

func add[V any](m map[uint32]map[string]V, uid uint32, name string, v V) {
	if m[uid] == nil {
		m[uid] = map[string]V{}
	}
	m[uid][name] = v
}

// counted lists programs with how often they run.
func counted(programs map[string]int) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if n := programs[name]; n > 1 {
			name += fmt.Sprintf(" (%d)", n)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// userName is what passwd(5) calls uid; the number where it calls it nothing.
func userName(uid uint32) string {
	number := strconv.FormatUint(uint64(uid), 10)
	b, err := root.Read("/etc/passwd")
	if err != nil {
		return number
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == number {
			return f[0]
		}
	}
	return number
}

// mapsReplaced reports whether proc_pid_maps(5) shows code of a file that has
// been, or is about to be, replaced: the commit moves such files to its own
// folder, dpkg run by hand deletes them.
func mapsReplaced(maps string, gone map[string]bool, committed bool) bool {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.Contains(fields[1], "x") {
			continue
		}
		path := strings.Join(fields[5:], " ")
		if strings.Contains(path, "/"+node.AreaName+"/") {
			return true
		}
		path, deleted := strings.CutSuffix(path, " (deleted)")
		if (deleted || !committed) && gone[canonical(path)] {
			return true
		}
	}
	return false
}

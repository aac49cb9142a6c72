package activate

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/systemd"
)

// userUnits brings the managers of the users up to date who are logged in or
// linger (loginctl(1), enable-linger): those read their units anew, restart what
// was redefined, and start what a target that is up now wants. What still runs
// replaced code is listed and left: it may be somebody's desktop. Units of users
// are no reason to go back; what went wrong is a warning.
func (a *activation) userUnits(ctx context.Context) error {
	if !systemd.Booted() {
		return nil
	}
	for _, m := range userManagers() {
		if err := a.userManager(ctx, m); err != nil {
			a.warn("cannot bring the units of user %s up to date: %v", m.name, err)
		}
	}
	return ctx.Err()
}

// userManager is one running user@UID.service.
type userManager struct {
	uid, gid uint32
	name     string
	home     string
}

// userManagers finds those that run by the sockets that they serve.
func userManagers() []userManager {
	sockets, _ := filepath.Glob("/run/user/[0-9]*/systemd/private") // the pattern is well formed
	b, err := root.Read("/etc/passwd")
	if err != nil {
		return nil
	}
	var out []userManager
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 6 || !slices.Contains(sockets, filepath.Join("/run/user", f[2], "systemd/private")) {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err == nil && err2 == nil {
			out = append(out, userManager{uint32(uid), uint32(gid), f[0], f[5]})
		}
	}
	return out
}

// manager asks and tells it.
func (m userManager) manager() systemd.Manager { return systemd.OfUser(m.uid, m.gid, m.home) }

// order tells the manager something.
func (m userManager) order(ctx context.Context, args ...string) error {
	_, err := m.manager().Call(ctx, systemd.QueueTime, args...)
	return err
}

// reads says whether a file of units is one that the manager reads.
func (m userManager) reads(path string) bool {
	return strings.HasPrefix(path, filepath.Join(m.home, ".config/systemd/user")+"/") || !strings.Contains(path, "/.config/")
}

func (a *activation) userManager(ctx context.Context, m userManager) error {
	var touched []string
	for _, path := range a.touched.users {
		if m.reads(path) {
			touched = append(touched, path)
		}
	}
	stale := a.stale.users[m.uid]
	if len(stale) > 0 {
		a.report.Reboot = append(a.report.Reboot, m.name+"'s own units: "+strings.Join(slices.Sorted(maps.Keys(stale)), ", "))
	}
	if a.touched.reexec {
		if err := m.order(ctx, "daemon-reexec"); err != nil {
			return err
		}
	}
	if len(touched) == 0 {
		return nil
	}
	if err := m.order(ctx, "daemon-reload"); err != nil {
		return err
	}
	units, err := m.manager().List(ctx, "--all")
	if err != nil {
		return err
	}
	active := map[string]bool{}
	for name, u := range units {
		if u.Active == "active" {
			active[name] = true
		}
	}
	restart, start := userJobs(touched, active)
	for _, step := range []struct {
		verb  string
		units []string
	}{{"try-restart", restart}, {"start", start}} {
		if len(step.units) == 0 {
			continue
		}
		fmt.Fprintf(a.Log, "%s %s of user %s\n", strings.TrimPrefix(step.verb, "try-"), strings.Join(step.units, " "), m.name)
		if err := m.order(ctx, append([]string{step.verb, "--no-block", "--"}, step.units...)...); err != nil {
			return err
		}
	}
	return nil
}

// userJobs are the units that were redefined and run, and those that a target
// which is up has come to want.
func userJobs(touched []string, active map[string]bool) (restart, start []string) {
	for _, path := range touched {
		dir, base := filepath.Split(path)
		folder := filepath.Base(dir)
		unit, dropIn := strings.CutSuffix(folder, ".d")
		target, wants := strings.CutSuffix(folder, ".wants")
		if _, err := os.Lstat(path); wants && err == nil && active[target] && !active[base] {
			start = append(start, base)
		}
		if !dropIn {
			unit = base
		}
		for name := range active {
			if (name == unit || systemd.Template(name) == unit) && stoppable(name) && !spared(name, "") && !wants {
				restart = append(restart, name)
			}
		}
	}
	slices.Sort(restart)
	slices.Sort(start)
	return slices.Compact(restart), slices.Compact(start)
}

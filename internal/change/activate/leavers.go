package activate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// Presence is what an account has on the running machine.
type Presence struct {
	UID      int
	LoggedIn bool     // it has a session, or a manager that serves one
	Lingers  bool     // its manager is started at boot (loginctl(1), enable-linger)
	Programs []string // that it runs, each name once
}

func (p Presence) String() string {
	var says []string
	if p.LoggedIn {
		says = append(says, "is logged in")
	}
	if p.Lingers {
		says = append(says, "lingers")
	}
	if len(p.Programs) > 0 {
		says = append(says, "runs "+strings.Join(p.Programs, ", "))
	}
	return strings.Join(says, " and ")
}

const lingering = "/var/lib/systemd/linger"

// Leavers are the accounts that a plan removes and that are at work here.
func Leavers(p *spec.Plan) (map[string]Presence, error) {
	out := map[string]Presence{}
	for name, uid := range removed(p) {
		processes, err := processesOf(uid)
		if err != nil {
			return nil, err
		}
		here := Presence{UID: uid}
		for _, process := range processes {
			here.Programs = append(here.Programs, process.name)
		}
		slices.Sort(here.Programs)
		here.Programs = slices.Compact(here.Programs)
		_, err = os.Lstat("/run/user/" + strconv.Itoa(uid))
		here.LoggedIn = err == nil
		_, err = os.Lstat(filepath.Join(lingering, name))
		here.Lingers = err == nil
		if here.String() != "" {
			out[name] = here
		}
	}
	return out, nil
}

// removed are the accounts that a plan deletes, with their uids.
func removed(p *spec.Plan) map[string]int {
	out := map[string]int{}
	for _, c := range p.Of(spec.KindUser) {
		if c.Action != spec.Delete {
			continue
		}
		for _, f := range c.Fields {
			if uid, err := strconv.Atoi(f.Before); f.Name == "uid" && err == nil && uid > 0 {
				out[c.ID.Name] = uid
			}
		}
	}
	return out
}

// endLeavers ends the sessions and the processes of accounts that are gone, and
// has none of them linger. A uid that another account has, too, is left alone.
func (a *activation) endLeavers(ctx context.Context) error {
	leavers, err := Leavers(a.Plan)
	if err != nil || len(leavers) == 0 {
		return err
	}
	passwd, err := root.Read("/etc/passwd")
	if err != nil {
		return err
	}
	for name, here := range leavers {
		if err := os.Remove(filepath.Join(lingering, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			a.warn("user %s is gone, and would still linger: %v", name, err)
		}
		if taken(string(passwd), here.UID) {
			a.warn("user %s is gone, and another account has its uid %d: what runs as that goes on", name, here.UID)
			continue
		}
		fmt.Fprintf(a.Log, "end what user %s runs\n", name)
		if systemd.Booted() && here.LoggedIn {
			if err := order(ctx, systemd.JobTime, "stop", "--", fmt.Sprintf("user-%d.slice", here.UID)); err != nil {
				a.warn("cannot end the sessions of user %s: %v", name, err)
			}
		}
		if err := endProcesses(ctx, here.UID); err != nil {
			a.warn("user %s is gone, and %v", name, err)
		}
	}
	return ctx.Err()
}

func taken(passwd string, uid int) bool {
	for line := range strings.Lines(passwd) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == strconv.Itoa(uid) {
			return true
		}
	}
	return false
}

// process is one that runs here, and not in a container of its own.
type process struct {
	pid  int
	name string
}

// processesOf are those that have the uid as any of theirs. A container without
// user namespaces may use it, too, for somebody else: what has other process ids
// than this machine's is not meant.
func processesOf(uid int) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		name, is := runsAs(pid, uid)
		if !is {
			continue
		}
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); err == nil && ns == own {
			out = append(out, process{pid, name})
		}
	}
	return out, nil
}

// runsAs reads proc_pid_status(5). A process that has ended runs as nobody.
func runsAs(pid, uid int) (name string, is bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Name":
			name = strings.TrimSpace(value)
		case "State":
			if strings.HasPrefix(strings.TrimSpace(value), "Z") {
				return "", false
			}
		case "Uid":
			return name, slices.Contains(strings.Fields(value), strconv.Itoa(uid))
		}
	}
	return "", false
}

// patience is how long a process may take to end by itself.
const patience = 5 * time.Second

// endProcesses asks every process of a uid to end, and kills those that do not.
func endProcesses(ctx context.Context, uid int) error {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		left, err := processesOf(uid)
		if err != nil || len(left) == 0 || ctx.Err() != nil {
			return err
		}
		late := time.Since(began)
		if late > 2*patience {
			return fmt.Errorf("%s of its own cannot be ended: kill process %d", left[0].name, left[0].pid)
		}
		signal := unix.SIGTERM
		if late > patience {
			signal = unix.SIGKILL
		}
		for _, p := range left {
			if err := send(p.pid, uid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("cannot end its process %d (%s): %w", p.pid, p.name, err)
			}
		}
	}
}

// send holds the process while it looks: its id may be another's by now.
func send(pid, uid int, signal unix.Signal) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, is := runsAs(pid, uid); !is {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, signal, nil, 0)
}

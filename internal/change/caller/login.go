// Package caller tells who runs hostctl: the account that logged in, how it came in,
// and when.
package caller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/render"
	"golang.org/x/sys/unix"
)

// Moment is now, on clocks that nobody sets.
func Moment() (*generation.Moment, error) {
	id, err := system.BootID()
	if err != nil {
		return nil, fmt.Errorf("cannot tell this boot from others: %w", err)
	}
	m := &generation.Moment{Boot: id}
	m.Running, err = clock(unix.CLOCK_MONOTONIC)
	if err == nil {
		m.SinceBoot, err = clock(unix.CLOCK_BOOTTIME)
	}
	return m, err
}

func clock(id int32) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// NewLogin refuses a login that was there before the change that is on trial. A
// confirmation is worth something if whoever gives it came in through what was
// changed: network, sshd, accounts. So the login in which it is typed has to be
// younger than the change.
func NewLogin(ctx context.Context, at *generation.AtBoot) error {
	if at.Done == nil {
		return nil // it was applied at this boot, before anybody could log in
	}
	now, err := Moment()
	if err != nil || now.Boot != at.Done.Boot {
		return err
	}
	who, age, err := oldestOfLogin(ctx, now)
	if err != nil {
		return fmt.Errorf("cannot tell when this login began: %w; log in anew and say 'hostctl confirm' there, or 'hostctl rollback'", err)
	}
	if since := now.SinceBoot - at.Done.SinceBoot; age > since {
		return fmt.Errorf("cannot confirm: this is no new login: %s began %s before the change was done, and that it goes on says nothing about the next login; "+
			"log in anew, not in a tmux or screen from before the change, and say 'hostctl confirm' there, or 'hostctl rollback'", who, (age - since).Round(time.Second))
	}
	return nil
}

// oldestOfLogin is what of the login that this process belongs to is there for
// the longest time: the session that systemd-logind knows, or a process on the
// way up from here, or from the leader of its session (credentials(7)).
func oldestOfLogin(ctx context.Context, now *generation.Moment) (who string, age time.Duration, err error) {
	self, err := processOf(os.Getpid())
	if err != nil {
		return "", 0, err
	}
	if self.parent == 1 && self.session == 0 {
		return "", 0, errors.New("the process that it came from has ended, and the leader of its session is outside of this machine")
	}
	for _, from := range []int{os.Getpid(), self.session} {
		w, a, err := oldestAbove(from, now)
		if err != nil {
			return "", 0, err
		}
		if a > age {
			who, age = w, a
		}
	}
	id, err := loginSession()
	if id == "" || err != nil {
		return who, age, err
	}
	began, err := systemd.SessionBegan(ctx, id)
	if err != nil {
		return "", 0, err
	}
	if a := now.Running - began; a > age {
		who, age = "session "+id, a
	}
	return who, age, nil
}

// oldestAbove looks at a process and those that it descends from. What PID 1
// started is not asked: sshd and getty wait for many logins. A process whose
// parent is 0 came from outside of this machine's namespace
// (pid_namespaces(7)): with it a login began, as with a shell that nsenter(1)
// or a container's manager has started.
func oldestAbove(pid int, now *generation.Moment) (who string, age time.Duration, err error) {
	for pid > 1 {
		p, err := processOf(pid)
		if err != nil {
			return "", 0, err
		}
		if p.parent == 1 {
			break
		}
		if a := now.SinceBoot - p.started; a > age {
			who, age = fmt.Sprintf("its process %d (%s)", pid, render.Printable(p.name)), a
		}
		pid = p.parent
	}
	return who, age, nil
}

// loginSession is the session of systemd-logind that this process belongs to,
// by the scope that holds its processes; "" for none.
func loginSession() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for dir := range strings.SplitSeq(strings.TrimSpace(string(b)), "/") {
		if name, ok := strings.CutPrefix(dir, "session-"); ok && strings.HasSuffix(name, ".scope") {
			return strings.TrimSuffix(name, ".scope"), nil
		}
	}
	return "", nil
}

type process struct {
	name    string
	parent  int           // 0: outside of this PID namespace
	session int           // its leader; 0 as well
	started time.Duration // since the boot
}

// hertz is how the kernel counts in /proc/PID/stat, on every architecture that
// Debian has (sysconf(3), _SC_CLK_TCK).
const hertz = 100

// processOf reads /proc/PID/stat, proc_pid_stat(5).
func processOf(pid int) (process, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "stat")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return process{parent: 1}, nil // it ended meanwhile: PID 1 is the parent then
	}
	if err != nil {
		return process{}, err
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("%s holds %q", path, b)
	}
	const parent, session, start = 1, 3, 19 // counted from the third field
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) <= start {
		return process{}, fmt.Errorf("%s holds %q", path, b)
	}
	p := process{name: string(b[open+1 : end])}
	ticks, err := strconv.ParseInt(fields[start], 10, 64)
	if err == nil {
		p.parent, err = strconv.Atoi(fields[parent])
	}
	if err == nil {
		p.session, err = strconv.Atoi(fields[session])
	}
	p.started = time.Duration(ticks) * time.Second / hertz
	return p, err
}

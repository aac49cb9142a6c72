package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Transient is a service that runs once and has no unit file.
type Transient struct {
	Unit, Description string
	Stdout, Stderr    string   // files that what it prints is appended to
	Command           []string // absolute path first; everybody can read it
}

// Booted reports whether systemd runs the system, sd_booted(3).
func Booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// Manages reports whether systemd is the one that runs the system
// (sd_booted(3)), and whether that is the system of this process's root: a
// service would work on another root than a process in a chroot does.
func Manages() bool {
	if !Booted() {
		return false
	}
	first, err := os.Stat("/proc/1/root/.")
	if err != nil {
		return false
	}
	own, err := os.Stat("/")
	return err == nil && os.SameFile(first, own)
}

// Start runs the service outside the caller's session, and returns when its
// program has begun. No target stops it, and when memory runs out the kernel ends
// nearly everything else first.
func (t Transient) Start(ctx context.Context, root system.Root) error {
	args := []string{"--quiet", "--collect", "--unit=" + t.Unit, "--description=" + t.Description, "--slice=hostctl.slice"}
	for _, p := range []string{
		"Type=exec", "KillMode=process", "OOMScoreAdjust=-900", "DefaultDependencies=no", "IgnoreOnIsolate=yes",
		"StandardInput=null", "StandardOutput=append:" + t.Stdout, "StandardError=append:" + t.Stderr,
	} {
		args = append(args, "--property="+p)
	}
	args = append(append(args, "--"), t.Command...)
	cmd := root.Command(ctx, "systemd-run", args...)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // Ctrl-C in the terminal is the caller's to act on
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case strings.Contains(string(out), "already loaded"):
		return fmt.Errorf("cannot start %s: %w", t.Unit, ErrRuns)
	}
	return fmt.Errorf("cannot start %s: systemd-run: %w: %s", t.Unit, err, strings.TrimSpace(string(out)))
}

// ErrRuns says that a service of that name runs already, or was killed a moment
// ago and is not forgotten yet.
var ErrRuns = errors.New("it runs already")

// MainPID is the process of a service, 0 when it has ended.
func MainPID(ctx context.Context, unit string) (int, error) {
	out, err := PID1().Once(ctx, QueueTime, "show", "--property=MainPID", "--value", "--", unit)
	if err != nil {
		return 0, fmt.Errorf("cannot ask systemd about %s: %w", unit, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("cannot ask systemd about %s: it answers %q", unit, out)
	}
	return pid, nil
}

// Timer starts a command once, after a while. It is systemd's and outlives the
// caller and its session.
type Timer struct {
	Unit, Description string // Unit is without its suffix
	After             time.Duration
	Command           []string // absolute path first
}

// Start starts the timer.
func (t Timer) Start(ctx context.Context) error {
	args := []string{
		"--quiet", "--unit=" + t.Unit, "--on-active=" + t.After.String(), "--timer-property=AccuracySec=1s",
		"--description=" + t.Description, "--property=OOMScoreAdjust=-900", "--property=KillMode=process",
	}
	if out, err := live.Command(ctx, "systemd-run", append(args, t.Command...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("systemd-run: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// StopTimer stops the timer of a unit, if it runs, and not what it has started.
func StopTimer(ctx context.Context, unit string) error {
	if _, err := PID1().Once(ctx, QueueTime, "--quiet", "is-active", unit+".timer"); err != nil {
		return nil
	}
	if _, err := PID1().Once(ctx, JobTime, "stop", unit+".timer"); err != nil {
		return fmt.Errorf("cannot stop %s.timer: %w", unit, err)
	}
	return nil
}

// SessionBegan is when a session of systemd-logind began, on CLOCK_MONOTONIC.
func SessionBegan(ctx context.Context, id string) (time.Duration, error) {
	out, err := live.Command(ctx, "loginctl", "show-session", id, "--property=TimestampMonotonic", "--value").Output()
	if err != nil {
		return 0, fmt.Errorf("'loginctl show-session %s': %w", id, err)
	}
	began, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("'loginctl show-session %s' gives no time: %w", id, err)
	}
	return time.Duration(began) * time.Microsecond, nil
}

package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Transient is a service that runs once and is of no unit file.
type Transient struct {
	Unit, Description string
	Stdout, Stderr    string   // files that what it prints is appended to
	Command           []string // absolute path first; everybody can read it
}

// Manages reports whether systemd is the one that runs the system
// (sd_booted(3)), and whether that is the system of this process's root: a
// service would work on another root than a process in a chroot does.
func Manages() bool {
	fi, err := os.Lstat("/run/systemd/system")
	if err != nil || !fi.IsDir() {
		return false
	}
	first, err := os.Stat("/proc/1/root/.")
	if err != nil {
		return false
	}
	own, err := os.Stat("/")
	return err == nil && os.SameFile(first, own)
}

// Start runs the service with nothing of the caller's session, and returns
// when its program has begun. No target stops it, and the kernel ends nearly
// everything else first when memory runs out.
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
func MainPID(ctx context.Context, root system.Root, unit string) (int, error) {
	out, err := root.Command(ctx, "systemctl", "show", "--property=MainPID", "--value", "--", unit).Output()
	if err != nil {
		return 0, fmt.Errorf("cannot ask systemd about %s: %w", unit, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("cannot ask systemd about %s: it answers %q", unit, out)
	}
	return pid, nil
}

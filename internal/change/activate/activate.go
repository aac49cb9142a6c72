// Package activate makes the running system follow a commit: secrets, kernel
// settings, and which units are stopped, reloaded, restarted and started; then
// it looks whether they are well. What to do is decided by pure functions
// (decide.go, touched.go, judge in health.go); the rest asks systemd and tells it.
//
// It works on the live root alone, and on one that systemd runs: elsewhere
// (a chroot, a container without an init) units are left to whoever starts them.
package activate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// root is the live root: nothing else has running daemons.
const root = system.Root("/")

// order tells the system's manager something.
func order(ctx context.Context, limit time.Duration, args ...string) error {
	_, err := systemd.PID1().Call(ctx, limit, args...)
	return err
}

// Request is one activation. A rollback is an activation whose Want is the
// older spec and whose Plan is the way back.
type Request struct {
	Plan       *spec.Plan
	Want, Prev *spec.Host
	// Record is what maintainer scripts asked of services in the stage.
	Record []spec.ServiceRequest
	// Replaced are the live paths that the commit made, replaced or removed.
	// Before does not read it.
	Replaced []string
	// Booted says that the change was committed before PID 1 of this boot, or of an
	// earlier one: what runs was started from what it put in place.
	Booted bool
	// Healthy is what Health said before Before was called.
	Healthy map[string]bool
	// Settling is called once, when every unit is up that is to be, and After
	// only watches from then on whether they stay so.
	Settling func()
	// Waiting is told which units are waited for, there is at least one.
	Waiting func(units []string)
	Log     io.Writer
	Blob    func(digest string) ([]byte, error)
}

// Report is what an activation did.
type Report struct {
	Stopped, Reloaded, Restarted, Started []string
	// Warnings are steps that the host could not take and can do without.
	Warnings []string
	// Reboot says what still runs its former version, and will until a reboot.
	Reboot []string
}

// Health returns the units that are active now.
func Health(ctx context.Context) (map[string]bool, error) {
	if !systemd.Booted() {
		return map[string]bool{}, nil
	}
	units, err := systemd.PID1().List(ctx, "--state=active,reloading,activating")
	if err != nil {
		return nil, err
	}
	active := make(map[string]bool, len(units))
	for name := range units {
		active[name] = true
	}
	return active, nil
}

// Stops are the units that the change takes away, and those whose package wants
// to be unpacked while they stand still.
func Stops(ctx context.Context, req Request) ([]string, error) {
	if !systemd.Booted() {
		return nil, nil
	}
	return toStop(ctx, req)
}

// Before stops units, which Stops has named. It runs before the commit, when
// their programs are still there. If the commit then does not happen, Resume
// starts them again.
func Before(ctx context.Context, log io.Writer, units []string) error {
	if len(units) == 0 {
		return nil
	}
	fmt.Fprintf(log, "stop %s\n", strings.Join(units, " "))
	return systemd.PID1().Stop(ctx, units)
}

// Resume starts what Before has stopped.
func Resume(ctx context.Context, req Request) error {
	if !systemd.Booted() {
		return nil
	}
	units, err := toStop(ctx, req)
	if err != nil || len(units) == 0 {
		return err
	}
	fmt.Fprintf(req.Log, "start %s\n", strings.Join(units, " "))
	return order(ctx, systemd.JobTime, append([]string{"start", "--"}, units...)...)
}

// Restore starts every unit that the boot would have started and that does not
// run: after a run that was killed nobody knows what it had stopped. It does
// not wait for them.
func Restore(ctx context.Context) error {
	if !systemd.Booted() {
		return nil
	}
	if err := order(ctx, systemd.JobTime, "daemon-reload"); err != nil {
		return err
	}
	out, err := systemd.PID1().Once(ctx, systemd.QueueTime, "list-dependencies", "--plain", "--no-pager", "default.target")
	if err != nil {
		return fmt.Errorf("cannot tell which units should run: %w", err)
	}
	units, err := systemd.PID1().Show(ctx, slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool { return !stoppable(name) }))
	if err != nil {
		return err
	}
	down := dormant(units)
	if len(down) == 0 {
		return nil
	}
	return order(ctx, systemd.QueueTime, append([]string{"start", "--no-block", "--"}, down...)...)
}

func toStop(ctx context.Context, req Request) ([]string, error) {
	shipped, err := unitsOfRemoved(req.Plan)
	if err != nil {
		return nil, err
	}
	own := systemd.OwnUnit()
	ask := stopSet(req, shipped, own)
	for name := range req.Healthy {
		if ext := filepath.Ext(name); len(shipped) > 0 && (ext == ".socket" || ext == ".timer" || ext == ".path") {
			ask = append(ask, name)
		}
	}
	slices.Sort(ask)
	units, err := systemd.PID1().Show(ctx, slices.Compact(ask))
	out := stopSet(req, append(shipped, startersOf(units, shipped)...), own)
	// What systemd lets nobody stop runs on for now (decideLeftover).
	return slices.DeleteFunc(out, func(name string) bool { return units[name].CannotStop }), err
}

// startersOf are the active sockets, timers and paths that would start a
// stopped unit again, from whichever package they are: syslog.socket is
// systemd's, and what comes in starts rsyslog.
func startersOf(units map[string]systemd.Unit, stopped []string) []string {
	var out []string
	for name, u := range units {
		if slices.ContainsFunc(u.Triggers, func(t string) bool { return slices.Contains(stopped, t) }) {
			out = append(out, name)
		}
	}
	return out
}

// activation is one run of After.
type activation struct {
	Request
	report  Report
	touched touched
	stale   staleCode
	secrets *secret.Installed
}

// After runs once the commit is durable. Its error is an *Unhealthy when a
// unit does not come up or was well before and is not now; then, as after any
// other error, the caller rolls back.
func After(ctx context.Context, req Request) (*Report, error) {
	a := &activation{Request: req, touched: look(req)}
	steps := []struct {
		name string
		run  func(context.Context) error
	}{
		{"install secrets", a.installSecrets},
		{"make volatile files", a.tmpfiles},
		{"reload systemd", a.reloadManager},
		{"reload udev", a.reloadUdev},
		{"load kernel modules", a.modules},
		{"set kernel parameters", a.sysctls},
		{"set the host name", a.hostname},
		{"reload dbus", a.reloadDBus},
		{"look for replaced code", a.lookForStale},
		{"bring units up to date", a.units},
		{"bring the units of users up to date", a.userUnits},
		{"say that a reboot is needed", a.rebootRequired},
		{"end what removed accounts run", a.endLeavers}, // last: all else is well by then
	}
	for _, step := range steps {
		err := step.run(ctx)
		for i, w := range a.report.Warnings {
			a.report.Warnings[i] = a.hide(w)
		}
		if _, unhealthy := err.(*Unhealthy); unhealthy {
			return &a.report, err
		}
		if err != nil {
			return &a.report, a.hidden(fmt.Errorf("cannot %s: %w", step.name, err))
		}
	}
	return &a.report, nil
}

// hide takes the values of secrets out of what a program said.
func (a *activation) hide(text string) string {
	if a.secrets == nil {
		return text // nothing is installed yet, and decrypting tells no values
	}
	return a.secrets.Hide(text)
}

func (a *activation) hidden(err error) error {
	if text := a.hide(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

func (a *activation) warn(format string, args ...any) {
	a.report.Warnings = append(a.report.Warnings, fmt.Sprintf(format, args...))
}

func (a *activation) installSecrets(context.Context) error {
	var keys secret.Keyring
	var err error
	if len(a.Want.Secrets) > 0 {
		if keys, err = secret.LoadKeys(root, a.Want.Settings.AgeKeyFile); err != nil {
			return err
		}
	}
	a.secrets, err = secret.Install(root, a.Want, a.Blob, keys)
	return err
}

func (a *activation) lookForStale(context.Context) error {
	a.stale = findStale(a.Replaced, true)
	return nil
}

// rebootRequired leaves the mark that Debian's own tools read and leave
// (unattended-upgrades, needrestart, update-notifier).
func (a *activation) rebootRequired(context.Context) error {
	if len(a.report.Reboot) == 0 {
		return nil
	}
	return os.WriteFile("/run/reboot-required", []byte("*** System restart required ***\n"), 0o644)
}

// units decides what to do with every unit, does it, and waits for their health.
func (a *activation) units(ctx context.Context) error {
	if !systemd.Booted() {
		a.warn("systemd does not run here: units are as the next boot finds them")
		return nil
	}
	in := situation{Request: a.Request, touched: a.touched, secrets: a.secrets, stale: a.stale.units, own: systemd.OwnUnit()}
	var err error
	if in.units, err = systemd.PID1().Show(ctx, in.concerned()); err != nil {
		return err
	}
	do := in.decide()
	a.report.Stopped, a.report.Reloaded, a.report.Restarted, a.report.Started = do.stop, do.reload, do.restart, do.start
	a.report.Reboot = append(a.report.Reboot, do.reboot...)
	a.report.Warnings = append(a.report.Warnings, do.notes...)
	a.report.Reboot = append(append(a.report.Reboot, a.stale.sessions...), a.touched.kernel...)
	began := time.Now()
	if len(do.forget) > 0 {
		if err := order(ctx, systemd.QueueTime, append([]string{"reset-failed", "--"}, do.forget...)...); err != nil {
			a.warn("%v", err)
		}
	}
	if starts := slices.Concat(do.restart, do.start); len(starts) > 0 {
		// Start limits (StartLimitBurst=, systemd.unit(5)) are for what restarts by
		// itself: a service that fell over its own limit could not be gone back
		// to. What systemd has not loaded has counted nothing, and is an error.
		_, _ = systemd.PID1().Once(ctx, systemd.QueueTime, append([]string{"reset-failed", "--"}, starts...)...)
	}
	if err := a.act(ctx, do, in.units); err != nil {
		return err
	}
	return a.await(ctx, do, in.units, began)
}

// act hands every verb's units to systemd at once. It waits for stops only:
// systemd orders the other jobs, and health waits for them.
func (a *activation) act(ctx context.Context, do decision, earlier map[string]systemd.Unit) error {
	if len(do.stop) > 0 {
		fmt.Fprintf(a.Log, "stop %s\n", strings.Join(do.stop, " "))
		if a.Waiting != nil {
			a.Waiting(do.stop)
		}
		if err := systemd.PID1().Stop(ctx, do.stop); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		verb  string
		units []string
	}{{"reload", do.reload}, {"restart", do.restart}, {"start", socketsFirst(do.start)}} {
		if len(step.units) == 0 {
			continue
		}
		fmt.Fprintf(a.Log, "%s %s\n", step.verb, strings.Join(step.units, " "))
		// A unit that cannot even be queued is found by health, with its
		// state; the others of the call are queued all the same.
		left := step.units
		err := systemd.PID1().Retry(ctx, func() error {
			_, err := systemd.PID1().Once(ctx, systemd.QueueTime, append([]string{step.verb, "--no-block", "--"}, left...)...)
			if err == nil {
				return nil
			}
			if now, asked := systemd.PID1().Show(ctx, left); asked == nil {
				left = untouched(left, step.verb, earlier, now)
			}
			if len(left) == 0 {
				return nil
			}
			return err
		})
		if err != nil {
			a.warn("%v", err)
		}
	}
	return ctx.Err()
}

// socketsFirst has the jobs of sockets queued before those of their services,
// which systemd orders after them, and never the other way round.
func socketsFirst(units []string) []string {
	socket := func(name string) int {
		if strings.HasSuffix(name, ".socket") {
			return 0
		}
		return 1
	}
	units = slices.Clone(units)
	slices.SortStableFunc(units, func(a, b string) int { return socket(a) - socket(b) })
	return units
}

// untouched are the units for which a call that failed queued no job: nothing
// is restarted twice. A reload leaves no trace, and harms nobody twice.
func untouched(names []string, verb string, earlier, now map[string]systemd.Unit) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		u := now[name]
		return u.Job || verb != "reload" && u.Invocation != "" && u.Invocation != earlier[name].Invocation
	})
}

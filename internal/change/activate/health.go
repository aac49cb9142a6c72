package activate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// Unhealthy is the error of an activation after which units are not well.
type Unhealthy struct{ Units []Illness }

// Illness is one unit that is not well.
type Illness struct {
	Unit    string
	Reason  string
	Origin  string   // " (FILE:LINE)" where the spec has the unit
	Journal []string // its last lines
}

func (e *Unhealthy) Error() string { return e.text(true) }

// Record is the error without what units have printed, which is for whoever
// looks on: no list of secrets knows all that a program may print.
func (e *Unhealthy) Record() string { return e.text(false) }

func (e *Unhealthy) text(journal bool) string {
	var b strings.Builder
	b.WriteString("cannot keep this change: it leaves units unwell")
	for _, i := range e.Units {
		fmt.Fprintf(&b, "\n  %s", i.Unit)
		fmt.Fprintf(&b, "%s %s", i.Origin, i.Reason)
		if !journal {
			continue
		}
		for _, line := range i.Journal {
			fmt.Fprintf(&b, "\n    | %s", line)
		}
	}
	return b.String()
}

const (
	pollTime   = 200 * time.Millisecond
	firstPause = 25 * time.Millisecond // twice as long from one look to the next, up to that
	// settleTime is how long units must stay well after the last step: a
	// service of Type=simple counts as active before it has done anything.
	settleTime = 3 * time.Second
	// readyTime is that for services that say themselves when they are ready.
	readyTime = 500 * time.Millisecond
	// loop is how many restarts by systemd itself are one too many.
	loop        = 2
	defaultWait = 30 * time.Second
	// stopGrace is the most that slow stops add to the wait.
	stopGrace = systemd.JobTime
	// bootTime is how long a boot may take: units of it have limits of their own, and
	// some have none.
	bootTime = 30 * time.Minute
)

// verdict is what a look at one unit yields.
type verdict int

const (
	well verdict = iota
	pending
	unwell
)

// watched is what health expects of one unit.
type watched struct {
	required bool // the spec enables it, or names it in HealthUnits
	moved    bool // this activation started, restarted or reloaded it
	before   bool // it was well before
	pulled   bool // it is the spec's, did not run, and another one may start it
	reloaded bool
	runs     string // the invocation that was to be restarted, or of pulled the last one
	restarts int    // NRestarts to count from
}

// judge is a pure function of one unit's state.
func judge(u systemd.Unit, w watched) (verdict, string) {
	switch {
	case u.Load == "not-found" || u.Load == "masked":
		if w.required {
			return unwell, fmt.Sprintf("cannot run: its definition is %s", u.Load)
		}
		return well, ""
	case u.Load != "loaded":
		return unwell, fmt.Sprintf("cannot run: systemd refuses its definition (%s)", u.Load)
	case u.Restarts-w.restarts >= loop:
		return unwell, fmt.Sprintf("does not stay up: systemd had to restart it %d times", u.Restarts-w.restarts)
	case u.Active == "failed":
		if w.required || w.moved || w.before || w.pulled && u.Invocation != w.runs {
			return unwell, fmt.Sprintf("failed: it %s", ended(u))
		}
		return well, ""
	case !w.required && !w.moved && !(w.pulled && (u.Job || u.Active == "activating")):
		return well, ""
	case w.reloaded && !u.Job && u.ReloadResult != "" && u.ReloadResult != "success":
		return unwell, fmt.Sprintf("did not take its new configuration: its reload ended with %s", u.ReloadResult)
	case u.Active == "active" && !u.Job && w.runs != "" && u.Invocation == w.runs:
		return unwell, "was not restarted: it runs as it did before"
	case u.Active == "active" && !u.Job:
		return well, ""
	case u.Active != "inactive" || u.Job:
		return pending, fmt.Sprintf("is still %s (%s)", u.Active, u.Sub)
	case u.Passing() || u.ConditionFailed:
		return well, ""
	default:
		return unwell, fmt.Sprintf("is not running: it %s", ended(u))
	}
}

// ended says how a unit that should run ended.
func ended(u systemd.Unit) string {
	switch {
	case u.Exit != "" && u.Result != "success":
		return fmt.Sprintf("%s (%s)", u.Exit, u.Result)
	case u.Exit != "":
		return u.Exit
	case u.Result == "success" || u.Result == "":
		return "was not started, perhaps because a unit that it needs did not start"
	default:
		return fmt.Sprintf("ended with %s", u.Result)
	}
}

// expectations say what to watch, and for what. earlier is how the units were
// before this activation acted.
func (a *activation) expectations(do decision, earlier map[string]systemd.Unit) map[string]watched {
	watch := map[string]watched{}
	with := func(name string, change func(*watched)) {
		w := watch[name]
		change(&w)
		watch[name] = w
	}
	for name := range a.Healthy {
		if stoppable(name) {
			with(name, func(w *watched) { w.before, w.restarts = true, earlier[name].Restarts })
		}
	}
	for name, u := range a.Want.Units {
		if u.Enabled != nil && *u.Enabled && !strings.Contains(name, "@.") {
			with(name, func(w *watched) { w.required, w.restarts = true, earlier[name].Restarts })
		}
	}
	for _, name := range a.Want.Settings.HealthUnits {
		with(name, func(w *watched) { w.required, w.restarts = true, earlier[name].Restarts })
	}
	for name, u := range earlier {
		// What a timer, path or socket starts is not for this change to answer for.
		_, ours := a.Want.Units[name]
		if ours && len(do.restart)+len(do.start) > 0 && !u.Up() && u.Active != "failed" && len(u.TriggeredBy) == 0 {
			with(name, func(w *watched) { w.pulled, w.runs = true, u.Invocation })
		}
	}
	for _, name := range do.reload {
		with(name, func(w *watched) { w.moved, w.reloaded = true, true })
	}
	for _, name := range do.restart {
		with(name, func(w *watched) { w.runs = earlier[name].Invocation })
	}
	// systemd counts restarts anew when a unit is started by a command.
	for _, name := range slices.Concat(do.restart, do.start) {
		with(name, func(w *watched) { w.moved, w.restarts = true, 0 })
	}
	return watch
}

// await looks until every unit is well and has been for a while, one is
// unwell, or the time of the spec is over.
func (a *activation) await(ctx context.Context, do decision, earlier map[string]systemd.Unit, began time.Time) error {
	watch := a.expectations(do, earlier)
	wait := time.Duration(a.Want.Settings.HealthWait) * time.Second
	if wait == 0 { // the spec of a machine before hostctl says nothing
		wait = defaultWait
	}
	settle := min(settling(do, earlier), wait)
	pause := firstPause
	deadline, last := began.Add(wait), began.Add(wait+stopGrace)
	var ill fallen
	var known map[string]systemd.Unit
	if len(do.stop)+len(do.reload)+len(do.restart)+len(do.start) == 0 {
		known = earlier
		a.allUp()
	}
	for settled := time.Now(); ; known = nil {
		now, clock := time.Now(), monotonic() // before the look, which takes its time
		units, err := lookAt(ctx, watch, known)
		if err != nil {
			return err
		}
		sick, waiting, running, stopping := examine(units, watch)
		if stopping && now.Before(last) || a.Booted && now.Sub(began) < bootTime && systemd.PID1().Starting(ctx) {
			deadline = now.Add(wait) // a unit's time to start begins when it has stopped, or what boots before it is up
		}
		if ill.add(a.lackKernel(sick, watch), now); len(ill.units) > 0 {
			if len(waiting)+len(running) == 0 || now.Sub(ill.since) >= settleTime {
				return a.unhealthy(ctx, ill.units)
			}
		} else if len(waiting) > 0 && now.After(deadline) {
			for i := range waiting {
				waiting[i].Reason += fmt.Sprintf(" after %.0f s", now.Sub(began).Seconds())
			}
			if waiting = a.lackKernel(waiting, watch); len(waiting) > 0 {
				return a.unhealthy(ctx, waiting)
			}
		}
		if now.After(deadline) {
			a.leave(running, now.Sub(began))
			running = nil
		}
		if len(waiting)+len(running) > 0 {
			a.waits(waiting, running)
			settled = now
			pause = min(2*pause, pollTime)
		} else {
			a.allUp()
			well := now.Sub(settled)
			if len(do.reload) == 0 { // of a reload systemd keeps no time
				well = max(well, min(now.Sub(began), up(units, watch, clock)))
			}
			if pause = min(pollTime, settle-well); pause <= 0 {
				for _, name := range unmet(units, watch) {
					a.warn("%s did not start, since a condition of its own does not hold: 'systemctl status %s' tells which", name, name)
				}
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// fallen are the units that were found unwell. What fails is told together with
// what fails beside it: those on their way have as long as units must stay well.
type fallen struct {
	units []Illness
	since time.Time
}

func (f *fallen) add(sick []Illness, now time.Time) {
	for _, i := range sick {
		if len(f.units) == 0 {
			f.since = now
		}
		if !slices.ContainsFunc(f.units, func(have Illness) bool { return have.Unit == i.Unit }) {
			f.units = append(f.units, i)
		}
	}
}

// lackKernel leaves out units that may want the kernel which this change has
// brought and which does not run yet: the package of a module that was built for it
// starts what uses the module. What the spec asks for, and what ran before, is not
// among them. They are told once, and no longer watched.
func (a *activation) lackKernel(sick []Illness, watch map[string]watched) []Illness {
	if !slices.ContainsFunc(a.touched.kernel, func(why string) bool { return strings.Contains(why, "/boot/vmlinuz-") }) {
		return sick
	}
	return slices.DeleteFunc(sick, func(i Illness) bool {
		w := watch[i.Unit]
		if w.required || w.before || !w.moved {
			return false
		}
		delete(watch, i.Unit)
		a.report.Reboot = append(a.report.Reboot, fmt.Sprintf("%s, which a package started: %s; it may want the new kernel", i.Unit, i.Reason))
		return true
	})
}

// waits tells which units are not up yet.
func (a *activation) waits(waiting []Illness, running []string) {
	var units []string
	for _, i := range waiting {
		units = append(units, i.Unit)
	}
	if units = append(units, running...); a.Waiting != nil {
		a.Waiting(units)
	}
}

// leave says once which oneshots nobody waits for any longer.
func (a *activation) leave(running []string, after time.Duration) {
	for _, name := range running {
		if text := fmt.Sprintf("%s still runs", name); !slices.ContainsFunc(a.report.Warnings, func(w string) bool { return strings.HasPrefix(w, text) }) {
			a.warn("%s after %.0f s; 'systemctl status %s' tells how it ends", text, after.Seconds(), name)
		}
	}
}

// up is for how long all that was to come up has been active, as systemd knows
// it: better than whoever looks now and then.
func up(units map[string]systemd.Unit, watch map[string]watched, now time.Duration) time.Duration {
	var last time.Duration
	for name, u := range units {
		if w := watch[name]; w.moved || w.required {
			last = max(last, u.Entered)
		}
	}
	return now - last
}

// monotonic is the clock by which systemd keeps such times; 0 where there is none.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Duration(now.Nano())
}

// allUp says so, once.
func (a *activation) allUp() {
	if a.Settling != nil {
		a.Settling()
		a.Settling = nil
	}
}

// lookAt asks for the state of those units that may not be well, and that is not
// known. All that can befall one without processes, and that nobody moved or
// needs, is told by a list, which costs a fraction.
func lookAt(ctx context.Context, watch map[string]watched, known map[string]systemd.Unit) (map[string]systemd.Unit, error) {
	all, err := systemd.PID1().List(ctx, "--all")
	if err != nil {
		return nil, err
	}
	var ask []string
	found := map[string]systemd.Unit{}
	for name, w := range watch {
		if u, ok := known[name]; ok {
			found[name] = u
			continue
		}
		u, listed := all[name]
		runs := strings.HasSuffix(name, ".service") && u.Sub != "exited"
		if !listed || runs || w.required || w.moved || w.pulled || u.Load != "loaded" || u.Active == "failed" {
			ask = append(ask, name)
		}
	}
	slices.Sort(ask)
	asked, err := systemd.PID1().Show(ctx, ask)
	maps.Copy(found, asked)
	return found, err
}

// settling is for how long what was started has to stay well, by Type= of
// systemd.service(5). systemd hears of the end of a reload from notify-reload
// alone.
func settling(do decision, units map[string]systemd.Unit) time.Duration {
	var longest time.Duration
	for _, name := range slices.Concat(do.reload, do.restart, do.start) {
		u := units[name]
		if !strings.HasSuffix(name, ".service") || u.Type == "oneshot" {
			continue
		}
		says := []string{"notify", "notify-reload", "dbus", "forking"}
		if slices.Contains(do.reload, name) {
			says = []string{"notify-reload"}
		}
		if !slices.Contains(says, u.Type) {
			return settleTime
		}
		longest = readyTime
	}
	return longest
}

// examine judges all units at once. running are oneshots that have begun: how they
// end is waited for, but one may take longer than anybody waits, and has not
// failed while it runs. systemd itself ends it after its TimeoutStartSec=.
func examine(units map[string]systemd.Unit, watch map[string]watched) (sick, waiting []Illness, running []string, stopping bool) {
	for _, name := range slices.Sorted(maps.Keys(units)) {
		u := units[name]
		v, reason := judge(u, watch[name])
		switch {
		case v == unwell:
			sick = append(sick, Illness{Unit: name, Reason: reason})
		case v == pending && u.Type == "oneshot" && u.Sub == "start":
			if w := watch[name]; w.moved || w.pulled { // by this change
				running = append(running, name)
			}
		case v == pending:
			waiting = append(waiting, Illness{Unit: name, Reason: reason})
			stopping = stopping || u.Active == "deactivating"
		}
	}
	return sick, waiting, running, stopping
}

// unmet are the units that were to start and found that they have no place on this
// machine: hardware that it lacks, most of the time.
func unmet(units map[string]systemd.Unit, watch map[string]watched) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(units)) {
		if u, w := units[name], watch[name]; w.required && w.moved && u.Active == "inactive" && u.ConditionFailed {
			names = append(names, name)
		}
	}
	return names
}

// unhealthy adds to each unit where the spec has it and what it said last.
func (a *activation) unhealthy(ctx context.Context, ill []Illness) error {
	for i := range ill {
		ill[i].Origin = a.Want.At(spec.ID{Kind: spec.KindUnit, Name: ill[i].Unit})
		if lines := systemd.LastLines(ctx, ill[i].Unit); lines != "" {
			ill[i].Journal = strings.Split(a.hide(lines), "\n")
		}
	}
	return &Unhealthy{Units: ill}
}

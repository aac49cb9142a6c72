package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// WaitingFor is the step of a run that units hold up.
const WaitingFor = "waiting for"

// waiting tells which units are waited for.
func (m *Machine) waiting(units []string) {
	name := units[0]
	if more := len(units) - 1; more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	m.at(Step{What: WaitingFor, Name: name})
}

// stopping is there while units may stand still for a change: a run that is
// killed before it has a journal leaves nothing else that tells. A boot starts
// every unit and takes the file with it.
const stopping = "/run/hostctl-stopping"

// outlook is how units are before a change: those that are well, and of these the
// ones that it stops.
type outlook struct {
	healthy map[string]bool
	stop    []string
}

// beforehand asks for the outlook of a change while something else is done.
func (m *Machine) beforehand(ctx context.Context, c *change) *system.Later[outlook] {
	return system.Start(func() (o outlook, err error) {
		if !m.Live() {
			return outlook{}, nil
		}
		if o.healthy, err = activate.Health(ctx); err == nil {
			now := *c
			now.healthy = o.healthy
			o.stop, err = activate.Stops(ctx, m.request(&now))
		}
		return o, err
	})
}

func takesAway(p *spec.Plan) bool {
	return !slices.ContainsFunc(p.Changes, func(c spec.Change) bool { return c.Action != spec.Delete || c.ID.Kind == spec.KindSysctl })
}

// resume starts what stopUnits has stopped.
func (m *Machine) resume(ctx context.Context, req activate.Request) error {
	if !m.Live() {
		return nil
	}
	return errors.Join(activate.Resume(ctx, req), running())
}

// restore starts what an interrupted run may have stopped.
func (m *Machine) restore(ctx context.Context) error {
	if !m.Live() {
		return nil
	}
	return errors.Join(activate.Restore(ctx), running())
}

// running says that every unit that was stopped has been started.
func running() error {
	err := os.Remove(stopping)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// unstop starts again what a run stopped that was killed before its journal
// was written.
func (m *Machine) unstop(ctx context.Context) error {
	if _, err := os.Lstat(stopping); !m.Live() || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	m.say("a run was interrupted before its commit; starting again what it had stopped")
	return m.restore(ctx)
}

func (m *Machine) reportActivation(r *activate.Report) {
	for _, w := range r.Warnings {
		m.say("warning: %s", w)
	}
	m.sayPaths("a reboot is needed, these still run as they were", r.Reboot)
}

// LockPackages keeps apt, dpkg and their timers off the machine until the
// change is over (engine rule 8).
func (m *Machine) LockPackages(ctx context.Context) (func(), error) {
	return apt.LockLive(ctx, system.Root(m.Root), 5*time.Minute, func(holder string) {
		m.say("waiting for %s, which holds dpkg's lock", holder)
	})
}

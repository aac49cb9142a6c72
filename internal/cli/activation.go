package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// request describes an activation; tx is nil before the commit.
func (s *session) request(p *spec.Plan, want *spec.Host, services []spec.ServiceRequest, tx *transaction.Tx, healthy map[string]bool) activate.Request {
	req := activate.Request{
		Plan: p, Want: want, Prev: s.prev, Record: services, Healthy: healthy,
		Log: s.stderr, Blob: s.blobOf(want), Waiting: s.waiting,
	}
	if tx != nil {
		req.Replaced = tx.Touched()
	}
	return req
}

// waitingFor is the step of a run that units hold up.
const waitingFor = "waiting for"

// waiting tells which units are waited for.
func (s *session) waiting(units []string) {
	name := units[0]
	if more := len(units) - 1; more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	s.at(step{What: waitingFor, Name: name})
}

// uninterrupted is for what follows once an interrupt would only leave work
// for recovery. Programs that hostctl starts ignore the terminal's signals from
// then on as hostctl does: they inherit it (signal(7)).
func (e *env) uninterrupted(ctx context.Context) context.Context {
	signal.Ignore(cancelling()...)
	e.past = true
	return context.WithoutCancel(ctx)
}

// live says whether the root is that of the running system. Any other has no
// daemons, secrets or kernel of its own: its next boot finds what was committed.
func (s *session) live() bool { return s.root == "/" }

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

// beforehand asks for the outlook while something else is done.
func (s *session) beforehand(ctx context.Context, p *spec.Plan, want *spec.Host, services []spec.ServiceRequest) func() (outlook, error) {
	if !s.live() {
		return func() (outlook, error) { return outlook{}, nil }
	}
	ask := sync.OnceValues(func() (o outlook, err error) {
		if o.healthy, err = activate.Health(ctx); err == nil {
			o.stop, err = activate.Stops(ctx, s.request(p, want, services, nil, o.healthy))
		}
		return o, err
	})
	go ask()
	return ask
}

// before stops the units that the change takes away, and says which were well.
func (s *session) before(ctx context.Context, foreseen func() (outlook, error)) (map[string]bool, error) {
	o, err := foreseen()
	if err != nil || !s.live() {
		return nil, err
	}
	if err := os.WriteFile(stopping, nil, 0o600); err != nil {
		return o.healthy, err
	}
	return o.healthy, activate.Before(ctx, s.stderr, o.stop)
}

// activate makes what the machine boots from, and the running system, follow
// what was committed.
func (s *session) activate(ctx context.Context, req activate.Request, tx *transaction.Tx) (*activate.Report, error) {
	if !s.live() {
		return &activate.Report{}, nil
	}
	s.at(step{What: "activating"})
	s.stock = s.takeStock // of before is of another generation
	if err := errors.Join(s.holdModules(tx), s.bootArtefacts(ctx, tx)); err != nil {
		return &activate.Report{}, err
	}
	// What a service writes when it starts can be a file of the plan. A plan that
	// only takes away has none.
	if takesAway(req.Plan) {
		s.takeStockBeside()
	} else {
		req.Settling = s.takeStockBeside
	}
	report, err := activate.After(ctx, req)
	if err != nil {
		s.stock = s.takeStock // the machine is not what it was taken of for long
		return report, err
	}
	return report, running()
}

func takesAway(p *spec.Plan) bool {
	return !slices.ContainsFunc(p.Changes, func(c spec.Change) bool { return c.Action != spec.Delete || c.ID.Kind == spec.KindSysctl })
}

// resume starts what before has stopped.
func (s *session) resume(ctx context.Context, req activate.Request) error {
	if !s.live() {
		return nil
	}
	return errors.Join(activate.Resume(ctx, req), running())
}

// restore starts what an interrupted run may have stopped.
func (s *session) restore(ctx context.Context) error {
	if !s.live() {
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
func (s *session) unstop(ctx context.Context) error {
	if _, err := os.Lstat(stopping); !s.live() || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s.say("a run was interrupted before its commit; starting again what it had stopped")
	return s.restore(ctx)
}

func (s *session) reportActivation(r *activate.Report) {
	for _, w := range r.Warnings {
		s.say("warning: %s", w)
	}
	s.sayPaths("a reboot is needed, these still run as they were", r.Reboot)
}

// lockPackages keeps apt, dpkg and their timers off the machine until the
// change is over (engine rule 8).
func (s *session) lockPackages(ctx context.Context) (func(), error) {
	return apt.LockLive(ctx, system.Root(s.root), 5*time.Minute, func(holder string) {
		s.say("waiting for %s, which holds dpkg's lock", holder)
	})
}

func (s *session) stageLogPath() string {
	return filepath.Join(s.root, "var/lib/hostctl/stage.log")
}

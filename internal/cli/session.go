package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// session is a machine that a command works on.
type session struct {
	*env
	*engine.Machine
}

func openSession(e *env) (*session, error) {
	o, err := e.machine()
	if err != nil {
		return nil, err
	}
	m, err := engine.Open(o)
	if err != nil {
		return nil, err
	}
	return &session{e, m}, nil
}

// machine is what the engine opens this command's machine with.
func (e *env) machine() (engine.Options, error) {
	cache, err := cacheDir()
	return engine.Options{
		Root: e.root, Cache: cache, Offline: e.offline, Command: commandLine(), User: invoker(), Version: version(),
		Out: engine.Output{Say: e.say, Step: e.at, Still: e.still, Log: e.stderr, Past: e.uninterrupted},
	}, err
}

// wanted is a target: what the machine should be, and where that was said.
type wanted struct {
	engine.Target
	flake *flake.Flake // nil where nothing was evaluated, since all is as before
	began time.Time    // the evaluation
}

// complete adds what a change needs of the flake, beside what is planned.
func (w *wanted) complete() (err error) {
	w.Sources = debianSources(w.flake)
	w.Commit, w.Dirty, err = w.flake.Revision()
	return err
}

// evaluate resolves the host of the flake and reads its package lock.
func (s *session) evaluate(ctx context.Context) (*wanted, error) {
	ctx, end := s.bounded(ctx)
	defer end()
	began := time.Now()
	f, name, err := s.loadFlake()
	if err != nil {
		return nil, err
	}
	res, diags := eval.Host(ctx, f, name)
	if err := s.report(f, diags); err != nil {
		return nil, err
	}
	lock, err := readPackageLock(f, name)
	if err != nil {
		return nil, err
	}
	if err := checkLock(res.Spec, lock, name); err != nil {
		return nil, err
	}
	return &wanted{Target: engine.Target{Host: res.Spec, Lock: lock}, flake: f, began: began}, nil
}

func readPackageLock(f *flake.Flake, name string) ([]spec.Locked, error) {
	path := packageLockPath(f, name)
	b, err := f.File(packageLockName(name)).Read(tree.MaxData)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot tell which packages %s has: %s does not exist; run 'hostctl update'", name, path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell which packages %s has: %w", name, err)
	}
	lock, err := apt.ParseLock(b)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", path, err)
	}
	return lock, nil
}

// checkLock refuses a lock that was made for other packages than the spec's.
func checkLock(host *spec.Host, lock []spec.Locked, name string) error {
	has := map[string]bool{}
	for _, l := range lock {
		has[l.Name] = true
	}
	var errs []error
	for _, p := range sortedKeys(host.Packages) {
		absent := host.Packages[p].Absent
		origin := host.Origins[spec.ID{Kind: spec.KindPackage, Name: p}]
		switch {
		case !absent && !has[p]:
			errs = append(errs, fmt.Errorf("%s: package %q is not in hosts/%s/packages.lock", origin, p, name))
		case absent && has[p]:
			errs = append(errs, fmt.Errorf("%s: package %q must be absent and is in hosts/%s/packages.lock", origin, p, name))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(append(errs, fmt.Errorf("the package lock is not of this configuration; run 'hostctl update'"))...)
}

// propose plans the way to what the flake says, with apt and dpkg kept off the
// machine until release is called.
func (s *session) propose(ctx context.Context) (target *wanted, p *spec.Plan, release func(), err error) {
	if target, err = s.target(ctx); err != nil {
		return nil, nil, nil, err
	}
	if release, err = s.LockPackages(ctx); err != nil {
		return nil, nil, nil, err
	}
	if target, p, err = s.compare(ctx, target); err != nil {
		release()
		return nil, nil, nil, err
	}
	return target, p, release, nil
}

// target is what the flake says: as remembered, else evaluated.
func (s *session) target(ctx context.Context) (*wanted, error) {
	s.ReadAhead()
	if t := s.asBefore(); t != nil {
		return t, nil
	}
	return s.evaluate(ctx)
}

// compare plans the way to a target. Where that was only remembered and there
// is something to do, the flake is evaluated for it.
func (s *session) compare(ctx context.Context, target *wanted) (*wanted, *spec.Plan, error) {
	p, err := s.Plan(target.Host, target.Lock)
	switch {
	case err != nil || p.Empty() && target.flake == nil:
		return target, p, err
	case p.Empty():
		if err := s.remember(target, p); err != nil {
			s.say("warning: %v; the next plan evaluates again", err)
		}
		return target, p, nil
	case target.flake == nil:
		if target, err = s.evaluate(ctx); err != nil {
			return nil, nil, err
		}
		if p, err = s.Plan(target.Host, target.Lock); err != nil {
			return nil, nil, err
		}
	}
	return target, p, s.Guard(target.Host, p)
}

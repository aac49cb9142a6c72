package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/blob"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/change/observe"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// session is one machine: its root, its records, and where it stands.
type session struct {
	*env
	store   generation.Store
	journal commit.Journal
	objects blob.Store
	current int                       // generation; 0 on a machine that hostctl never changed
	begun   bool                      // there is a record at all
	prev    *spec.Host                // what the current generation wanted
	locked  []spec.Locked             // its lock
	meta    generation.Meta           // its own
	adopted map[string]spec.Installed // packages that were there before hostctl
	found   spec.Found                // what prev found where it set something
	command string                    // that is carried out for an earlier run; "" is this one's own
	early   bool                      // the next boot runs hostctl before PID 1; secure finds out
	reach   []string                  // the points that it can mount by then, if early; secure finds out
	seen    *spec.State               // the machine, as the last plan found it
	along   map[string]string         // digests of the configuration files that the last plan has from records
	users   account.Files             // the account files that the last plan has from records
	digests func() (*kind.StatCache, error)
	stock   func() (*stock, error) // for the baseline, once the machine is as it is to be
}

func openSession(e *env) (*session, error) {
	s := &session{
		env: e, store: generation.Store{Root: e.root}, journal: commit.Journal{Root: e.root},
		objects: blob.Store{Dir: filepath.Join(e.root, generation.Dir, "objects")},
	}
	s.stock = s.takeStock
	s.digests = sync.OnceValues(s.loadDigests)
	go s.digests() // most commands plan something
	err := s.load()
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; what hostctl keeps of a machine is root's alone, run it with sudo", err)
	}
	return s, err
}

// load reads where the machine stands.
func (s *session) load() error {
	n, ok, err := s.store.Current()
	if err != nil {
		return err
	}
	s.current, s.begun = n, ok
	if !ok {
		s.prev = emptyHost()
		return nil
	}
	var parts errgroup.Group
	parts.Go(func() (err error) { s.prev, err = s.store.Spec(n); return err })
	parts.Go(func() (err error) { s.locked, err = s.store.Lock(n); return err })
	parts.Go(func() (err error) { s.meta, err = s.store.Meta(n); return err })
	parts.Go(func() (err error) { s.adopted, err = s.store.Adopted(); return err })
	parts.Go(func() (err error) { s.found, err = s.store.Found(n); return err })
	return parts.Wait()
}

func emptyHost() *spec.Host {
	return &spec.Host{Version: spec.Version, Settings: spec.Settings{PackageMode: "additive"}}
}

// wanted is a target: what the machine should be, and where that was said.
type wanted struct {
	host  *spec.Host
	lock  []spec.Locked
	flake *flake.Flake // nil where nothing was evaluated, since all is as before
	began time.Time    // the evaluation
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
	return &wanted{host: res.Spec, lock: lock, flake: f, began: began}, nil
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
	if release, err = s.lockPackages(ctx); err != nil {
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
	if t := s.asBefore(); t != nil {
		return t, nil
	}
	return s.evaluate(ctx)
}

// compare plans the way to a target. Where that was only remembered and there
// is something to do, the flake is evaluated for it.
func (s *session) compare(ctx context.Context, target *wanted) (*wanted, *spec.Plan, error) {
	p, err := s.plan(target.host, target.lock)
	if err == nil && s.live() {
		err = ownProgram(system.Root(s.root), target.host, p)
	}
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
		if p, err = s.plan(target.host, target.lock); err != nil {
			return nil, nil, err
		}
	}
	return target, p, s.guard(target.host, p)
}

// guard refuses what would lose somebody what is theirs, and looks at what goes.
func (s *session) guard(want *spec.Host, p *spec.Plan) error {
	if err := plan.Refuse(p, want, s.prev, s.seen); err != nil {
		return err
	}
	return guard.Removals(s.guarding(p, want))
}

// plan compares what the machine is with the target. It writes nothing but
// its own cache of digests.
func (s *session) plan(want *spec.Host, lock []spec.Locked) (*spec.Plan, error) {
	return s.planAlong(want, lock, nil)
}

// planAlong plans, along a recorded way where there is one.
func (s *session) planAlong(want *spec.Host, lock []spec.Locked, recorded *plan.Recorded) (*spec.Plan, error) {
	state, err := s.observe(want)
	if err != nil {
		return nil, err
	}
	s.seen = state
	if recorded == nil {
		s.along, s.users = nil, nil
	}
	if !s.begun {
		s.adopted = state.Installed
	}
	digest := s.meta.SpecDigest
	if want != s.prev || digest == "" {
		if digest, err = want.Digest(); err != nil {
			return nil, err
		}
	}
	return plan.Make(plan.Input{
		Want: want, Prev: s.prev, Lock: lock, PrevLock: s.locked, PrevKept: s.meta.KeptPackages, State: state, Recorded: recorded,
		Adopted: names(s.adopted), Found: s.found, Generation: s.current, SpecDigest: digest, LockDigest: spec.Sum(apt.FormatLock(lock)), Compare: apt.Compare,
	})
}

// observe reads the machine, with the digests of files that it has hashed
// before.
func (s *session) observe(want *spec.Host) (*spec.State, error) {
	cache, err := s.digests()
	if err != nil {
		return nil, err
	}
	state, err := observe.Host(system.Root(s.root), want, s.prev, cache)
	if err != nil {
		return nil, err
	}
	path, err := s.cachePath("stat")
	if err != nil {
		return nil, err
	}
	if err := cache.Save(path); err != nil {
		s.say("warning: %v; the next run reads every file again", err)
	}
	return state, nil
}

func (s *session) loadDigests() (*kind.StatCache, error) {
	path, err := s.cachePath("stat")
	if err != nil {
		return nil, err
	}
	return kind.LoadStatCache(path)
}

// blobOf reads a content that a spec names, from the flake or the store.
func (s *session) blobOf(host *spec.Host) func(digest string) ([]byte, error) {
	return func(digest string) ([]byte, error) {
		path, ok := host.Blobs[digest]
		if !ok {
			return s.objects.Get(digest)
		}
		b, err := blob.Read(path, digest)
		if errors.Is(err, blob.ErrAltered) {
			return nil, fmt.Errorf("cannot use %s: it changed since it was evaluated; run the command again", path)
		}
		return b, err
	}
}

func names[V any](m map[string]V) map[string]bool {
	out := make(map[string]bool, len(m))
	for name := range m {
		out[name] = true
	}
	return out
}

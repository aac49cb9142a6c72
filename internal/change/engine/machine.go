package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/blob"
	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/observe"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"golang.org/x/sync/errgroup"
)

// Live reports whether the root is that of the running system. Any other has no
// daemons, secrets or kernel of its own: its next boot finds what was committed.
func (m *Machine) Live() bool { return m.Root == "/" }

// guarding is a plan and what it was made from.
func (m *Machine) guarding(p *spec.Plan, want *spec.Host) guard.Input {
	return guard.Input{Root: system.Root(m.Root), Want: want, Prev: m.prev, Plan: p, State: m.seen, Along: m.along, Accounts: m.users, Blob: m.blobOf(want)}
}

// load reads where the machine stands.
func (m *Machine) load() error {
	n, ok, err := m.store.Current()
	if err != nil {
		return err
	}
	m.current, m.begun = n, ok
	if !ok {
		m.prev = emptyHost()
		return nil
	}
	var parts errgroup.Group
	parts.Go(func() (err error) { m.prev, err = m.store.Spec(n); return err })
	parts.Go(func() (err error) { m.locked, err = m.store.Lock(n); return err })
	parts.Go(func() (err error) { m.meta, err = m.store.Meta(n); return err })
	parts.Go(func() (err error) { m.adopted, err = m.store.Adopted(); return err })
	parts.Go(func() (err error) { m.found, err = m.store.Found(n); return err })
	return parts.Wait()
}

func emptyHost() *spec.Host {
	return &spec.Host{Version: spec.Version, Settings: spec.Settings{PackageMode: "additive"}}
}

// Guard refuses what would lose somebody what is theirs, and looks at what goes.
func (m *Machine) Guard(want *spec.Host, p *spec.Plan) error {
	if err := plan.Refuse(p, want, m.prev, m.seen); err != nil {
		return err
	}
	return guard.Removals(m.guarding(p, want))
}

// Plan compares what the machine is with a target. It refuses one whose units cannot
// run hostctl.
func (m *Machine) Plan(want *spec.Host, lock []spec.Locked) (*spec.Plan, error) {
	p, err := m.plan(want, lock)
	if err == nil && m.Live() {
		err = guard.OwnProgram(system.Root(m.Root), want, p)
	}
	return p, err
}

// plan compares what the machine is with the target. It writes nothing but
// its own cache of digests.
func (m *Machine) plan(want *spec.Host, lock []spec.Locked) (*spec.Plan, error) {
	return m.planAlong(want, lock, nil)
}

// planAlong plans, along a recorded way where there is one.
func (m *Machine) planAlong(want *spec.Host, lock []spec.Locked, recorded *plan.Recorded) (*spec.Plan, error) {
	state, err := m.observe(want)
	if err != nil {
		return nil, err
	}
	m.seen = state
	if recorded == nil {
		m.along, m.users = nil, nil
	}
	if !m.begun {
		m.adopted = state.Installed
	}
	digest := m.meta.SpecDigest
	if want != m.prev || digest == "" {
		if digest, err = want.Digest(); err != nil {
			return nil, err
		}
	}
	return plan.Make(plan.Input{
		Want: want, Prev: m.prev, Lock: lock, PrevLock: m.locked, PrevKept: m.meta.KeptPackages, State: state, Recorded: recorded,
		Adopted: names(m.adopted), Found: m.found, Generation: m.current, SpecDigest: digest, LockDigest: spec.Sum(apt.FormatLock(lock)), Compare: apt.Compare,
	})
}

// observe reads the machine, with the digests of files that it has hashed
// before.
func (m *Machine) observe(want *spec.Host) (*spec.State, error) {
	m.ReadAhead()
	cache, err := m.digests.Wait()
	if err != nil {
		return nil, err
	}
	state, err := observe.Host(system.Root(m.Root), want, m.prev, cache)
	if err != nil {
		return nil, err
	}
	path, err := m.CachePath("stat")
	if err != nil {
		return nil, err
	}
	if err := cache.Save(path); err != nil {
		m.say("warning: %v; the next run reads every file again", err)
	}
	return state, nil
}

// ReadAhead begins to read what every plan needs.
func (m *Machine) ReadAhead() {
	if m.digests == nil {
		m.digests = system.Start(m.loadDigests)
	}
}

func (m *Machine) loadDigests() (*kind.StatCache, error) {
	path, err := m.CachePath("stat")
	if err != nil {
		return nil, err
	}
	return kind.LoadStatCache(path)
}

// blobOf reads a content that a spec names, from the flake or the store.
func (m *Machine) blobOf(host *spec.Host) func(digest string) ([]byte, error) {
	return func(digest string) ([]byte, error) {
		path, ok := host.Blobs[digest]
		if !ok {
			return m.objects.Get(digest)
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

func (m *Machine) area(path string) string {
	return node.In(m.Root, "/", path)
}

// Save is a plan that Plan has just made, with what it rests on.
func (m *Machine) Save(p *spec.Plan, want *spec.Host, lock []spec.Locked) (*spec.SavedPlan, error) {
	basis, err := spec.BasisOf(want, lock, m.seen)
	if err != nil {
		return nil, err
	}
	return &spec.SavedPlan{Hostctl: m.Version, Time: time.Now(), Basis: basis, Plan: p}, nil
}

// Unmoved refuses a plan that Plan has just made if it is not the one that was saved.
func (m *Machine) Unmoved(saved *spec.SavedPlan, p *spec.Plan, want *spec.Host, lock []spec.Locked) error {
	now, err := spec.BasisOf(want, lock, m.seen)
	if err != nil {
		return err
	}
	moved := saved.Basis.Moved(now)
	if was := saved.Plan.Generation; was != p.Generation {
		moved = append(moved, fmt.Sprintf("generation %d was current, now %d is", was, p.Generation))
	}
	if same, err := saved.Plan.Same(p); err != nil {
		return err
	} else if !same && len(moved) == 0 {
		moved = append(moved, fmt.Sprintf("hostctl %s made it, and hostctl %s plans something else", saved.Hostctl, m.Version))
	}
	if len(moved) == 0 {
		return nil
	}
	return fmt.Errorf("cannot do what was planned at %s:\n  %s\nnothing on this machine was changed; look at a new plan",
		saved.Time.Local().Format(time.DateTime), strings.Join(moved, "\n  "))
}

// Current is the generation that is, and whether there is one on record.
func (m *Machine) Current() (n int, recorded bool) { return m.current, m.begun }

// Wanted is what the current generation wants.
func (m *Machine) Wanted() (*spec.Host, []spec.Locked) { return m.prev, m.locked }

// Digests are those of what the current generation wants: of its spec and its lock.
func (m *Machine) Digests() (host, lock string) { return m.meta.SpecDigest, m.meta.LockDigest }

// Interrupted reports whether a run was, and of one that could be neither finished
// nor undone why.
func (m *Machine) Interrupted() (is bool, stuck string, err error) {
	open, err := m.journal.Open()
	if err != nil {
		return false, "", err
	}
	stuck, err = m.journal.Stuck()
	return open != "", stuck, err
}

// InstallSecrets puts the secrets of the current generation below /run.
func (m *Machine) InstallSecrets() (*secret.Installed, error) {
	var keys secret.Keyring
	if len(m.prev.Secrets) > 0 {
		var err error
		if keys, err = secret.LoadKeys(system.Root(m.Root), m.prev.Settings.AgeKeyFile); err != nil {
			return nil, err
		}
	}
	return secret.Install(system.Root(m.Root), m.prev, m.objects.Get, keys)
}

// WasInterrupted reports whether a run that changes the machine below root was.
func WasInterrupted(root string) (bool, error) {
	open, err := commit.Journal{Root: root}.Open()
	return open != "", err
}

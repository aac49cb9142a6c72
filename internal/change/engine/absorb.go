package engine

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/absorb"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// foreign says whether somebody used apt or dpkg since the current generation
// was left.
func (m *Machine) foreign() (bool, error) {
	if !m.begun {
		return false, nil
	}
	was, err := m.store.Database(m.current)
	if err != nil || was == "" {
		return false, err
	}
	is, err := apt.DatabaseDigest(system.Root(m.Root), nil)
	return was != is, err
}

// absorb makes a generation of what apt and dpkg did by hand, so that the way
// back leads past it (engine rule 17). Nothing on the machine changes.
func (m *Machine) absorb() error {
	if foreign, err := m.foreign(); err != nil || !foreign {
		return err
	}
	if err := m.dropPostponed(); err != nil { // it was staged on a state that is gone
		return err
	}
	number, err := m.store.Next()
	if err != nil {
		return err
	}
	edge, now, err := m.absorbed(number)
	if err != nil || edge == nil {
		return errors.Join(err, stage.Discard(m.Root, number))
	}
	what := summary(edge.Changes)
	rec := &generation.Record{
		Meta: generation.Meta{
			Number: number, Parent: m.current, Time: time.Now(), Host: m.prev.Name, User: "by hand", Command: "absorbed: " + what,
			Hostctl: m.Version, Absorbed: true, Lost: edge.Lost, Folders: m.meta.Folders,
			SpecDigest: m.meta.SpecDigest, LockDigest: m.meta.LockDigest,
		},
		Spec: m.prev, Plan: &spec.Plan{Version: plan.Version, Host: m.prev.Name, Generation: m.current, Changes: edge.Changes, Kept: m.meta.KeptPackages}, Found: m.found, Lock: m.locked, Changeset: edge.Changeset,
	}
	if err := errors.Join(m.store.KeepStandIns(edge.StandIns), m.store.Write(rec, generation.PendingPath(number))); err != nil {
		return errors.Join(err, stage.Discard(m.Root, number), m.store.DiscardPending())
	}
	tx := &transaction.Tx{
		ID: fmt.Sprintf("%d-%s", m.current, strconv.FormatInt(time.Now().UnixNano(), 36)), Why: m.Command,
		From: m.current, To: number, Mounts: edge.Changeset.Mounts,
	}
	m.publish(tx, rec)
	if err := m.journal.Commit(tx); err != nil {
		return fmt.Errorf("cannot take note of what apt did by hand: %w", err)
	}
	packed, err := absorb.Pack(system.Root(m.Root), now)
	if err != nil {
		return fmt.Errorf("cannot keep dpkg's database as it is: %w", err)
	}
	if err := errors.Join(m.baseline.Leave(number, now, packed), m.baseline.IsOf(number), m.journal.Close()); err != nil {
		return err
	}
	m.say("what was done by hand is generation %d: %s", number, what)
	m.sayPaths("what these packages held before is nowhere any more, so no rollback leads past that", edge.Lost)
	return m.load()
}

// absorbed compares the machine with how hostctl left it; nil where that is
// not known.
func (m *Machine) absorbed(number int) (*absorb.Edge, *inventory.Inventory, error) {
	root := system.Root(m.Root)
	former, err := absorb.Load(m.baseline.FormerPath())
	if err != nil {
		return nil, nil, err
	}
	now, err := inventory.Take(root)
	if err != nil {
		return nil, nil, err
	}
	was, err := m.store.Database(m.current)
	if err != nil {
		return nil, nil, err
	}
	if former == nil || former.Inventory.Database != was {
		m.say("warning: somebody used apt or dpkg since generation %d, and how dpkg's database was then is not known; going back past this brings the older database back", m.current)
		return nil, nil, nil
	}
	mounts, err := stage.Mounts(m.Root)
	if err != nil {
		return nil, nil, err
	}
	cache, err := PackageCache(m.Cache)
	if err != nil {
		return nil, nil, err
	}
	edge, err := absorb.Make(absorb.Request{
		Root: root, Generation: number, Mounts: mounts, Area: stage.Area(number), Former: former, Now: now, Put: m.objects.Put,
		Deb: func(name, version, arch string) string { return cache.FindDeb(root, name, version, arch) },
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot take note of what apt did by hand: %w", err)
	}
	return edge, now, nil
}

// summary says in one line what happened to packages.
func summary(changes []spec.Change) string {
	const most = 5
	var out []string
	for _, c := range changes {
		before, after := c.Fields[0].Before, c.Fields[0].After
		switch c.Action {
		case spec.Create:
			out = append(out, c.ID.Name+" "+after+" installed")
		case spec.Delete:
			out = append(out, c.ID.Name+" "+before+" removed")
		default:
			out = append(out, c.ID.Name+" "+before+" -> "+after)
		}
	}
	switch {
	case len(out) == 0:
		return "dpkg's database, by hand"
	case len(out) > most:
		return fmt.Sprintf("%s and %d more packages, by hand", strings.Join(out[:most], ", "), len(out)-most)
	}
	return strings.Join(out, ", ") + ", by hand"
}

// crossing looks at the generations that were absorbed on the way to another
// one: what by hand became of packages is undone or done again with them. It
// refuses a way back to what is nowhere any more.
func (m *Machine) crossing(to int) (undone, done []spec.Change, err error) {
	undo, apply, err := m.store.Route(m.current, to)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range undo {
		meta, changes, err := m.store.ByHand(n)
		if err != nil {
			return nil, nil, err
		}
		if len(meta.Lost) > 0 {
			return nil, nil, fmt.Errorf("cannot go back past generation %d: by hand somebody removed or upgraded %s, and what they held before is neither in hostctl's nor in apt's cache; "+
				"'hostctl switch' with the configuration of generation %d installs them anew", n, strings.Join(meta.Lost, ", "), to)
		}
		undone = append(undone, changes...)
	}
	for _, n := range apply {
		_, changes, err := m.store.ByHand(n)
		if err != nil {
			return nil, nil, err
		}
		done = append(done, changes...)
	}
	return undone, done, nil
}

// withForeign is a lock, and what was installed by hand.
func withForeign(lock []spec.Locked, changes []spec.Change, arch string) []spec.Locked {
	lock = slices.Clone(lock)
	for _, c := range changes {
		if c.Action == spec.Create {
			name, foreign, _ := strings.Cut(c.ID.Name, ":")
			if foreign == "" {
				foreign = arch
			}
			lock = append(lock, spec.Locked{Name: name, Version: c.Fields[0].After, Arch: foreign})
		}
	}
	return lock
}

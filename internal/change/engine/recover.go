package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// between plans the way from one record to another, without a machine.
func (m *Machine) between(from, to *generation.Record) (*spec.Plan, error) {
	return plan.Make(plan.Input{
		Want: to.Spec, Prev: from.Spec, Lock: to.Lock, PrevLock: from.Lock, State: plan.StateOf(from.Spec, from.Lock),
		Adopted: names(m.adopted), Generation: from.Meta.Number, SpecDigest: to.Meta.SpecDigest, LockDigest: to.Meta.LockDigest, Compare: apt.Compare,
	})
}

// Exclusive does something to a machine as the only run that does so (Lock), after
// what an earlier run left open was brought to an end.
func Exclusive(ctx context.Context, o Options, patience time.Duration, do func(context.Context, *Machine) error) (err error) {
	unlock, err := Lock(ctx, o, patience)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := openRecovered(ctx, o)
	if err != nil {
		return err
	}
	if m.Live() {
		defer func() { err = errors.Join(err, m.holdModules(nil)) }()
	}
	if err := m.noteBooted(); err != nil {
		return err
	}
	if err := m.baseline.Arrive(); err != nil { // where an early replay, or a run that was killed, has led
		return err
	}
	return errors.Join(do(ctx, m), stage.DropDebs(m.Root), m.baseline.Arrive())
}

// openRecovered opens the machine and brings what an earlier run left open
// to an end first.
func openRecovered(ctx context.Context, o Options) (*Machine, error) {
	m, err := Open(o)
	if err != nil {
		return nil, err
	}
	// The journal's steps may be about the paths at which modules are held.
	if err := errors.Join(m.releaseModules(), m.store.FinishPrune()); err != nil {
		return nil, err
	}
	open, err := m.journal.Open()
	if err != nil {
		return nil, err
	}
	if open != "" { // what is finished or undone includes dpkg's database
		release, err := m.LockPackages(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
		ctx = m.uninterrupted(ctx)
	}
	outcome, tx, err := m.journal.Recover()
	if err != nil {
		return nil, fmt.Errorf("cannot recover the interrupted run: %w", err)
	}
	if err := m.bringToEnd(ctx, outcome, tx); err != nil {
		return m, err
	}
	return m, m.forgetTrial()
}

// bringToEnd makes the running system follow what recovery did to the files.
func (m *Machine) bringToEnd(ctx context.Context, outcome commit.Outcome, tx *transaction.Tx) error {
	switch outcome {
	case commit.Nothing:
		return errors.Join(m.sweep(), m.unstop(ctx))
	case commit.Discarded, commit.Reverted:
		m.say("'%s' was interrupted; it is undone, the machine is at generation %d", tx.Why, tx.From)
		return errors.Join(m.load(), m.sweep(), m.restore(ctx))
	default:
		m.say("'%s' was interrupted after its commit; finishing generation %d", tx.Why, tx.To)
		if err := m.finish(ctx, tx); err != nil {
			return err
		}
		return m.sweep()
	}
}

// sweep deletes what a run left that ended before its journal was written.
func (m *Machine) sweep() error {
	next, err := m.store.Next()
	if err != nil {
		return err
	}
	points, err := stage.Points(m.Root)
	if err != nil {
		return err
	}
	return errors.Join(stage.Discard(m.Root, next), m.store.DiscardPending(), m.journal.Sweep(points, generation.CurrentPath))
}

// finish makes the running system follow files that are in place already.
func (m *Machine) finish(ctx context.Context, tx *transaction.Tx) error {
	from, err := m.store.Load(tx.From)
	if err != nil {
		return err
	}
	to, err := m.store.Load(tx.To)
	if err != nil {
		return err
	}
	if to.Meta.Parent != tx.From { // a rollback: what changes is not what that generation once changed
		p, err := m.between(from, to)
		if err != nil {
			return err
		}
		to = to.With(p, nil)
	}
	m.prev, m.current, m.locked = from.Spec, tx.From, from.Lock
	booted, err := m.startedWith(tx)
	if err != nil {
		return err
	}
	c := &change{to: tx.To, tx: tx, booted: booted, plan: to.Plan, want: to.Spec, services: to.Services}
	if err := m.follow(ctx, c, to); err != nil {
		return err
	}
	return m.load()
}

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/commit"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

func newRecover(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "recover",
		Short: "Finish or undo an interrupted run",
		Long: `recover reads the journal of an interrupted switch or rollback. It discards a run
that was interrupted before its commit, because that run never touched the
machine. It finishes a run that was interrupted later, including activation, or
undoes it if it cannot be finished. switch and rollback do the same before they
begin.`,
		Example: "  hostctl recover",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(_ context.Context, s *session) error {
				if s.begun {
					s.say("generation %d is current", s.current)
				} else {
					s.say("this machine has no generations")
				}
				return nil
			})
		},
	}
}

// changing does something to the machine as the only run that does so, after
// what an earlier run left open was brought to an end.
func (e *env) changing(ctx context.Context, do func(context.Context, *session) error) (err error) {
	defer func() {
		if told := e.tellResult(); told != nil {
			err = errors.Join(err, told)
		}
	}()
	if err := e.recoverAsService(ctx); err != nil {
		return err
	}
	err = e.alone(ctx, do)
	if err != nil || e.asks == "" && e.handed == nil {
		return err
	}
	if e.asks != "" {
		var stop func()
		ctx, stop = e.interruptible(ctx)
		defer stop()
		if err := e.ask(ctx); err != nil {
			return err
		}
	}
	if e.handed == nil {
		return e.alone(ctx, do)
	}
	if e.servable() {
		return e.asService(ctx, e.handed, do)
	}
	e.confirmed, e.handed = e.handed.Confirm, nil
	return e.alone(ctx, do)
}

// alone takes the lock and brings an earlier run to its end before do.
func (e *env) alone(ctx context.Context, do func(context.Context, *session) error) (err error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := openRecovered(ctx, e)
	if err != nil {
		return err
	}
	if e.past {
		var stop func()
		ctx, stop = e.interruptible(ctx)
		defer stop()
	}
	if s.live() {
		defer func() { err = errors.Join(err, s.holdModules(nil)) }()
	}
	if err := s.noteBooted(); err != nil {
		return err
	}
	if err := s.arrive(); err != nil { // where an early replay, or a run that was killed, has led
		return err
	}
	return errors.Join(do(ctx, s), stage.DropDebs(s.root), s.arrive())
}

// openRecovered opens the machine and brings what an earlier run left open
// to an end first.
func openRecovered(ctx context.Context, e *env) (*session, error) {
	s, err := openSession(e)
	if err != nil {
		return nil, err
	}
	// The journal's steps may be about the paths at which modules are held.
	if err := errors.Join(s.releaseModules(), s.store.FinishPrune()); err != nil {
		return nil, err
	}
	open, err := s.journal.Open()
	if err != nil {
		return nil, err
	}
	if open != "" { // what is finished or undone includes dpkg's database
		release, err := s.lockPackages(ctx)
		if err != nil {
			return nil, err
		}
		defer release()
		ctx = e.uninterrupted(ctx)
	}
	outcome, tx, err := s.journal.Recover()
	if err != nil {
		return nil, fmt.Errorf("cannot recover the interrupted run: %w", err)
	}
	if err := s.bringToEnd(ctx, outcome, tx); err != nil {
		return s, err
	}
	return s, s.forgetTrial()
}

// bringToEnd makes the running system follow what recovery did to the files.
func (s *session) bringToEnd(ctx context.Context, outcome commit.Outcome, tx *transaction.Tx) error {
	switch outcome {
	case commit.Nothing:
		return errors.Join(s.sweep(), s.unstop(ctx))
	case commit.Discarded, commit.Reverted:
		s.say("'%s' was interrupted; it is undone, the machine is at generation %d", tx.Why, tx.From)
		return errors.Join(s.load(), s.sweep(), s.restore(ctx))
	default:
		s.say("'%s' was interrupted after its commit; finishing generation %d", tx.Why, tx.To)
		if err := s.finish(ctx, tx); err != nil {
			return err
		}
		return s.sweep()
	}
}

// sweep deletes what a run left that ended before its journal was written.
func (s *session) sweep() error {
	next, err := s.store.Next()
	if err != nil {
		return err
	}
	points, err := stage.Points(s.root)
	if err != nil {
		return err
	}
	return errors.Join(stage.Discard(s.root, next), s.store.DiscardPending(), s.journal.Sweep(points, generation.CurrentPath))
}

// finish makes the running system follow files that are in place already.
func (s *session) finish(ctx context.Context, tx *transaction.Tx) error {
	from, err := s.store.Load(tx.From)
	if err != nil {
		return err
	}
	to, err := s.store.Load(tx.To)
	if err != nil {
		return err
	}
	if to.Meta.Parent != tx.From { // a rollback: what changes is not what that generation once changed
		p, err := s.between(from, to)
		if err != nil {
			return err
		}
		to = to.With(p, nil)
	}
	s.prev, s.current, s.locked = from.Spec, tx.From, from.Lock
	if err := s.follow(ctx, tx, to, to.Spec, nil); err != nil {
		return err
	}
	return s.load()
}

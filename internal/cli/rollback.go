package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// parentGeneration stands for the current generation's parent.
const parentGeneration = -1

type rollbackOptions struct {
	consent
	to      int
	verbose bool
}

func newRollback(e *env) *cobra.Command {
	var opts rollbackOptions
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Return to an earlier generation",
		Long: `rollback makes the current generation's parent, or the one named with --to,
current again: package contents, dpkg's database, unit links, configuration and
accounts as that generation had them. Databases, keys and other data that
programs made since then stay, and rollback lists them. It keeps aside files that
somebody changed by hand since then. It needs no network and runs no maintainer
script. If a service does not come up, the machine stays at the earlier
generation, and the exit code is 3.`,
		Example: "  hostctl rollback\n  hostctl rollback --to 3",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(ctx context.Context, s *session) error {
				return s.runRollback(ctx, opts)
			})
		},
	}
	c.Flags().IntVar(&opts.to, "to", parentGeneration, "generation to return to (default: the current one's parent)")
	// It fails only for a flag that does not exist.
	_ = c.RegisterFlagCompletionFunc("to", e.completeGenerations)
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency and every line of files")
	return c
}

func (s *session) runRollback(ctx context.Context, opts rollbackOptions) error {
	to, err := s.rollbackTarget(opts.to)
	if err != nil {
		return err
	}
	release, err := s.lockPackages(ctx)
	if err != nil {
		return err
	}
	defer release()
	want, lock, p, err := s.planRecorded(to)
	if err != nil {
		return err
	}
	if err := s.lookForLockout(ctx, p, want); err != nil {
		return err
	}
	if err := s.unmoved(p, want, lock); err != nil {
		return err
	}
	if err := s.announce(p, opts.verbose); err != nil {
		return err
	}
	if waits, err := s.agree(fmt.Sprintf("Return to generation %d?", to), opts.consent, p, want, lock); waits || err != nil {
		return err
	}
	return s.rollBack(ctx, to, want, p, func(r *route, p *spec.Plan) error {
		if err := s.bootRoom(ctx, r); err != nil {
			return err
		}
		return s.stillLetsIn(ctx, p, want, opts.consent)
	})
}

func (s *session) rollbackTarget(to int) (int, error) {
	if !s.begun {
		return 0, errors.New("cannot roll back: this machine has no generations; 'hostctl switch' makes the first")
	}
	if to == parentGeneration {
		meta, err := s.store.Meta(s.current)
		if err != nil {
			return 0, err
		}
		if to = meta.Parent; to < 0 {
			return 0, errors.New("cannot roll back: generation 0 is the machine as hostctl found it, there is nothing before it")
		}
	}
	if to == s.current {
		if foreign, err := s.foreign(); err != nil {
			return 0, err
		} else if !foreign { // with it, it is the way back to how hostctl left it
			return 0, fmt.Errorf("cannot roll back to generation %d: it is the current one", to)
		}
	}
	_, err := s.store.Meta(to)
	return to, err
}

// planRecorded plans the way to a recorded generation. Where it leads past what
// was done by hand, packages go or come with that.
func (s *session) planRecorded(to int) (*spec.Host, []spec.Locked, *spec.Plan, error) {
	want, err := s.store.Spec(to)
	if err != nil {
		return nil, nil, nil, err
	}
	lock, err := s.store.Lock(to)
	if err != nil {
		return nil, nil, nil, err
	}
	undone, done, err := s.crossing(to)
	if err != nil {
		return nil, nil, nil, err
	}
	own := s.locked
	s.locked = withForeign(own, undone, s.prev.System)
	p, err := s.planBack(to, want, withForeign(lock, done, want.System))
	s.locked = own
	if err != nil {
		return nil, nil, nil, err
	}
	return want, lock, p, s.exact(p, to)
}

// planBack plans the way along the records to generation to, which wanted want.
func (s *session) planBack(to int, want *spec.Host, lock []spec.Locked) (*spec.Plan, error) {
	live, err := account.Read(system.Root(s.root))
	if err != nil {
		return nil, err
	}
	deltas, err := s.accountsTo(to)
	if err != nil {
		return nil, err
	}
	if s.along, err = s.configTo(to); err != nil {
		return nil, err
	}
	after, err := applied(deltas, live)
	if err != nil {
		return nil, fmt.Errorf("cannot go to generation %d, nothing on this machine was changed: %w", to, err)
	}
	saved, err := s.savedPasswords()
	if err != nil {
		return nil, err
	}
	s.users, _ = account.Passwords(live, after, saved)
	var way plan.Recorded
	way.Before.Users, way.Before.Groups = kind.Accounts(live)
	way.After.Users, way.After.Groups = kind.Accounts(after)
	return s.planAlong(want, lock, &way)
}

// exact takes the word back that the running kernel stays: the way to a
// generation that does not have it is exact.
func (s *session) exact(p *spec.Plan, to int) error {
	meta, err := s.store.Meta(to)
	if err != nil {
		return err
	}
	for _, name := range p.Kept {
		if !slices.Contains(meta.KeptPackages, name) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s is the kernel that runs, and goes: its modules stay within its reach until a reboot, which is into another one", name))
		}
	}
	p.Kept = nil
	return nil
}

// rollBack goes to a recorded generation if may, which is told the way and what
// becomes of the plan once what was done by hand is in it, has nothing against it.
func (s *session) rollBack(ctx context.Context, to int, want *spec.Host, p *spec.Plan, may func(*route, *spec.Plan) error) error {
	planned := s.current
	if err := s.absorb(); err != nil {
		return err
	}
	if s.current != planned {
		var err error
		if want, _, p, err = s.planRecorded(to); err != nil {
			return err
		}
	}
	if _, err := s.preflight(want); err != nil {
		return err
	}
	services, err := s.askedBetween(s.current, to)
	if err != nil {
		return err
	}
	foreseen := s.beforehand(ctx, p, want, services)
	route, err := s.way(to, nil)
	if err == nil {
		err = may(route, p)
	}
	if err != nil {
		return fmt.Errorf("cannot go to generation %d, nothing on this machine was changed: %w", to, err)
	}
	left, err := s.stateLeft(to)
	if err != nil {
		return err
	}
	if err := s.secure(ctx); err != nil {
		return err
	}
	if err := s.dropPostponed(); err != nil {
		return err
	}
	ctx = s.uninterrupted(ctx)
	healthy, err := s.before(ctx, foreseen)
	if err != nil {
		return s.notCommitted(ctx, err, s.request(p, want, services, nil, healthy), -1)
	}
	from := s.current
	tx, err := s.transactLive(ctx, route)
	if err != nil {
		return s.notCommitted(ctx, err, s.request(p, want, services, nil, healthy), -1)
	}
	s.reportDrift(tx)
	report, err := s.activate(ctx, s.request(p, want, services, tx, healthy), tx)
	if closeErr := errors.Join(s.journal.Close(), s.endOfTrial(ctx)); closeErr != nil {
		return errors.Join(err, closeErr)
	}
	if err != nil {
		return &exitError{exitRolledBack, fmt.Errorf("%w\nthe files are those of generation %d, which is current; 'hostctl rollback --to %d' goes forward again", err, to, from)}
	}
	s.reportActivation(report)
	s.say("generation %d is current", to)
	s.sayPaths("data that stays, made since", left)
	return nil
}

// askedBetween is what maintainer scripts asked of services when the
// generations on the way were staged. It holds in both directions: a service
// that a package started comes with the package's return, and one that was
// restarted, or stood still while its files were replaced, wants the same when
// they are put back. Units that are no more are left out by activation.
func (s *session) askedBetween(from, to int) ([]spec.ServiceRequest, error) {
	var out []spec.ServiceRequest
	err := s.edges(from, to, func(n int, _ bool) error {
		services, err := s.store.Services(n)
		out = append(out, services...)
		return err
	})
	return out, err
}

// stateLeft lists the data that the generations being undone have made.
func (s *session) stateLeft(to int) ([]string, error) {
	undo, _, err := s.store.Route(s.current, to)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range undo {
		meta, err := s.store.Meta(n)
		if err != nil {
			return nil, err
		}
		out = append(out, meta.StatePaths...)
	}
	return out, nil
}

func (s *session) reportDrift(tx *transaction.Tx) {
	s.sayPaths("changed since and kept aside in /"+node.AreaName+"/aside/"+tx.ID, tx.Drift)
	s.sayPaths("left as it is, since others than root have changed what leads there", tx.Left)
}

func (s *session) listState(rec *generation.Record) {
	s.sayPaths("data left as it was, although a maintainer script wanted to change it", rec.Meta.Kept)
}

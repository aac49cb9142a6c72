package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hostctl/hostctl/internal/change/accounts"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Parent stands for the current generation's parent.
const Parent = -1

func (m *Machine) RollbackTarget(to int) (int, error) {
	if !m.begun {
		return 0, errors.New("cannot roll back: this machine has no generations; 'hostctl switch' makes the first")
	}
	if to == Parent {
		meta, err := m.store.Meta(m.current)
		if err != nil {
			return 0, err
		}
		if to = meta.Parent; to < 0 {
			return 0, errors.New("cannot roll back: generation 0 is the machine as hostctl found it, there is nothing before it")
		}
	}
	if to == m.current {
		if foreign, err := m.foreign(); err != nil {
			return 0, err
		} else if !foreign { // with it, it is the way back to how hostctl left it
			return 0, fmt.Errorf("cannot roll back to generation %d: it is the current one", to)
		}
	}
	_, err := m.store.Meta(to)
	return to, err
}

// PlanRecorded plans the way to a recorded generation. Where it leads past what
// was done by hand, packages go or come with that.
func (m *Machine) PlanRecorded(to int) (*spec.Host, []spec.Locked, *spec.Plan, error) {
	want, err := m.store.Spec(to)
	if err != nil {
		return nil, nil, nil, err
	}
	lock, err := m.store.Lock(to)
	if err != nil {
		return nil, nil, nil, err
	}
	undone, done, err := m.crossing(to)
	if err != nil {
		return nil, nil, nil, err
	}
	own := m.locked
	m.locked = withForeign(own, undone, m.prev.System)
	p, err := m.planBack(to, want, withForeign(lock, done, want.System))
	m.locked = own
	if err != nil {
		return nil, nil, nil, err
	}
	return want, lock, p, m.exact(p, to)
}

// planBack plans the way along the records to generation to, which wanted want.
func (m *Machine) planBack(to int, want *spec.Host, lock []spec.Locked) (*spec.Plan, error) {
	live, err := account.Read(system.Root(m.Root))
	if err != nil {
		return nil, err
	}
	deltas, err := m.store.AccountsBetween(m.current, to)
	if err != nil {
		return nil, err
	}
	if m.along, err = m.store.Config(m.current, to); err != nil {
		return nil, err
	}
	after, err := accounts.Apply(deltas, live)
	if err != nil {
		return nil, fmt.Errorf("cannot go to generation %d, nothing on this machine was changed: %w", to, err)
	}
	saved, err := accounts.Saved(m.Root)
	if err != nil {
		return nil, err
	}
	m.users, _ = account.Passwords(live, after, saved)
	var way plan.Recorded
	way.Before.Users, way.Before.Groups = kind.Accounts(live)
	way.After.Users, way.After.Groups = kind.Accounts(after)
	return m.planAlong(want, lock, &way)
}

// exact takes the word back that the running kernel stays: the way to a
// generation that does not have it is exact.
func (m *Machine) exact(p *spec.Plan, to int) error {
	meta, err := m.store.Meta(to)
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

// Rollback goes to a recorded generation, as PlanRecorded has planned it.
func (m *Machine) Rollback(ctx context.Context, to int, want *spec.Host, p *spec.Plan, agreed Agreement) error {
	return m.rollBack(ctx, to, want, p, func(r *route, p *spec.Plan) error {
		if err := m.bootRoom(ctx, r); err != nil {
			return err
		}
		return m.stillLetsIn(ctx, p, want, agreed)
	})
}

// rollBack goes to a recorded generation if may, which is told the way and what
// becomes of the plan once what was done by hand is in it, has nothing against it.
func (m *Machine) rollBack(ctx context.Context, to int, want *spec.Host, p *spec.Plan, may func(*route, *spec.Plan) error) error {
	planned := m.current
	if err := m.absorb(); err != nil {
		return err
	}
	if m.current != planned {
		var err error
		if want, _, p, err = m.PlanRecorded(to); err != nil {
			return err
		}
	}
	if _, err := m.preflight(want); err != nil {
		return err
	}
	services, err := m.store.ServicesBetween(m.current, to)
	if err != nil {
		return err
	}
	c := &change{to: to, plan: p, want: want, services: services}
	c.outlook = m.beforehand(ctx, c)
	c.route, err = m.way(to, nil)
	if err == nil {
		err = may(c.route, p)
	}
	if err != nil {
		return fmt.Errorf("cannot go to generation %d, nothing on this machine was changed: %w", to, err)
	}
	left, err := m.store.StateLeft(m.current, to)
	if err != nil {
		return err
	}
	if err := m.secure(ctx); err != nil {
		return err
	}
	if err := m.dropPostponed(); err != nil {
		return err
	}
	ctx = m.uninterrupted(ctx)
	from := m.current
	err = m.apply(ctx, c)
	if c.tx == nil {
		return m.notCommitted(ctx, err, c)
	}
	if closeErr := errors.Join(m.journal.Close(), m.endOfTrial(ctx)); closeErr != nil {
		return errors.Join(err, closeErr)
	}
	if err != nil {
		return &Error{RolledBack, fmt.Errorf("%w\nthe files are those of generation %d, which is current; 'hostctl rollback --to %d' goes forward again", err, to, from)}
	}
	m.reportActivation(c.report)
	m.say("generation %d is current", to)
	m.sayPaths("data that stays, made since", left)
	return nil
}

func (m *Machine) reportDrift(tx *transaction.Tx) {
	m.sayPaths("changed since and kept aside in /"+node.AreaName+"/aside/"+tx.ID, tx.Drift)
	m.sayPaths("left as it is, since others than root have changed what leads there", tx.Left)
}

func (m *Machine) listState(rec *generation.Record) {
	m.sayPaths("data left as it was, although a maintainer script wanted to change it", rec.Meta.Kept)
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// change is a change of the machine that is about to be applied, and how far it has
// come. Every direction is one: a switch, a rollback, the way back from a generation
// that does not work, and what a recovery or a boot finishes.
type change struct {
	to       int
	route    *route // nil: found when the units have stopped
	plan     *spec.Plan
	want     *spec.Host
	services []spec.ServiceRequest // what maintainer scripts asked of units
	outlook  *system.Later[outlook]
	healthy  map[string]bool // units that were well before
	retreat  bool            // from a change that failed; healthy is from before that one
	early    bool            // before PID 1 of this boot: there are no units yet
	booted   bool            // committed before PID 1 of this boot, or an earlier one

	tx     *transaction.Tx // nil before the commit
	report *activate.Report
}

// phase is a part of applying a change.
type phase struct {
	what  string // what a user sees that the run is at, "" for nothing
	after bool   // the commit; what fails in it leaves a committed change
	early bool   // it is done before PID 1, too
	do    func(*Machine, context.Context, *change) error
}

// phases are those of every change, in order. Plan and stage come before them.
func phases() []phase {
	return []phase{
		{do: (*Machine).stopUnits},
		{do: (*Machine).findRoute, early: true},
		{do: (*Machine).commitFiles, early: true, what: "committing"},
		{do: (*Machine).keepModules, early: true, after: true},
		{do: (*Machine).makeBootable, after: true, what: "activating"},
		{do: (*Machine).activateUnits, after: true, what: "activating"},
	}
}

// apply does what is left of a change. Where it fails and there is no transaction,
// the change has not been committed.
func (m *Machine) apply(ctx context.Context, c *change) error {
	committed := c.tx != nil
	for _, p := range phases() {
		if committed && !p.after || c.early && !p.early {
			continue
		}
		if p.what != "" && (m.Live() || !p.after) {
			m.at(Step{What: p.what})
		}
		if err := p.do(m, ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// stopUnits stops the units that the change takes away.
func (m *Machine) stopUnits(ctx context.Context, c *change) error {
	o, err := c.outlook.Wait()
	if err != nil || !m.Live() {
		return err
	}
	if !c.retreat {
		c.healthy = o.healthy
	}
	if err := os.WriteFile(stopping, nil, 0o600); err != nil {
		return err
	}
	return activate.Before(ctx, m.Out.Log, o.stop)
}

func (m *Machine) findRoute(_ context.Context, c *change) (err error) {
	if c.route == nil {
		c.route, err = m.way(c.to, nil)
	}
	return err
}

// commitFiles changes files and accounts, in one transaction.
func (m *Machine) commitFiles(ctx context.Context, c *change) error {
	if fresh := c.route.fresh; fresh != nil && !c.early {
		m.say("committing %s", spec.Count(len(fresh.Changeset.Entries), "path", "paths"))
	}
	tx, err := m.transactLive(ctx, c.route, c.early)
	if err != nil {
		return err
	}
	c.tx = tx
	m.reportDrift(tx)
	return nil
}

// keepModules keeps the running kernel's within its reach.
func (m *Machine) keepModules(_ context.Context, c *change) error {
	if !m.Live() && !c.early {
		return nil
	}
	return m.holdModules(c.tx)
}

// makeBootable makes what the machine boots from.
func (m *Machine) makeBootable(ctx context.Context, c *change) error {
	if !m.Live() {
		return nil
	}
	m.baseline.Forget() // what it has found is of the generation before
	return m.bootArtefacts(ctx, c.tx)
}

// activateUnits makes the running system follow.
func (m *Machine) activateUnits(ctx context.Context, c *change) error {
	c.report = &activate.Report{}
	if !m.Live() {
		return nil
	}
	req := m.request(c)
	// What a service writes when it starts can be a file of the plan. A plan that
	// only takes away has none.
	if takesAway(c.plan) {
		m.baseline.Begin()
	} else {
		req.Settling = m.baseline.Begin
	}
	var err error
	if c.report, err = activate.After(ctx, req); err != nil {
		m.baseline.Forget() // the machine is not what it was taken of for long
		return err
	}
	return running()
}

// request describes the activation of a change.
func (m *Machine) request(c *change) activate.Request {
	req := activate.Request{
		Plan: c.plan, Want: c.want, Prev: m.prev, Record: c.services, Healthy: c.healthy, Booted: c.booted,
		Log: m.Out.Log, Blob: m.blobOf(c.want), Waiting: m.waiting,
	}
	if c.tx != nil {
		req.Replaced = c.tx.Touched()
	}
	return req
}

// notCommitted ends a change that failed before its transaction was done, and starts
// again what it stopped. One that went past its marker is recovery's.
func (m *Machine) notCommitted(ctx context.Context, cause error, c *change) error {
	open, err := m.journal.Open()
	if err != nil || open != "" {
		return errors.Join(fmt.Errorf("cannot finish the commit: %w; 'hostctl recover' finishes or undoes it", cause), err)
	}
	if c.route != nil && c.route.fresh != nil {
		err = m.dropStaged(c.to)
	}
	return errors.Join(m.space().Hints(fmt.Errorf("cannot commit, the machine is as it was: %w", cause)), err, m.resume(ctx, m.request(c)))
}

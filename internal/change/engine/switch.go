package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/spec"
)

// Switch carries out a plan: everything that can fail without touching the
// machine first, then commit, then activation, and back where that fails.
func (m *Machine) Switch(ctx context.Context, target *Target, p *spec.Plan, opts SwitchOptions) error {
	if err := m.absorb(); err != nil {
		return err
	}
	p.Generation = m.current
	hashes, err := m.provide(ctx, target, p)
	if err != nil {
		return err
	}
	noted, err := m.begin(target.Host.Name, target.Host.System)
	if err != nil {
		return err
	}
	rec, later, err := m.staged(ctx, target, p, hashes, opts)
	if _, notedErr := noted.Wait(); err == nil && notedErr != nil {
		err = errors.Join(notedErr, m.dropStaged(rec.Meta.Number))
	}
	if err != nil {
		return err
	}
	number := rec.Meta.Number
	c := &change{to: number, plan: p, want: target.Host, services: rec.Services}
	if !later {
		c.outlook = m.beforehand(ctx, c)
	}
	c.route, err = m.way(number, rec)
	if err == nil {
		err = m.bootRoom(ctx, c.route)
	}
	if err == nil {
		err = m.stillLetsIn(ctx, p, target.Host, opts.Agreed)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot commit, nothing on this machine was changed: %w", err), stage.Discard(m.Root, number), m.store.DiscardPending())
	}
	if err := m.keepReplaced(rec); err != nil {
		return errors.Join(err, stage.Discard(m.Root, number), m.store.DiscardPending())
	}
	if later {
		return m.postpone(number, rec, opts)
	}
	return m.onTrial(ctx, opts, func() error { return m.follow(m.uninterrupted(ctx), c, rec) })
}

// staged makes the machine safe for a commit and brings the next generation to
// the point where only that is left, at once or at the next boot (later).
func (m *Machine) staged(ctx context.Context, target *Target, p *spec.Plan, hashes map[string]string, opts SwitchOptions) (rec *generation.Record, later bool, err error) {
	if err := m.secure(ctx); err != nil {
		return nil, false, err
	}
	if err := m.sayESP(ctx, target.Host); err != nil {
		return nil, false, err
	}
	if later, err = m.postponed(p, opts); err != nil {
		return nil, false, err
	}
	if err := m.dropPostponed(); err != nil {
		return nil, false, err
	}
	rec, err = m.fromBuild(p, target)
	if err == nil && rec == nil {
		rec, err = m.stageNew(ctx, target, p, hashes, opts.Verbose)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w\nnothing on this machine was changed", err)
	}
	return rec, later, nil
}

// provide makes sure of everything that a stage needs before anything is
// written: secrets, packages, room. It returns the password hashes of accounts.
func (m *Machine) provide(ctx context.Context, target *Target, p *spec.Plan) (map[string]string, error) {
	hashes, err := m.preflight(target.Host)
	if err != nil {
		return nil, err
	}
	if err := m.fetch(ctx, target, p); err != nil {
		return nil, err
	}
	return hashes, m.space().Stage(ctx, target.Host, target.Lock, p)
}

// follow applies the change to a generation, or goes back from one that does not
// work.
func (m *Machine) follow(ctx context.Context, c *change, rec *generation.Record) error {
	err := m.apply(ctx, c)
	tx := c.tx
	switch {
	case tx == nil:
		return m.notCommitted(ctx, err, c)
	case err == nil:
		m.reportActivation(c.report)
		if err := m.journal.Close(); err != nil {
			return err
		}
		m.say("generation %d is current", tx.To)
		m.listState(rec)
		return nil
	}
	if converts := rec.Plan.Converts(); len(converts) > 0 {
		return errors.Join(m.stay(tx, err, converts), m.journal.Close())
	}
	m.say("generation %d does not work; going back to generation %d", tx.To, tx.From)
	if backErr := m.goBack(ctx, tx, err, c.healthy); backErr != nil {
		return errors.Join(err, fmt.Errorf("cannot go back to generation %d: %w; run 'hostctl rollback --to %d'", tx.From, backErr, tx.From))
	}
	return &Error{RolledBack, fmt.Errorf("%w\nthe machine is back at generation %d; generation %d stays on record as failed", err, tx.From, tx.To)}
}

// stay leaves a generation current although it does not work: the services of
// converts have run, and may have left data that their former version cannot
// read (engine rule 18).
func (m *Machine) stay(tx *transaction.Tx, why error, converts []spec.Change) error {
	list := ""
	for _, c := range converts {
		list += fmt.Sprintf("\n  %s %s -> %s: %s", c.ID.Name, c.Fields[0].Before, c.Fields[0].After, c.Data)
	}
	return fmt.Errorf("%w\ngeneration %d is current and does not work; hostctl does not go back by itself, for these may have converted their data:%s\n"+
		"mend the configuration and run 'hostctl switch', or bring that data back from a backup and run 'hostctl rollback --to %d'", why, tx.To, list, tx.From)
}

// goBack undoes a generation whose activation failed.
// The failed transaction stays open until this one is: a run that ends in
// between is finished by recovery, which comes here again.
func (m *Machine) goBack(ctx context.Context, failed *transaction.Tx, why error, healthy map[string]bool) error {
	former, formerLock := m.prev, m.locked
	kept := why.Error()
	var unwell *activate.Unhealthy
	if errors.As(why, &unwell) {
		kept = unwell.Record()
	}
	if err := m.store.Fail(failed.To, kept); err != nil {
		return err
	}
	if err := m.load(); err != nil {
		return err
	}
	p, err := m.planBack(failed.From, former, formerLock)
	if err != nil {
		return err
	}
	services, err := m.store.ServicesBetween(failed.To, failed.From)
	if err != nil {
		return err
	}
	c := &change{to: failed.From, plan: p, want: former, services: services, healthy: healthy, retreat: true}
	c.outlook = m.beforehand(ctx, c)
	err = m.apply(ctx, c)
	if c.tx == nil {
		return err
	}
	return errors.Join(err, m.journal.Close())
}

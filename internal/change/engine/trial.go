package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hostctl/hostctl/internal/change/caller"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// EndTrialCommand is what the timer of --confirm-within runs, and
// AfterBootCommand what every boot runs that finds something open.
const (
	EndTrialCommand  = "end-trial"
	AfterBootCommand = "after-boot"
	trialUnit        = "hostctl-confirm"
)

// Confirm keeps the generation that is on trial, if the login in which somebody says
// so is new enough.
func (m *Machine) Confirm(ctx context.Context) error {
	at, err := m.store.AtBoot()
	if err != nil {
		return err
	}
	if !at.Trial() {
		return fmt.Errorf("cannot confirm generation %d: it is not on trial, and stays anyway", m.current)
	}
	if at.Window > 0 {
		if err := caller.NewLogin(ctx, at); err != nil {
			return err
		}
	}
	return m.keepTrial(ctx)
}

// EndTrial goes back from a generation that nobody confirmed in time.
func (m *Machine) EndTrial(ctx context.Context) error {
	at, err := m.store.AtBoot()
	if err != nil || !at.Trial() || at.Window == 0 {
		return err
	}
	return m.failTrial(ctx, at)
}

// keepTrial makes the generation on trial one that stays.
func (m *Machine) keepTrial(ctx context.Context) error {
	if err := m.endOfTrial(ctx); err != nil {
		return err
	}
	m.say("generation %d stays", m.current)
	return nil
}

// failTrial goes back from a generation that nobody confirmed, on the running
// system.
func (m *Machine) failTrial(ctx context.Context, at *generation.AtBoot) error {
	if at.Window > 0 {
		m.say("nobody confirmed generation %d within %s; going back to generation %d", m.current, at.Window, at.Back)
		if err := m.store.Fail(m.current, fmt.Sprintf("not confirmed within %s", at.Window)); err != nil {
			return err
		}
	} else {
		m.say("generation %d was on trial until this boot; going back to generation %d", m.current, at.Back)
	}
	release, err := m.LockPackages(ctx)
	if err != nil {
		return err
	}
	defer release()
	want, _, p, err := m.PlanRecorded(at.Back)
	if err != nil {
		return err
	}
	// Files that are back without new images are better than none.
	return m.rollBack(ctx, at.Back, want, p, func(*route, *spec.Plan) error { return nil })
}

// onTrial does something that a reboot, or time, takes back unless it is
// confirmed: the word for that is durable, and the timer runs, before anything
// else happens. Where it fails, what stood before stands again.
func (m *Machine) onTrial(ctx context.Context, opts SwitchOptions, do func() error) error {
	former, err := m.store.AtBoot()
	if err != nil {
		return err
	}
	if opts.Verb == ToTest || opts.ConfirmWithin > 0 {
		at := &generation.AtBoot{Back: m.current, Command: m.Command, Time: time.Now(), Window: opts.ConfirmWithin}
		if former.Trial() {
			at.Back = former.Back
		}
		if err := errors.Join(m.arm(ctx, at.Window), m.store.SetAtBoot(at)); err != nil {
			return errors.Join(fmt.Errorf("cannot put the change on trial, nothing was changed: %w", err), m.disarm(ctx))
		}
	}
	if err := do(); err != nil {
		if open, openErr := m.journal.Open(); openErr != nil || open != "" {
			return errors.Join(err, openErr) // recovery decides which generation it is, and the trial holds until then
		}
		return errors.Join(err, m.disarm(context.WithoutCancel(ctx)), m.store.SetAtBoot(former))
	}
	switch {
	case opts.ConfirmWithin > 0:
		if err := m.trialBegins(); err != nil {
			return err
		}
		m.say("log in anew and say 'hostctl confirm' within %s; otherwise the machine goes back", opts.ConfirmWithin)
	case opts.Verb == ToTest:
		m.say("the next boot goes back; 'hostctl switch' makes this generation stay")
	case former != nil:
		return m.store.SetAtBoot(nil)
	}
	return nil
}

// trialBegins notes that the change is done which is on trial.
func (m *Machine) trialBegins() error {
	at, err := m.store.AtBoot()
	if err != nil {
		return err
	}
	if at.Done, err = caller.Moment(); err != nil {
		return err
	}
	return m.store.SetAtBoot(at)
}

// arm starts the timer that ends a trial. It is systemd's, and needs neither
// this process nor its session.
func (m *Machine) arm(ctx context.Context, window time.Duration) error {
	if window == 0 {
		return nil
	}
	if err := m.disarm(ctx); err != nil {
		return err
	}
	t := systemd.Timer{
		Unit: trialUnit, Description: "Go back from a generation that nobody confirmed", After: window,
		Command: []string{"/" + node.AreaName + "/hostctl", EndTrialCommand},
	}
	if err := t.Start(ctx); err != nil {
		return fmt.Errorf("cannot start the timer that goes back: %w", err)
	}
	return nil
}

// disarm stops the timer, if there is one. It is not for the service that the
// timer starts: that is who calls, perhaps.
func (m *Machine) disarm(ctx context.Context) error {
	if !m.Live() {
		return nil
	}
	return systemd.StopTimer(ctx, trialUnit)
}

// endOfTrial forgets that the current generation is on trial, if it is.
func (m *Machine) endOfTrial(ctx context.Context) error {
	at, err := m.store.AtBoot()
	if err != nil || !at.Trial() {
		return err
	}
	return errors.Join(m.store.SetAtBoot(nil), m.disarm(ctx))
}

// forgetTrial drops the word of a trial whose generation never came, or is
// gone again.
func (m *Machine) forgetTrial() error {
	at, err := m.store.AtBoot()
	if err != nil || !at.Trial() || at.Back != m.current {
		return err
	}
	return m.store.SetAtBoot(nil)
}

// AfterBoot does what a boot left for when systemd runs. What was open in the
// journal has been finished already.
func (m *Machine) AfterBoot(ctx context.Context) error {
	at, err := m.store.AtBoot()
	switch {
	case err != nil || at == nil:
		return err
	case at.Trial() && (at.Refused != "" || !bootedThroughInit() || at.Window == 0): // it should have gone back before
		return m.failTrial(ctx, at)
	case at.Trial():
		m.say("generation %d was applied at this boot; say 'hostctl confirm' within %s, otherwise the machine goes back", m.current, at.Window)
		return m.arm(ctx, at.Window)
	case at.Refused != "":
		m.say("warning: %s", at.Refused)
		return m.store.SetAtBoot(nil)
	}
	return fmt.Errorf("cannot apply generation %d, which was staged for this boot: %w", at.Apply, errNotEarly)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// endTrialCommand is what the timer of --confirm-within runs, and
// afterBootCommand what every boot runs that finds something open.
const (
	endTrialCommand  = "end-trial"
	afterBootCommand = "after-boot"
	trialUnit        = "hostctl-confirm"
)

func newTest(e *env) *cobra.Command {
	opts := switchOptions{verb: toTest}
	c := &cobra.Command{
		Use:   "test",
		Short: "Activate the configuration until the next boot",
		Long: `test does what switch does, but the next boot, planned or after a power cut, goes
back to the generation before. 'hostctl switch' keeps the new generation;
'hostctl rollback' goes back without a reboot.`,
		Example: "  hostctl test --host server-nix",
		Args:    cobra.NoArgs,
		RunE:    e.switching(&opts),
	}
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency, every line of files, and what apt and the maintainer scripts print")
	return c
}

func newConfirm(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "Keep the generation that is on trial",
		Long: `confirm keeps what 'hostctl switch --confirm-within' or 'hostctl test' made:
neither a timeout nor a reboot takes it back any more. After --confirm-within,
confirm needs a new login, since a change of network, sshd or accounts may have
broken logins. It refuses a session that began before the change, and whatever
runs in a tmux or screen from before it. 'ssh HOST hostctl confirm' is a new
login, and so is a shell in a container that you entered after the change.`,
		Example: "  hostctl confirm",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(ctx context.Context, s *session) error {
				at, err := s.store.AtBoot()
				if err != nil {
					return err
				}
				if !at.Trial() {
					return fmt.Errorf("cannot confirm generation %d: it is not on trial, and stays anyway", s.current)
				}
				if at.Window > 0 {
					if err := newLogin(ctx, at); err != nil {
						return err
					}
				}
				return s.keepTrial(ctx)
			})
		},
	}
}

// keepTrial makes the generation on trial one that stays.
func (s *session) keepTrial(ctx context.Context) error {
	if err := s.endOfTrial(ctx); err != nil {
		return err
	}
	s.say("generation %d stays", s.current)
	return nil
}

func newEndTrial(e *env) *cobra.Command {
	return &cobra.Command{
		Use: endTrialCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.patient(c.Context(), func(ctx context.Context, s *session) error {
				at, err := s.store.AtBoot()
				if err != nil || !at.Trial() || at.Window == 0 {
					return err
				}
				return s.failTrial(ctx, at)
			})
		},
	}
}

// patient is changing, but waits for the run that holds the lock: nobody is
// there to try again. Who calls it is a service of its own.
func (e *env) patient(ctx context.Context, do func(context.Context, *session) error) error {
	e.inService = true
	for {
		err := e.changing(ctx, do)
		var exit *exitError
		if !errors.As(err, &exit) || exit.code != exitLocked {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// failTrial goes back from a generation that nobody confirmed, on the running
// system.
func (s *session) failTrial(ctx context.Context, at *generation.AtBoot) error {
	if at.Window > 0 {
		s.say("nobody confirmed generation %d within %s; going back to generation %d", s.current, at.Window, at.Back)
		if err := s.store.Fail(s.current, fmt.Sprintf("not confirmed within %s", at.Window)); err != nil {
			return err
		}
	} else {
		s.say("generation %d was on trial until this boot; going back to generation %d", s.current, at.Back)
	}
	release, err := s.lockPackages(ctx)
	if err != nil {
		return err
	}
	defer release()
	want, _, p, err := s.planRecorded(at.Back)
	if err != nil {
		return err
	}
	// Files that are back without new images are better than none.
	return s.rollBack(ctx, at.Back, want, p, func(*route, *spec.Plan) error { return nil })
}

// onTrial does something that a reboot, or time, takes back unless it is
// confirmed: the word for that is durable, and the timer runs, before anything
// else happens. Where it fails, what stood before stands again.
func (s *session) onTrial(ctx context.Context, opts switchOptions, do func() error) error {
	former, err := s.store.AtBoot()
	if err != nil {
		return err
	}
	if opts.verb == toTest || opts.confirmWithin > 0 {
		at := &generation.AtBoot{Back: s.current, Command: commandLine(), Time: time.Now(), Window: opts.confirmWithin}
		if former.Trial() {
			at.Back = former.Back
		}
		if err := errors.Join(s.arm(ctx, at.Window), s.store.SetAtBoot(at)); err != nil {
			return errors.Join(fmt.Errorf("cannot put the change on trial, nothing was changed: %w", err), s.disarm(ctx))
		}
	}
	if err := do(); err != nil {
		if open, openErr := s.journal.Open(); openErr != nil || open != "" {
			return errors.Join(err, openErr) // recovery decides which generation it is, and the trial holds until then
		}
		return errors.Join(err, s.disarm(context.WithoutCancel(ctx)), s.store.SetAtBoot(former))
	}
	switch {
	case opts.confirmWithin > 0:
		if err := s.trialBegins(); err != nil {
			return err
		}
		s.say("log in anew and say 'hostctl confirm' within %s; otherwise the machine goes back", opts.confirmWithin)
	case opts.verb == toTest:
		s.say("the next boot goes back; 'hostctl switch' makes this generation stay")
	case former != nil:
		return s.store.SetAtBoot(nil)
	}
	return nil
}

// trialBegins notes that the change is done which is on trial.
func (s *session) trialBegins() error {
	at, err := s.store.AtBoot()
	if err != nil {
		return err
	}
	if at.Done, err = moment(); err != nil {
		return err
	}
	return s.store.SetAtBoot(at)
}

// arm starts the timer that ends a trial. It is systemd's, and needs neither
// this process nor its session.
func (s *session) arm(ctx context.Context, window time.Duration) error {
	if window == 0 {
		return nil
	}
	if err := s.disarm(ctx); err != nil {
		return err
	}
	t := systemd.Timer{
		Unit: trialUnit, Description: "Go back from a generation that nobody confirmed", After: window,
		Command: []string{"/" + node.AreaName + "/hostctl", endTrialCommand},
	}
	if err := t.Start(ctx); err != nil {
		return fmt.Errorf("cannot start the timer that goes back: %w", err)
	}
	return nil
}

// disarm stops the timer, if there is one. It is not for the service that the
// timer starts: that is who calls, perhaps.
func (s *session) disarm(ctx context.Context) error {
	if !s.live() {
		return nil
	}
	return systemd.StopTimer(ctx, trialUnit)
}

// endOfTrial forgets that the current generation is on trial, if it is.
func (s *session) endOfTrial(ctx context.Context) error {
	at, err := s.store.AtBoot()
	if err != nil || !at.Trial() {
		return err
	}
	return errors.Join(s.store.SetAtBoot(nil), s.disarm(ctx))
}

// forgetTrial drops the word of a trial whose generation never came, or is
// gone again.
func (s *session) forgetTrial() error {
	at, err := s.store.AtBoot()
	if err != nil || !at.Trial() || at.Back != s.current {
		return err
	}
	return s.store.SetAtBoot(nil)
}

func newAfterBoot(e *env) *cobra.Command {
	return &cobra.Command{
		Use: afterBootCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.patient(c.Context(), func(ctx context.Context, s *session) error { return s.afterBoot(ctx) })
		},
	}
}

// afterBoot does what a boot left for when systemd runs. What was open in the
// journal has been finished already.
func (s *session) afterBoot(ctx context.Context) error {
	at, err := s.store.AtBoot()
	switch {
	case err != nil || at == nil:
		return err
	case at.Trial() && (at.Refused != "" || !bootedThroughInit() || at.Window == 0): // it should have gone back before
		return s.failTrial(ctx, at)
	case at.Trial():
		s.say("generation %d was applied at this boot; say 'hostctl confirm' within %s, otherwise the machine goes back", s.current, at.Window)
		return s.arm(ctx, at.Window)
	case at.Refused != "":
		s.say("warning: %s", at.Refused)
		return s.store.SetAtBoot(nil)
	}
	return fmt.Errorf("cannot apply generation %d, which was staged for this boot: %w", at.Apply, errNotEarly)
}

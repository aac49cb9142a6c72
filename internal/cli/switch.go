package cli

import (
	"context"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/spf13/cobra"
)

type switchOptions struct {
	consent
	verbose bool
	verb    engine.Verb
}

func newSwitch(e *env) *cobra.Command {
	opts := switchOptions{verb: engine.ToSwitch}
	c := &cobra.Command{
		Use: "switch [PLAN]",
		// What other tools call it.
		SuggestFor: []string{"apply", "deploy", "rebuild", "up", "sync"},
		Short:      "Activate the configuration now and for each boot",
		Long: `switch plans, stages the new state beside the running one, commits it in one
journaled transaction, and makes the running system follow. If a step fails, the
machine stays as it was, or hostctl restores it. If a service does not come up,
hostctl restores the previous generation.

If libc, systemd, dbus or the release changes, a running system cannot follow.
Then the next boot applies the stage, as 'hostctl boot' does, and the last line
says so.

With --confirm-within, the machine goes back by itself unless somebody runs
'hostctl confirm' in time, from a new login. So a change that locks everybody out
does not stay. A reboot without the confirmation goes back too. Use it whenever
you work over a network.

The plan lists first what may lock people out: a port that sshd listens on and
the firewall closes, passwords that are switched off while no account that may
use sudo has a key, and what the account that runs hostctl loses. Without
--confirm-within, such a plan needs the answer 'yes lockout'. With --yes, switch
refuses it (exit code 5) unless you add --accept lockout.

A separate service, hostctl-run.service, does the work and continues when the
session ends. Ctrl-C and SIGTERM cancel it until something is committed. With a
plan that 'hostctl plan --out' saved, switch asks nothing: it does what was saved,
or nothing at all.`,
		Example: "  hostctl switch --host server-nix\n  hostctl switch --flake /etc/hostctl --yes --confirm-within 3m\n  hostctl switch web1.plan",
		Args:    cobra.MaximumNArgs(1),
		RunE:    e.switching(&opts),
	}
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency, every line of files, and what apt and the maintainer scripts print")
	opts.trial = "the same command with --confirm-within 5m goes back unless 'hostctl confirm' comes from a new login; "
	c.Flags().DurationVar(&opts.confirmWithin, "confirm-within", 0, "go back unless 'hostctl confirm' comes within this time")
	return c
}

// switching runs a switch, or one of its kin, as the only run that changes the
// machine.
func (e *env) switching(opts *switchOptions) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := e.planned(c, args); err != nil {
			return err
		}
		return e.changing(c.Context(), func(ctx context.Context, s *session) error {
			return s.runSwitch(ctx, *opts)
		})
	}
}

// question is what somebody is asked before it.
func question(v engine.Verb) string {
	return [...]string{"Switch to this?", "Switch to this at the next boot?", "Switch to this until the next boot?"}[v]
}

func (s *session) runSwitch(ctx context.Context, opts switchOptions) error {
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := s.look(ctx, p, target.Host, target.Lock, opts.verbose); err != nil {
		return err
	}
	if p.Empty() {
		return s.Settle(ctx, opts.verb)
	}
	how := engine.SwitchOptions{Verb: opts.verb, ConfirmWithin: opts.confirmWithin, Verbose: opts.verbose}
	if err := s.MayBegin(how); err != nil {
		return err
	}
	if waits, err := s.agree(question(opts.verb), opts.consent, p, target.Host, target.Lock); waits || err != nil {
		return err
	}
	if how.Agreed, err = s.agreement(p, opts.consent); err != nil {
		return err
	}
	if err := target.complete(); err != nil {
		return err
	}
	return s.Switch(ctx, &target.Target, p, how)
}

// look shows a plan that is about to be carried out, with how it may lock people out,
// and refuses one that is not what was confirmed.
func (s *session) look(ctx context.Context, p *spec.Plan, want *spec.Host, lock []spec.Locked, verbose bool) error {
	if err := s.lookForLockout(ctx, p, want); err != nil {
		return err
	}
	if s.confirmed != nil {
		if err := s.Unmoved(s.confirmed, p, want, lock); err != nil {
			return err
		}
	}
	return s.announce(p, verbose)
}

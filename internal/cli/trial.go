package cli

import (
	"context"
	"errors"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

func newTest(e *env) *cobra.Command {
	opts := switchOptions{verb: engine.ToTest}
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
			return e.changing(c.Context(), func(ctx context.Context, s *session) error { return s.Confirm(ctx) })
		},
	}
}

func newEndTrial(e *env) *cobra.Command {
	return &cobra.Command{
		Use: engine.EndTrialCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.patient(c.Context(), func(ctx context.Context, s *session) error { return s.EndTrial(ctx) })
		},
	}
}

// patient is changing, but waits for the run that holds the lock: nobody is
// there to try again. Who calls it is a service of its own.
func (e *env) patient(ctx context.Context, do func(context.Context, *session) error) error {
	e.inService = true
	for {
		err := e.changing(ctx, do)
		var ended *engine.Error
		if !errors.As(err, &ended) || ended.Outcome != engine.Held {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func newAfterBoot(e *env) *cobra.Command {
	return &cobra.Command{
		Use: engine.AfterBootCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.patient(c.Context(), func(ctx context.Context, s *session) error { return s.AfterBoot(ctx) })
		},
	}
}

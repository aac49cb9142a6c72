package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

type planOptions struct {
	detailedExitCode bool
	verbose          bool
	out              string
}

func newPlan(e *env) *cobra.Command {
	var opts planOptions
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what switch would change on this machine",
		Long: `plan compares this machine with the flake and lists every change, with the line
of the configuration that asks for it. It writes only to its own cache, and runs
no other program.

With --out, plan saves the plan, with digests of everything that it depends on
and without secret values. 'hostctl switch FILE' then does exactly that plan, or
refuses and says what has changed: configuration, package lock or machine.

If a guard refuses the plan, for example because it removes more packages than
policy.max_removals, hostctl prints it, does not save it, and exits with 5.`,
		Example: "  hostctl plan --host server-nix\n  hostctl plan --detailed-exitcode --json\n  hostctl plan --out web1.plan",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runPlan(c.Context(), e, opts)
		},
	}
	c.Flags().BoolVar(&opts.detailedExitCode, "detailed-exitcode", false, "exit with 2 when there are changes")
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency and every line of files")
	c.Flags().StringVar(&opts.out, "out", "", "file to save the plan in, for 'hostctl switch FILE'")
	return c
}

func runPlan(ctx context.Context, e *env, opts planOptions) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	interrupted, stuck, err := s.Interrupted()
	if err != nil {
		return err
	}
	switch {
	case stuck != "":
		s.say("warning: an earlier run could be neither finished nor undone, so this plan is of a machine between two generations; see to the reasons, then run 'hostctl recover':\n%s", stuck)
	case interrupted:
		s.say("warning: an earlier run was interrupted, so this plan may be of a machine between two generations; run 'hostctl recover'")
	}
	target, err := s.target(ctx)
	if err != nil {
		return err
	}
	target, p, err := s.compare(ctx, target)
	if err != nil {
		return err
	}
	if err := s.lookForLockout(ctx, p, target.Host); err != nil {
		return err
	}
	if err := s.show(p, opts.verbose); err != nil {
		return fmt.Errorf("cannot print the plan: %w", err)
	}
	if err := refusal(p); err != nil {
		return err
	}
	if opts.out != "" {
		if err := s.saveTo(opts.out, p, target); err != nil {
			return err
		}
	}
	if opts.detailedExitCode && !p.Empty() {
		return &exitError{code: exitChanges}
	}
	return nil
}

package cli

import (
	"context"
	"fmt"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

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
	c.Flags().IntVar(&opts.to, "to", engine.Parent, "generation to return to (default: the current one's parent)")
	// It fails only for a flag that does not exist.
	_ = c.RegisterFlagCompletionFunc("to", e.completeGenerations)
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency and every line of files")
	return c
}

func (s *session) runRollback(ctx context.Context, opts rollbackOptions) error {
	to, err := s.RollbackTarget(opts.to)
	if err != nil {
		return err
	}
	release, err := s.LockPackages(ctx)
	if err != nil {
		return err
	}
	defer release()
	want, lock, p, err := s.PlanRecorded(to)
	if err != nil {
		return err
	}
	if err := s.look(ctx, p, want, lock, opts.verbose); err != nil {
		return err
	}
	if waits, err := s.agree(fmt.Sprintf("Return to generation %d?", to), opts.consent, p, want, lock); waits || err != nil {
		return err
	}
	agreed, err := s.agreement(p, opts.consent)
	if err != nil {
		return err
	}
	return s.Rollback(ctx, to, want, p, agreed)
}

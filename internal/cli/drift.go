package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/render"
)

type driftOptions struct{ unowned bool }

func newDrift(e *env) *cobra.Command {
	var opts driftOptions
	c := &cobra.Command{
		Use:   "drift",
		Short: "Show changes made outside hostctl",
		Long: `drift compares this machine with its current generation and lists everything
that somebody changed since without hostctl: files, packages, accounts, units,
kernel parameters, mounts. Each item says what differs, how it was, how it is
now, which line asked for it, and what the next switch does about it. drift
needs no flake, writes only to its own cache, and runs no program except nft(8),
which prints the firewall rules.

Exit codes: 0 no drift, 1 failed, 2 drift.`,
		Example: "  hostctl drift\n  hostctl drift --unowned\n  hostctl drift --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runDrift(c.Context(), e, opts) },
	}
	c.Flags().BoolVar(&opts.unowned, "unowned", false, "list every file below /etc, /opt, /usr and /var/lib, too, that no package and no configuration owns")
	return c
}

func runDrift(ctx context.Context, e *env, opts driftOptions) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	interrupted, _, err := s.Interrupted()
	if err != nil {
		return err
	}
	if interrupted {
		s.say("warning: an earlier run was interrupted, so this machine may be between two generations; run 'hostctl recover'")
	}
	d, err := s.Drift(ctx, opts.unowned)
	if err != nil {
		return fmt.Errorf("cannot tell what drifted: %w", err)
	}
	if e.json {
		err = render.DriftJSON(e.stdout, d)
	} else {
		err = render.Drift(e.stdout, d, render.Options{Color: color(e.stdout)})
	}
	if err == nil && len(d.Items) > 0 {
		return &exitError{code: exitChanges}
	}
	return err
}

package cli

import (
	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

func newBoot(e *env) *cobra.Command {
	opts := switchOptions{verb: engine.ToBoot}
	c := &cobra.Command{
		Use:   "boot",
		Short: "Stage the configuration for the next boot",
		Long: `boot stages the new state as switch does, and leaves the running system alone.
The next boot commits the stage before the machine's first program starts. Until
then, 'hostctl generations list' shows the generation as waiting, and another
switch, boot or rollback replaces it. If a file that it replaces changes in the
meantime, hostctl does not apply it, and the machine boots into its present state.`,
		Example: "  hostctl boot --host server-nix",
		Args:    cobra.NoArgs,
		RunE:    e.switching(&opts),
	}
	opts.flags(c)
	c.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show every dependency, every line of files, and what apt and the maintainer scripts print")
	return c
}

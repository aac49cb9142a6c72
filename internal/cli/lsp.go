package cli

import (
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/lsp"
)

func newLSP(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "lsp",
		Short: "Run the language server for editors",
		Long: `Speak the Language Server Protocol on standard input and output. Your editor
starts this command and gets completion, hover documentation, go to definition,
references, rename, signatures, formatting, outlines, folding, and diagnostics
of every host as you type. The flake is the folder of the nearest flake.hcl above
each file; --flake and --host have no effect. docs/editors.md shows how to set up
Neovim, VS Code and Helix.

Exit codes: 0 the editor ended the session, 1 it exited without a shutdown.`,
		Example: `  hostctl lsp`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cache, err := cacheDir()
			if err != nil {
				return err
			}
			e.stdout.exact = true
			return lsp.Serve(cmd.Context(), e.stdin, e.stdout, lsp.Options{
				Cache: cache, Version: version(), Offline: e.offline, Packages: lockedPackages, Beyond: unbrought,
			})
		},
	}
}

// lockedPackages are the names in a host's package lock; none where there is
// no lock that can be read, which plan says.
func lockedPackages(f *flake.Flake, host string) []string {
	lock, err := readPackageLock(f, host)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(lock))
	for _, l := range lock {
		names = append(names, l.Name)
	}
	return names
}

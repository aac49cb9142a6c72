package cli

import (
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// completeHosts offers the names of the flake's hosts to the shell.
func completeHosts(e *env) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		f, diags := flake.Load(e.flakeDir)
		if diags.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f.Hosts(), cobra.ShellCompDirectiveNoFileComp
	}
}

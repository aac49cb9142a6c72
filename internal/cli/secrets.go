package cli

import (
	"fmt"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/spec"
)

func newSecrets(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "secrets",
		Short:   "Install this machine's secrets below /run",
		Example: "  hostctl secrets install",
	}
	c.AddCommand(&cobra.Command{
		Use:   "install",
		Short: "Decrypt the secrets of the current generation",
		Long: `install decrypts the secrets of the current generation with this machine's age
key, and writes them and the files that contain them below /run/secrets, in
memory. It needs neither the flake nor the network. 'hostctl switch' does the
same; this command is for the unit that runs it at boot, when memory is empty. If
everything is in place already, it writes nothing.`,
		Example: "  hostctl secrets install\n  hostctl secrets install --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runSecretsInstall(e) },
	})
	return c
}

func runSecretsInstall(e *env) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	installed, err := s.InstallSecrets()
	if err != nil {
		return err
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(installed)
	}
	want, _ := s.Wanted()
	fmt.Fprintf(e.stdout, "%s, %d of them changed; %s secrets and changed\n",
		spec.Count(len(want.Secrets), "secret", "secrets"), len(installed.Secrets), spec.Count(len(installed.Files), "file contains", "files contain"))
	return nil
}

package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/engine"
)

// newStageChild and newStageRun are how hostctl starts itself inside a
// stage's namespaces; nobody types them.
func newStageChild(e *env) *cobra.Command {
	return &cobra.Command{
		Use: engine.StageChildCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			reply := os.NewFile(3, "reply")
			if reply == nil || os.Getpid() != 1 {
				return fmt.Errorf("cannot run: 'hostctl switch' starts this by itself")
			}
			defer reply.Close()
			return engine.StageChild(e.stdin, reply)
		},
	}
}

func newStageRun(e *env) *cobra.Command {
	return &cobra.Command{
		Use: engine.StageRunCommand, Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !engine.StageInside(c.Context(), args[0], e.stdin, e.stdout.to) {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
}

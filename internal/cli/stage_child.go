package cli

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
)

// IsTool reports whether hostctl was started under the name of a program that it
// stands for in a stage.
func IsTool(name string) bool { return slices.Contains(bootloader.Tools(), name) }

// Tool is such a program; it returns the code to exit with.
func Tool(args []string) int { return stage.Tool(args) }

// newStageChild and newStageRun are how hostctl starts itself inside a
// stage's namespaces; nobody types them.
func newStageChild(e *env) *cobra.Command {
	return &cobra.Command{
		Use: stage.ChildCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			reply := os.NewFile(3, "reply")
			if reply == nil || os.Getpid() != 1 {
				return fmt.Errorf("cannot run: 'hostctl switch' starts this by itself")
			}
			defer reply.Close()
			return stage.Child(e.stdin, reply)
		},
	}
}

func newStageRun(e *env) *cobra.Command {
	return &cobra.Command{
		Use: stage.RunCommand, Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := stage.Inside(c.Context(), args[0], e.stdin, e.stdout.to)
			if err != nil {
				stage.Reply(err)
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
}

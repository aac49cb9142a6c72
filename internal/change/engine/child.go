package engine

import (
	"context"
	"io"
	"slices"

	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
)

// What hostctl starts itself with inside a stage's namespaces.
const (
	StageChildCommand = stage.ChildCommand
	StageRunCommand   = stage.RunCommand
)

// StageChild is the first process of a stage.
func StageChild(request io.Reader, reply io.Writer) error { return stage.Child(request, reply) }

// StageInside is one step in a stage. What fails it has told to the one that asked.
func StageInside(ctx context.Context, step string, request io.Reader, out io.Writer) bool {
	err := stage.Inside(ctx, step, request, out)
	if err != nil {
		stage.Reply(err)
	}
	return err == nil
}

// IsTool reports whether hostctl was started under the name of a program that it
// stands for in a stage.
func IsTool(name string) bool { return slices.Contains(bootloader.Tools(), name) }

// Tool is such a program; it returns the code to exit with.
func Tool(args []string) int { return stage.Tool(args) }

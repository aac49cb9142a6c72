package cli

import (
	"context"
	"fmt"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"
)

func newBuild(e *env) *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use:   "build",
		Short: "Stage the next generation and keep the stage",
		Long: `build fetches and stages everything that switch would, including the packages'
own scripts, and keeps the result. The running system does not change. As with
switch, changes that somebody made with apt or dpkg become a generation first.

A later switch to the same configuration and package lock, on an unchanged
machine, has nothing left to stage. If anything has changed, switch says what,
deletes the build and stages again. 'hostctl gc' also deletes the build.`,
		Example: "  hostctl build --host server-nix",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(ctx context.Context, s *session) error { return s.runBuild(ctx, verbose) })
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show every dependency, and what apt and the maintainer scripts print")
	return c
}

func (s *session) runBuild(ctx context.Context, verbose bool) error {
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	if p.Empty() {
		s.say("nothing to build: %s is what its configuration says", p.Host)
		return nil
	}
	if err := target.complete(); err != nil {
		return err
	}
	made, err := s.Build(ctx, &target.Target, p, verbose)
	if err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(s.stdout).Encode(made)
	}
	fmt.Fprintf(s.stdout, "Built what would be generation %d; 'hostctl switch' uses it, 'hostctl gc' deletes it.\n", made.Generation)
	for _, point := range sortedKeys(made.Size) {
		fmt.Fprintf(s.stdout, "  %s in %s\n", size(made.Size[point]), made.Folder(point))
	}
	return nil
}

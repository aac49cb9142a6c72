package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/render"
	"github.com/hostctl/hostctl/internal/spec"
)

func newGenerationsShow(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "show N",
		Short: "Show the record of a generation",
		Long: `show prints one generation: when and by whom it was made, from which commit and
with which command, what changed, why it failed if it did, which data its
programs made, and how much space its undo takes.`,
		Example:           "  hostctl generations show 3\n  hostctl generations show 3 --json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: e.completeGenerations,
		RunE:              func(_ *cobra.Command, args []string) error { return runGenerationsShow(e, args[0]) },
	}
}

func runGenerationsShow(e *env, arg string) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	n, err := number(arg)
	if err != nil {
		return err
	}
	out, err := s.Detail(n)
	if err != nil {
		return err
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(out)
	}
	printDetail(e.stdout, out)
	fmt.Fprintf(e.stdout, "Changes:     %s\n", render.Summary(out.Plan))
	for _, k := range spec.Kinds() {
		if out.Changed[k] > 0 {
			fmt.Fprintf(e.stdout, "             %d of kind %s\n", out.Changed[k], k)
		}
	}
	printPaths(e.stdout, "Data made by its programs, which a rollback leaves", out.StatePaths)
	printPaths(e.stdout, "Data that its packages' scripts wanted to change, and did not", out.Kept)
	return nil
}

func printDetail(w io.Writer, s *engine.Detail) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", name+":", value)
		}
	}
	row("Generation", fmt.Sprintf("%d (%s)", s.Number, is(s.Generation)))
	row("Parent", parent(s.Generation))
	row("Host", s.Host)
	row("Made", s.Time.Local().Format(time.DateTime)+" by "+s.User)
	row("Command", s.Command)
	row("Commit", revision(s.Generation))
	row("Hostctl", s.Hostctl)
	row("Failed", s.Failed)
	if s.Pinned != nil {
		row("Pinned", "yes, "+*s.Pinned)
	}
	row("Packages", fmt.Sprint(s.Packages))
	row("Paths", fmt.Sprintf("%s its parent", spec.Count(s.Paths, "differs from", "differ from")))
	for _, point := range sortedKeys(s.Size) {
		row("Undo", size(s.Size[point])+" on "+point)
	}
}

func printPaths(w io.Writer, heading string, paths []string) {
	if len(paths) > 0 {
		fmt.Fprintf(w, "%s:\n  %s\n", heading, strings.Join(paths, "\n  "))
	}
}

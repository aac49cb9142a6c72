package cli

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

func newGenerations(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:        "generations",
		SuggestFor: []string{"status", "history", "list", "log"},
		Short:      "List, inspect, pin and delete generations",
		Example:    "  hostctl generations list\n  hostctl generations diff 1 2",
	}
	c.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the generations of this machine",
		Long: `list prints one line for each generation: whether it is current, booted, failed
or pinned, and how much space its undo takes. A + after the commit means that the
flake had uncommitted changes. 'generations show' prints the details. The current
generation is on trial if the next boot or a timeout takes it back. A generation
that waits for the next boot comes last. Generation 0 is the machine as hostctl
found it.`,
		Example: "  hostctl generations list\n  hostctl generations list --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runGenerationsList(e) },
	})
	var verbose bool
	diff := &cobra.Command{
		Use:               "diff FROM TO",
		Short:             "Show what differs between two generations",
		Long:              "diff prints the changes from one generation to another, as plan does. It reads only their records: the locks for packages, the specs for everything else.",
		Example:           "  hostctl generations diff 0 1\n  hostctl generations diff 1 2 --json",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: e.completeGenerations,
		RunE:              func(_ *cobra.Command, args []string) error { return runGenerationsDiff(e, args, verbose) },
	}
	diff.Flags().BoolVarP(&verbose, "verbose", "v", false, "show every dependency and every line of files")
	c.AddCommand(diff, newGenerationsShow(e), newGenerationsPin(e), newGenerationsUnpin(e), newGenerationsDelete(e))
	return c
}

func runGenerationsList(e *env) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	rows, err := s.Generations()
	if err != nil {
		return err
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(e.stdout, "No generations: hostctl has not changed this machine.")
		return nil
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GEN\tSTATE\tTIME\tSIZE\tCOMMIT\tCOMMAND")
	for _, r := range rows {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Number, is(r), r.Time.Local().Format("2006-01-02 15:04"),
			size(total(r.Size)), strings.TrimSuffix(revision(r), "changes"), strings.TrimPrefix(r.Command, "hostctl "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(e.stdout, narrow(strings.TrimSuffix(line, "\n")))
	}
	return nil
}

// narrow cuts a line to the 80 columns that every terminal has.
func narrow(line string) string {
	const columns = 80
	if r := []rune(line); len(r) > columns {
		return string(r[:columns-1]) + "…"
	}
	return line
}

// is says in words what a generation is.
func is(l engine.Generation) string {
	var out []string
	for _, s := range []struct {
		name string
		is   bool
	}{{"current", l.Current}, {"booted", l.Booted}, {"pinned", l.Pinned != nil}, {"failed", l.Failed != ""}, {l.AtBoot, l.AtBoot != ""}} {
		if s.is {
			out = append(out, s.name)
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ",")
}

// total is how many bytes there are on all mounts.
func total(bytes map[string]int64) int64 {
	var sum int64
	for _, n := range bytes {
		sum += n
	}
	return sum
}

// size is a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
}

func parent(m engine.Generation) string {
	if m.Parent < 0 {
		return "-"
	}
	return strconv.Itoa(m.Parent)
}

func revision(m engine.Generation) string {
	switch {
	case m.Commit == "":
		return "-"
	case m.Dirty:
		return m.Commit[:min(8, len(m.Commit))] + "+changes"
	}
	return m.Commit[:min(8, len(m.Commit))]
}

func runGenerationsDiff(e *env, args []string, verbose bool) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	from, err := number(args[0])
	if err != nil {
		return err
	}
	to, err := number(args[1])
	if err != nil {
		return err
	}
	p, err := s.Compare(from, to)
	if err != nil {
		return err
	}
	return s.env.show(p, verbose)
}

// number reads the number of a generation.
func number(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("cannot find generation %q: generations are numbers, 'hostctl generations list' shows them", arg)
	}
	return n, nil
}

func (e *env) completeGenerations(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	numbers, err := engine.Numbers(e.root)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

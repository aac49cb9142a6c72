package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
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

// listed is one generation in the JSON form of the list.
type listed struct {
	generation.Meta
	Current bool             `json:"current"`
	Booted  bool             `json:"booted"`
	Failed  string           `json:"failed,omitempty"`
	Pinned  *string          `json:"pinned,omitempty"` // the reason
	Size    map[string]int64 `json:"size"`             // bytes of its undo and its record, by mount point
	// AtBoot is "waiting" for one that the next boot applies, and of the
	// current one "trial" until the next boot, or "unconfirmed".
	AtBoot string `json:"at_boot,omitempty"`
}

func runGenerationsList(e *env) error {
	s, err := openSession(e)
	if err != nil {
		return err
	}
	numbers, err := s.store.Numbers()
	if err != nil {
		return err
	}
	rows := []listed{}
	for _, n := range numbers {
		row, _, err := s.listed(n)
		if err != nil {
			return err
		}
		rows = append(rows, *row)
	}
	if rows, err = s.withAtBoot(rows); err != nil {
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
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Number, r.state(), r.Time.Local().Format("2006-01-02 15:04"),
			size(generation.Total(r.Size)), strings.TrimSuffix(revision(r.Meta), "changes"), strings.TrimPrefix(r.Command, "hostctl "))
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

// listed reads one record and what is to be said of it.
func (s *session) listed(n int) (*listed, *generation.Record, error) {
	rec, err := s.store.Load(n)
	if err != nil {
		return nil, nil, err
	}
	points, err := stage.Points(s.root)
	if err != nil {
		return nil, nil, err
	}
	bytes, err := s.store.Size(rec, points)
	if err != nil {
		return nil, nil, err
	}
	booted, err := s.booted()
	if err != nil {
		return nil, nil, err
	}
	row := &listed{
		Meta: rec.Meta, Current: s.begun && n == s.current, Booted: n == booted,
		Failed: strings.TrimSpace(s.store.Failed(n)), Size: bytes,
	}
	if reason, ok := s.store.Pinned(n); ok {
		row.Pinned = &reason
	}
	return row, rec, nil
}

func (l listed) state() string {
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

// withAtBoot adds what the next boot does to the list.
func (s *session) withAtBoot(rows []listed) ([]listed, error) {
	at, err := s.store.AtBoot()
	switch {
	case err != nil || at == nil:
		return rows, err
	case at.Waits():
		rec, err := s.store.Pending(at.Apply)
		if err != nil {
			return rows, err
		}
		return append(rows, listed{Meta: rec.Meta, AtBoot: "waiting"}), nil
	}
	for i := range rows {
		switch {
		case !rows[i].Current || !at.Trial():
		case at.Window > 0:
			rows[i].AtBoot = "unconfirmed"
		default:
			rows[i].AtBoot = "trial"
		}
	}
	return rows, nil
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

func parent(m generation.Meta) string {
	if m.Parent < 0 {
		return "-"
	}
	return strconv.Itoa(m.Parent)
}

func revision(m generation.Meta) string {
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
	from, err := s.recorded(args[0])
	if err != nil {
		return err
	}
	to, err := s.recorded(args[1])
	if err != nil {
		return err
	}
	p, err := s.between(from, to)
	if err != nil {
		return err
	}
	return s.env.show(p, verbose)
}

// between plans the way from one record to another, without a machine.
func (s *session) between(from, to *generation.Record) (*spec.Plan, error) {
	return plan.Make(plan.Input{
		Want: to.Spec, Prev: from.Spec, Lock: to.Lock, PrevLock: from.Lock, State: plan.StateOf(from.Spec, from.Lock),
		Adopted: names(s.adopted), Generation: from.Meta.Number, SpecDigest: to.Meta.SpecDigest, LockDigest: to.Meta.LockDigest, Compare: apt.Compare,
	})
}

// recorded loads the generation that an argument names.
func (s *session) recorded(arg string) (*generation.Record, error) {
	n, err := number(arg)
	if err != nil {
		return nil, err
	}
	return s.store.Load(n)
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
	numbers, err := generation.Store{Root: e.root}.Numbers()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// managedPaths are the paths that either spec owns.
func managedPaths(hosts ...*spec.Host) []string {
	var out []string
	for _, h := range hosts {
		for path := range h.Files {
			out = append(out, path)
		}
		for name, u := range h.Units {
			if u.Content != "" {
				out = append(out, "/etc/systemd/system/"+name)
			}
			for dropIn := range u.DropIns {
				out = append(out, "/etc/systemd/system/"+name+".d/"+dropIn)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

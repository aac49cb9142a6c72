package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

func newGenerations(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:     "generations",
		Short:   "Look at what this machine was",
		Example: "  hostctl generations list\n  hostctl generations diff 1 2",
	}
	c.AddCommand(&cobra.Command{
		Use:     "list",
		Short:   "List the generations of this machine",
		Long:    "list prints one line for each generation; the current one bears a star. Generation 0 is the machine as hostctl found it.",
		Example: "  hostctl generations list\n  hostctl generations list --json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runGenerationsList(e) },
	}, &cobra.Command{
		Use:               "diff FROM TO",
		Short:             "Show what differs between two generations",
		Long:              "diff prints the changes from one recorded generation to another, as plan does, from their records alone: packages by their locks, everything else by the specs.",
		Example:           "  hostctl generations diff 0 1\n  hostctl generations diff 1 2 --json",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: e.completeGenerations,
		RunE:              func(_ *cobra.Command, args []string) error { return runGenerationsDiff(e, args) },
	})
	return c
}

// listed is one generation in the JSON form of the list.
type listed struct {
	generation.Meta
	Current bool   `json:"current"`
	Failed  string `json:"failed,omitempty"`
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
		meta, err := s.store.Meta(n)
		if err != nil {
			return err
		}
		rows = append(rows, listed{Meta: meta, Current: s.begun && n == s.current, Failed: s.store.Failed(n)})
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(e.stdout, "No generations: hostctl has not changed this machine.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tGENERATION\tPARENT\tTIME\tBY\tCHANGES\tCOMMIT\tCOMMAND")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", mark(r), r.Number, parent(r.Meta),
			r.Time.Local().Format(time.DateTime), r.User, r.Changes, revision(r.Meta), r.Command)
	}
	return w.Flush()
}

func mark(r listed) string {
	switch {
	case r.Current:
		return "*"
	case r.Failed != "":
		return "failed"
	}
	return ""
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

func runGenerationsDiff(e *env, args []string) error {
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
	return s.show(p, false)
}

// between plans the way from one record to another, without a machine.
func (s *session) between(from, to *generation.Record) (*spec.Plan, error) {
	return plan.Make(plan.Input{
		Want: to.Spec, Prev: from.Spec, Lock: to.Lock, PrevLock: from.Lock, State: plan.StateOf(from.Spec, from.Lock),
		Adopted: names(s.adopted), Generation: from.Meta.Number, LockDigest: to.Meta.LockDigest, Compare: apt.Compare,
	})
}

// recorded loads the generation that an argument names.
func (s *session) recorded(arg string) (*generation.Record, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("cannot find generation %q: generations are numbers, 'hostctl generations list' shows them", arg)
	}
	return s.store.Load(n)
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

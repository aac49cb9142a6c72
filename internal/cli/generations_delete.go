package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
)

func newGenerationsPin(e *env) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:               "pin N",
		Short:             "Protect a generation from deletion",
		Long:              "pin keeps a generation: gc skips it and delete refuses it, until 'hostctl generations unpin'. 'hostctl generations list' shows the reason.",
		Example:           "  hostctl generations pin 4 --reason last-known-good",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: e.completeGenerations,
		RunE: func(_ *cobra.Command, args []string) error {
			return e.onRecord(args[0], func(s *session, n int) error { return s.store.Pin(n, reason) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "no reason given", "why it is kept, for people")
	return c
}

func newGenerationsUnpin(e *env) *cobra.Command {
	return &cobra.Command{
		Use:               "unpin N",
		Short:             "Allow a pinned generation to be deleted",
		Long:              "unpin undoes 'hostctl generations pin': gc may delete the generation again.",
		Example:           "  hostctl generations unpin 4",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: e.completeGenerations,
		RunE: func(_ *cobra.Command, args []string) error {
			return e.onRecord(args[0], func(s *session, n int) error { return s.store.Unpin(n) })
		},
	}
}

// onRecord does something to one record, while no run changes the machine.
func (e *env) onRecord(arg string, do func(*session, int) error) error {
	n, err := number(arg)
	if err != nil {
		return err
	}
	unlock, err := takeLock(e.root, commandLine())
	if err != nil {
		return err
	}
	defer unlock()
	s, err := openSession(e)
	if err != nil {
		return err
	}
	return do(s, n)
}

type deleteOptions struct {
	yes    bool
	dryRun bool
}

func newGenerationsDelete(e *env) *cobra.Command {
	var opts deleteOptions
	c := &cobra.Command{
		Use:   "delete N...",
		Short: "Delete generations for good",
		Long: `delete removes generations and the undo that only they need. You can still go
from any other generation to any other: the two steps to and from a deleted
generation become one. delete refuses the current, the booted and pinned
generations, and one where the ways to two other generations part.`,
		Example:           "  hostctl generations delete 2 3\n  hostctl generations delete 2 3 --dry-run",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: e.completeGenerations,
		RunE: func(c *cobra.Command, args []string) error {
			return e.collecting(c.Context(), opts.dryRun, func(s *session) error { return s.runDelete(args, opts) })
		},
	}
	c.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&opts.dryRun, "dry-run", false, "only say what would go")
	return c
}

// collecting deletes things as the only run that changes the machine; a dry
// run is a reader.
func (e *env) collecting(ctx context.Context, dry bool, do func(*session) error) error {
	if !dry {
		return e.changing(ctx, func(_ context.Context, s *session) error { return do(s) })
	}
	s, err := openSession(e)
	if err != nil {
		return err
	}
	return do(s)
}

func (s *session) runDelete(args []string, opts deleteOptions) error {
	var numbers []int
	var errs []error
	for _, arg := range args {
		n, err := number(arg)
		if err == nil {
			err = s.deletable(n)
		}
		numbers, errs = append(numbers, n), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.Sort(numbers)
	p, forks, err := s.store.PlanPrune(s.current, slices.Compact(numbers))
	if err != nil {
		return err
	}
	for _, f := range forks {
		errs = append(errs, fmt.Errorf("cannot delete generation %d: %w", f.Number, f))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nnothing was deleted", err)
	}
	return s.collect(p, nil, opts)
}

// deletable says why a generation cannot be deleted.
func (s *session) deletable(n int) error {
	if _, err := s.store.Meta(n); err != nil {
		return err
	}
	why, err := s.stays(n)
	if err == nil && why != "" {
		err = fmt.Errorf("cannot delete generation %d: it is %s", n, why)
	}
	return err
}

// stays says what keeps a generation, "" for nothing.
func (s *session) stays(n int) (string, error) {
	booted, err := s.booted()
	if err != nil {
		return "", err
	}
	at, err := s.store.AtBoot()
	if err != nil {
		return "", err
	}
	reason, pinned := s.store.Pinned(n)
	switch {
	case at.Trial() && n == at.Back:
		return "the one that the next boot goes back to", nil
	case n == s.current:
		return "the current one", nil
	case n == booted:
		return "the one that this machine booted", nil
	case pinned:
		return "pinned (" + reason + "); 'hostctl generations unpin' lets it go", nil
	}
	return "", nil
}

// collected is the JSON form of what was, or would be, deleted.
type collected struct {
	Deleted []int             `json:"deleted"`
	Stay    []generation.Fork `json:"stay"`  // forks that could not go
	Freed   map[string]int64  `json:"freed"` // bytes, by mount point
	DryRun  bool              `json:"dry_run"`
}

// collect carries a Prune out, and deletes what nobody needs then.
func (s *session) collect(p *generation.Prune, forks []generation.Fork, opts deleteOptions) error {
	points, err := stage.Points(s.root)
	if err != nil {
		return err
	}
	garbage, err := s.store.Garbage(p, points)
	if err != nil {
		return err
	}
	slices.Sort(p.Gone)
	if !opts.dryRun && len(p.Gone) > 0 {
		if waits, err := s.confirm(fmt.Sprintf("Delete %s for good?", generations(p.Gone)), opts.yes); waits || err != nil {
			return err
		}
	}
	if !opts.dryRun {
		if err := s.store.Prune(p); err != nil {
			return fmt.Errorf("%w; the next run finishes or forgets it", err)
		}
		if err := garbage.Remove(); err != nil {
			return fmt.Errorf("cannot free all that was freed, 'hostctl gc' tries again: %w", err)
		}
		if err := s.pruneStandIns(garbage.Named); err != nil {
			return err
		}
	}
	out := collected{append([]int{}, p.Gone...), append([]generation.Fork{}, forks...), garbage.Bytes, opts.dryRun}
	if s.json {
		return json.NewEncoder(s.stdout).Encode(out)
	}
	s.reportCollected(out)
	return nil
}

func (s *session) reportCollected(c collected) {
	would, freed := "", "freed"
	if c.DryRun {
		would, freed = "would be ", "would be free"
	}
	if len(c.Deleted) > 0 {
		fmt.Fprintf(s.stdout, "%s %sdeleted\n", generations(c.Deleted), would)
	}
	for _, f := range c.Stay {
		fmt.Fprintln(s.stdout, f.Error())
	}
	for _, point := range sortedKeys(c.Freed) {
		fmt.Fprintf(s.stdout, "%s %s on %s\n", size(c.Freed[point]), freed, point)
	}
	if len(c.Deleted) == 0 && len(c.Freed) == 0 {
		fmt.Fprintln(s.stdout, "Nothing to delete.")
	}
}

func generations(numbers []int) string {
	if len(numbers) == 1 {
		return fmt.Sprintf("generation %d", numbers[0])
	}
	return "generations " + generation.List(numbers)
}

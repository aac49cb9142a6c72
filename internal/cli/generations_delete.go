package cli

import (
	"context"
	"errors"
	"fmt"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
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
		RunE: func(c *cobra.Command, args []string) error {
			return e.onRecord(c.Context(), args[0], func(s *session, n int) error { return s.Pin(n, reason) })
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
		RunE: func(c *cobra.Command, args []string) error {
			return e.onRecord(c.Context(), args[0], func(s *session, n int) error { return s.Unpin(n) })
		},
	}
}

// onRecord does something to one record, while no run changes the machine.
func (e *env) onRecord(ctx context.Context, arg string, do func(*session, int) error) error {
	n, err := number(arg)
	if err != nil {
		return err
	}
	unlock, err := e.takeLock(ctx)
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
			numbers = append(numbers, n)
		}
		errs = append(errs, err)
	}
	c, err := s.Deletion(numbers)
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	return s.collect(c, opts)
}

// collected is the JSON form of what was, or would be, deleted.
type collected struct {
	*engine.Collection
	DryRun bool `json:"dry_run"`
}

// collect deletes what was found, once somebody has agreed to lose generations.
func (s *session) collect(found *engine.Collection, opts deleteOptions) error {
	if !opts.dryRun && len(found.Deleted) > 0 {
		if waits, err := s.confirm(fmt.Sprintf("Delete %s for good?", generations(found.Deleted)), opts.yes); waits || err != nil {
			return err
		}
	}
	if !opts.dryRun {
		if err := found.Delete(); err != nil {
			return err
		}
	}
	out := collected{found, opts.dryRun}
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
	return "generations " + engine.List(numbers)
}

package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

type gcOptions struct {
	deleteOptions
	keep      int
	olderThan string
}

func newGC(e *env) *cobra.Command {
	var opts gcOptions
	c := &cobra.Command{
		Use:   "gc",
		Short: "Delete old generations and unused data",
		Long: `gc keeps the newest generations, as many as --keep says, and deletes the rest.
With --older-than, it deletes only those of the rest that are older. Failed
generations do not count as kept. The current generation, the booted one and
pinned ones always stay. Without either option, gc deletes no generation.

It also deletes what no generation needs any more: stages and records of killed
runs, what 'hostctl build' kept, contents, and files that were kept aside for
deleted generations. It says how much it frees on each file system.`,
		Example: "  hostctl gc --keep 10 --older-than 30d\n  hostctl gc --keep 5 --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			age, err := parseAge(opts.olderThan)
			if err != nil {
				return err
			}
			given := c.Flags().Changed("keep") || opts.olderThan != ""
			return e.collecting(c.Context(), opts.dryRun, func(s *session) error { return s.runGC(opts, age, given) })
		},
	}
	c.Flags().IntVar(&opts.keep, "keep", 0, "how many of the newest generations stay")
	c.Flags().StringVar(&opts.olderThan, "older-than", "", "only generations older than this: hours, days or weeks, such as 36h, 30d or 8w")
	c.Flags().BoolVarP(&opts.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&opts.dryRun, "dry-run", false, "only say what would go, and how much that frees")
	return c
}

// parseAge reads a number of hours, days or weeks; "" is no time at all.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	unit := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil || unit == 0 || n < 0 || n > 100_000 {
		return 0, fmt.Errorf("cannot use --older-than %q: it is a number of hours, days or weeks, such as 36h, 30d or 8w", text)
	}
	return time.Duration(n) * unit, nil
}

func (s *session) runGC(opts gcOptions, age time.Duration, given bool) error {
	var found *engine.Collection
	var err error
	if given {
		found, err = s.Old(opts.keep, time.Now().Add(-age))
	} else {
		found, err = s.Garbage()
	}
	if err != nil {
		return err
	}
	return s.collect(found, opts.deleteOptions)
}

package cli

import (
	"context"
	"fmt"
	"strings"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/spf13/cobra"
)

func newDryActivate(e *env) *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use:   "dry-activate",
		Short: "Show which units a switch would stop, reload, restart and start",
		Long: `dry-activate stages what switch would stage, including the packages' own
scripts. It looks at what runs, prints which units switch would stop, reload,
restart and start, and deletes the stage. Nothing on the machine changes except
hostctl's own package cache.

It does not list units that systemd itself stops or starts with others (PartOf=,
BindsTo=, Requires=), because systemd decides about those.`,
		Example: "  hostctl dry-activate --host server-nix\n  hostctl dry-activate --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return e.changing(c.Context(), func(ctx context.Context, s *session) error {
				return s.dryActivate(ctx, verbose)
			})
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what apt and the maintainer scripts print")
	return c
}

func (s *session) dryActivate(ctx context.Context, verbose bool) error {
	if !s.Live() {
		return fmt.Errorf("cannot tell what a switch of %s would do to units: nothing runs there", s.root)
	}
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	if !p.Empty() {
		if err := target.complete(); err != nil {
			return err
		}
	}
	found, err := s.Foresee(ctx, &target.Target, p, verbose)
	if err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(s.stdout).Encode(found)
	}
	return s.sayForeseen(found)
}

func (s *session) sayForeseen(f *engine.Foreseen) error {
	var b strings.Builder
	for _, list := range []struct {
		what  string
		units []string
	}{{"would stop", f.Stop}, {"would reload", f.Reload}, {"would restart", f.Restart}, {"would start", f.Start}, {"would run as before until a reboot", f.Reboot}} {
		if len(list.units) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", list.what, strings.Join(list.units, "\n  "))
		}
	}
	for _, note := range f.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	if b.Len() == 0 {
		b.WriteString("No unit would be stopped, reloaded, restarted or started.\n")
	}
	_, err := fmt.Fprint(s.stdout, b.String())
	return err
}

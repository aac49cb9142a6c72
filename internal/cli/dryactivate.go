package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
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
	if !s.live() {
		return fmt.Errorf("cannot tell what a switch of %s would do to units: nothing runs there", s.root)
	}
	target, p, release, err := s.propose(ctx)
	if err != nil {
		return err
	}
	defer release()
	found := activate.NothingForeseen()
	if !p.Empty() {
		if found, err = s.foresee(ctx, target, p, verbose); err != nil {
			return err
		}
	}
	if s.json {
		return json.NewEncoder(s.stdout).Encode(found)
	}
	return s.sayForeseen(found)
}

func (s *session) foresee(ctx context.Context, target *wanted, p *spec.Plan, verbose bool) (found *activate.Foreseen, err error) {
	hashes, err := s.provide(ctx, target, p)
	if err != nil {
		return nil, err
	}
	number, res, err := s.stageNext(ctx, target, p, hashes, verbose)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Discard(s.root, number)) }()
	if err := res.Gone(); err != nil {
		return nil, err
	}
	rec := &generation.Record{Meta: generation.Meta{Number: number, Parent: s.current}, Changeset: res.Changeset, Accounts: []account.Delta{res.Accounts}}
	route, err := s.way(number, rec)
	if err != nil {
		return nil, err
	}
	tx, err := route.files.Tx()
	if err != nil {
		return nil, err
	}
	after, err := os.MkdirTemp("/run", "hostctl-after-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(after)) }()
	if err := s.preview(res, after); err != nil {
		return nil, fmt.Errorf("cannot tell what the units will be: %w", err)
	}
	healthy, err := activate.Health(ctx)
	if err != nil {
		return nil, err
	}
	return activate.Foresee(ctx, s.request(p, target.host, res.Services, tx, healthy), system.Root(after))
}

// preview writes what decides about units as it will be, into a root of its own.
func (s *session) preview(res *stage.Result, after string) error {
	folders := []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system",
		"/etc/init.d", "/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"}
	if err := stage.Preview(s.root, res.Changeset, folders, after); err != nil {
		return err
	}
	files, err := account.Read(system.Root(s.root))
	if err != nil {
		return err
	}
	if files, err = res.Accounts.Apply(files); err != nil {
		return err
	}
	for _, path := range []string{account.Passwd, account.Group} {
		if err := os.WriteFile(filepath.Join(after, path), files[path], 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sayForeseen(f *activate.Foreseen) error {
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

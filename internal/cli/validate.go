package cli

import (
	"context"
	"fmt"
	"strings"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/report"
)

func newValidate(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration of every host",
		Long: `Evaluate every host of the flake, or the one that --host names, and report every
mistake with its lines. validate warns of login shells, groups and file owners
that nothing is known to provide. If hosts/NAME/packages.lock matches the
configuration, it also reports shells, groups and time zones that no package in
it provides. Without --host, it also checks that no two hosts share a
networking.host_id, and parses files that nothing imports. With --json, print the
result as 'terraform validate -json' does (docs/json.md). validate touches nothing
on this machine but the flake, its inputs and the cache.

Exit codes: 0 no errors (there may be warnings), 1 errors.`,
		Example: `  hostctl validate
  hostctl validate --flake ~/config --host laptop
  hostctl validate --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runValidate(cmd.Context(), e) },
	}
}

func runValidate(ctx context.Context, e *env) error {
	ctx, end := e.bounded(ctx)
	defer end()
	f, diags := e.load()
	if diags.HasErrors() {
		if f != nil {
			diags = append(diags, f.ParseRest()...)
		}
		return e.report(f, diags)
	}
	hosts := f.Hosts()
	if e.host != "" {
		hosts = []string{e.host}
	}
	all := report.NewHostDiagnostics(len(hosts))
	all.Add("", diags)
	found := make([]hcl.Diagnostics, len(hosts))
	sparing(len(hosts))
	ids := make([]eval.Identity, len(hosts))
	left := eval.NewFleet(f).Each(ctx, hosts, func(i int, r *eval.Result, diags hcl.Diagnostics) {
		found[i], ids[i] = append(diags, unbrought(f, hosts[i], r, diags)...), r.Identity()
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, name := range hosts {
		all.Add(name, found[i])
	}
	all.Add("", eval.CheckIdentities(ids))
	if e.host == "" && left == nil {
		all.Add("", f.ParseRest())
	}
	merged := all.Merged()
	end()
	if err := e.report(f, merged); err != nil {
		return err
	}
	if left != nil {
		return left
	}
	if e.json {
		warnings := e.found
		e.found = nil
		return e.writeJSON(asJSON(warnings, e.files))
	}
	if len(hosts) == 0 {
		_, err := fmt.Fprintln(e.stdout, "flake.hcl declares no host, so only its files were read: add host \"NAME\" { modules = [...] }.")
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "%s: valid.\n", strings.Join(hosts, ", "))
	return err
}

// unbrought is what a valid host names and its package lock does not bring. A
// lock that is missing, or of another configuration, knows nothing, which plan
// says: names that nothing brings are told all the same.
func unbrought(f *flake.Flake, name string, r *eval.Result, diags hcl.Diagnostics) hcl.Diagnostics {
	if diags.HasErrors() || r.Incomplete() {
		return nil
	}
	lock, err := readPackageLock(f, name)
	if err != nil || checkLock(r.Spec, lock, name) != nil {
		return r.Unbrought(nil)
	}
	return r.Unbrought(lock)
}

// writeJSON prints v for machines.
func (e *env) writeJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot print JSON: %w", err)
	}
	return nil
}

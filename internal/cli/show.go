package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/render"
)

// The marks around what show keeps up to date in somebody's file.
const (
	showBegins = "<!-- hostctl show -->"
	showEnds   = "<!-- /hostctl show -->"
)

type showOptions struct {
	markdown bool
	write    string
}

func newShow(e *env) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "List the hosts and what runs on them",
		Long: `Evaluate every host and print two tables: the hosts, with the disks, secrets,
persistence and home folders that they declare, and the applications by function,
with their templates and hosts. Applications come from 'application' blocks.

With --markdown --write FILE, the tables replace the text in FILE between the
lines

    ` + showBegins + `
    ` + showEnds + `

so that a README stays true. The rest of FILE does not change.

Exit codes: 0 done, 1 the configuration has errors or FILE lacks these lines.`,
		Example: `  hostctl show
  hostctl show --markdown --write README.md
  hostctl show --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runShow(cmd.Context(), e, o) },
	}
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "print Markdown")
	cmd.Flags().StringVar(&o.write, "write", "", "put the Markdown between the marks in this `FILE`")
	return cmd
}

func runShow(ctx context.Context, e *env, o showOptions) error {
	if o.write != "" && !o.markdown {
		return errors.New("cannot write to " + o.write + ": --write goes with --markdown")
	}
	ctx, end := e.bounded(ctx)
	defer end()
	f, diags := e.load()
	if err := e.report(f, slices.DeleteFunc(diags, warning)); err != nil {
		return err
	}
	s, diags, left := outline(ctx, f)
	end()
	// Warnings are for validate.
	if err := e.report(f, slices.DeleteFunc(diags, warning)); err != nil {
		return err
	}
	if left != nil {
		return left
	}
	switch {
	case e.json:
		return e.writeJSON(s)
	case !o.markdown:
		return render.ShowText(e.stdout, s)
	case o.write == "":
		return render.ShowMarkdown(e.stdout, s)
	}
	var b bytes.Buffer
	if err := render.ShowMarkdown(&b, s); err != nil {
		return err
	}
	return writeSection(o.write, b.String())
}

// outline evaluates every host. Hosts stand in the order of flake.hcl.
func outline(ctx context.Context, f *flake.Flake) (*render.Show, hcl.Diagnostics, error) {
	hosts := f.Hosts()
	slices.SortStableFunc(hosts, func(a, b string) int { return f.Host(a).Range.Start.Byte - f.Host(b).Range.Start.Byte })
	s := &render.Show{Hosts: []render.ShowHost{}}
	functions := map[string]*render.ShowFunction{}
	all := report.NewHostDiagnostics(len(hosts))
	found := make([]hcl.Diagnostics, len(hosts))
	inventories := make([]*eval.Inventory, len(hosts))
	sparing(len(hosts))
	left := eval.NewFleet(f).Each(ctx, hosts, func(i int, r *eval.Result, diags hcl.Diagnostics) {
		if found[i] = diags; !diags.HasErrors() {
			inventories[i] = r.Inventory()
		}
	})
	for i, name := range hosts {
		all.Add(name, found[i])
		inv, template := inventories[i], f.Host(name).Template
		if inv == nil {
			continue
		}
		s.Hosts = append(s.Hosts, render.ShowHost{
			Name: name, Disks: inv.Disks, Secrets: inv.Secrets, Persistence: inv.Persistence, Home: inv.Home,
			Template: template, Hardware: inv.Hardware,
		})
		for _, a := range inv.Applications {
			for _, function := range a.Functions {
				if functions[function] == nil {
					functions[function] = &render.ShowFunction{Function: function, Templates: []string{}}
				}
				addApplication(functions[function], a, name, template)
			}
		}
	}
	s.Applications = []render.ShowFunction{}
	byName := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	for _, function := range slices.SortedFunc(slices.Values(sortedKeys(functions)), byName) {
		row := functions[function]
		slices.SortFunc(row.Apps, func(a, b render.ShowApplication) int { return byName(a.Name, b.Name) })
		s.Applications = append(s.Applications, *row)
	}
	return s, all.Merged(), left
}

func addApplication(row *render.ShowFunction, a eval.Application, host, template string) {
	if !slices.Contains(row.Hosts, host) {
		row.Hosts = append(row.Hosts, host)
	}
	if a.ByTemplate && !slices.Contains(row.Templates, template) {
		row.Templates = append(row.Templates, template)
	}
	i := slices.IndexFunc(row.Apps, func(b render.ShowApplication) bool { return b.Name == a.Name })
	if i < 0 {
		i = len(row.Apps)
		row.Apps = append(row.Apps, render.ShowApplication{Name: a.Name})
	}
	app := &row.Apps[i]
	app.Hosts = append(app.Hosts, host)
	if a.Missing != "" {
		if app.Missing == nil {
			app.Missing = map[string]string{}
		}
		app.Missing[host] = a.Missing
	}
}

// writeSection replaces what stands between the marks of a file.
func writeSection(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot write the tables: %w", err)
	}
	begins := strings.Index(string(old), showBegins)
	ends := strings.Index(string(old), showEnds)
	if begins < 0 || ends < begins {
		return fmt.Errorf("cannot write the tables to %s: it has no line %s followed by a line %s; put both where they belong", path, showBegins, showEnds)
	}
	made := string(old[:begins]) + showBegins + "\n\n" + text + "\n" + string(old[ends:])
	if made == string(old) {
		return nil
	}
	return replaceFile(path, []byte(made))
}

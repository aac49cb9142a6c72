package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
)

func newExplain(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "explain OPTION",
		Short: "Say where the value of an option comes from",
		Long: `Print the value of one option of a host, every line that defines it, and which
of them count: the layer (library, flake, template, host) and the priority of
each, strongest first. A line that does not count is marked "beaten".`,
		Example: `  hostctl explain --host laptop networking.firewall.enable
  hostctl explain --host laptop 'file["/etc/motd"].content'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeOptions(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return runExplain(cmd.Context(), e, args[0]) },
	}
}

func runExplain(ctx context.Context, e *env, path string) error {
	ctx, end := e.bounded(ctx)
	defer end()
	f, name, err := e.loadFlake()
	if err != nil {
		return err
	}
	r, diags := eval.Host(ctx, f, name)
	// What warns of other options is no answer to the question.
	if err := e.report(f, slices.DeleteFunc(diags, warning)); err != nil {
		return err
	}
	x, diags := r.Explain(path)
	end()
	if diags.HasErrors() {
		return e.report(f, diags)
	}
	if e.json {
		return e.writeJSON(x)
	}
	_, err = fmt.Fprint(e.stdout, explanation(x))
	return err
}

func warning(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagWarning }

func explanation(x *eval.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s = %s\n", x.Path, x.Value)
	fmt.Fprintf(&b, "  %s, declared at %s\n", x.Type, x.Declared)
	if x.Description != "" {
		fmt.Fprintf(&b, "  %s\n", x.Description)
	}
	if len(x.Definitions) == 0 {
		b.WriteString("\n  nothing defines it\n")
	}
	for _, d := range x.Definitions {
		verdict := "beaten"
		if d.Wins {
			verdict = "counts"
		}
		each := ""
		if d.Each != "" {
			each = fmt.Sprintf(", for each.key %q", d.Each)
		}
		fmt.Fprintf(&b, "\n  %s  %s:%d  (%s layer, priority %s%s)\n", verdict, d.File, d.Line, d.Layer, d.Priority, each)
		for line := range strings.Lines(d.Text) {
			fmt.Fprintf(&b, "    %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return b.String()
}

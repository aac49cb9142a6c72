package cli

import (
	"cmp"
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
		Short: "Show where the value of an option comes from",
		Long: `Print the value of one option of a host and every line that defines it, with its
layer (library, flake, template, host) and priority, strongest first. A line that
does not count is marked "beaten". For a list, a set or a map, explain also says
which line each element comes from, and which without() removed others.

OPTION may name one element: LIST[0], SET["git"], MAP.key or MAP["a.key"], and
go further into it. explain also works for an element that was removed.`,
		Example: `  hostctl explain --host laptop networking.firewall.enable
  hostctl explain --host laptop 'packages["git"]'
  hostctl explain --host laptop 'boot.kernel_params[0]'
  hostctl explain --host laptop 'file["/etc/motd"].content'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeValues(e),
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
	if x.Gone {
		fmt.Fprintf(&b, "%s is not in the result\n", x.Path)
	} else {
		fmt.Fprintf(&b, "%s = %s\n", x.Path, x.Value)
	}
	fmt.Fprintf(&b, "  %s, declared at %s\n", x.Type, x.Declared)
	if x.Description != "" {
		fmt.Fprintf(&b, "  %s\n", x.Description)
	}
	writeElements(&b, x.Elements)
	if len(x.Definitions) == 0 {
		b.WriteString("\n  nothing defines it\n")
	}
	for _, d := range x.Definitions {
		verdict := "beaten"
		switch {
		case d.Removes:
			verdict = "takes it away"
		case d.Wins:
			verdict = "counts"
		}
		each := ""
		if d.Each != "" {
			each = fmt.Sprintf(", for each.key %q", d.Each)
		}
		fmt.Fprintf(&b, "\n  %s  %s:%d  (%s layer, priority %s%s)\n", verdict, d.File, d.Line, d.Layer, d.Priority, each)
		text := d.Text
		if d.Removes {
			text = "without(" + text + ")"
		}
		for line := range strings.Lines(text) {
			fmt.Fprintf(&b, "    %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return b.String()
}

// writeElements says where each element comes from, and which without() took
// others away.
func writeElements(b *strings.Builder, elems []eval.Element) {
	var here, gone []string
	step, places := 0, 0
	for _, x := range elems {
		if !x.Gone {
			step, places = max(step, len(x.Step)), max(places, len(decidedAt(x)))
		}
	}
	for _, x := range elems {
		switch value := brief(x.Value); {
		case x.Gone:
			gone = append(gone, fmt.Sprintf("%s of %s, by %s", cmp.Or(strings.Trim(x.Step, ".[]"), value), placesOf(x, false), removal(x)))
		case x.Step == fmt.Sprintf("[%s]", x.Value):
			here = append(here, fmt.Sprintf("%-*s  %s", step, x.Step, decidedAt(x)))
		default:
			here = append(here, strings.TrimLeft(fmt.Sprintf("%-*s  %-*s  %s", step, x.Step, places, decidedAt(x), value), " "))
		}
	}
	for _, list := range []struct {
		title string
		lines []string
	}{{"elements", here}, {"taken away", gone}} {
		if len(list.lines) > 0 {
			fmt.Fprintf(b, "\n  %s\n    %s\n", list.title, strings.Join(list.lines, "\n    "))
		}
	}
}

// brief is a value on one line, as far as a line goes.
func brief(value string) string {
	const most = 60
	if r := []rune(value); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return value
}

// decidedAt are the places that an element comes from.
func decidedAt(x eval.Element) string { return placesOf(x, true) }

func placesOf(x eval.Element, counts bool) string {
	var out []string
	for _, d := range x.Definitions {
		if at := fmt.Sprintf("%s:%d", d.File, d.Line); d.Wins == counts && !d.Removes && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return strings.Join(out, ", ")
}

func removal(x eval.Element) string {
	for _, d := range x.Definitions {
		if d.Removes {
			return fmt.Sprintf("without(%s) at %s:%d", brief(d.Text), d.File, d.Line)
		}
	}
	return ""
}

package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

type fixOptions struct{ check bool }

func newFix(e *env) *cobra.Command {
	o := &fixOptions{}
	cmd := &cobra.Command{
		Use:   "fix",
		Short: "Replace renamed options by their new names",
		Long: `Evaluate every host of the flake and rewrite, in the flake's own files, the old
names of options that a moved block renames. Nothing else in the files changes.
fix lists what it cannot rewrite, such as a definition whose nesting changes,
with the reason.

Exit codes: 0 nothing is left to do, 1 something is left to do by hand, or with
--check, fix would rewrite something.`,
		Example: `  hostctl fix
  hostctl fix --check`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFix(cmd.Context(), e, o) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "list what would be rewritten, and change nothing")
	return cmd
}

// fixed is a fix as --json prints it.
type fixed struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	From   string `json:"from"`
	To     string `json:"to"`
	ByHand string `json:"by_hand,omitempty"` // why it is not rewritten
}

func runFix(ctx context.Context, e *env, o *fixOptions) error {
	ctx, end := e.bounded(ctx)
	defer end()
	f, diags := e.load()
	if err := e.report(f, diags); err != nil {
		return err
	}
	fixes, err := allFixes(ctx, f)
	end()
	if err != nil {
		return err
	}
	out, left := []fixed{}, false
	edits := map[string][]eval.Fix{}
	for _, x := range fixes {
		out = append(out, fixed{x.Range.Filename, x.Range.Start.Line, x.Range.Start.Column, x.From, x.To, x.ByHand})
		left = left || o.check || x.ByHand != ""
		if x.ByHand == "" && !o.check {
			edits[x.Range.Filename] = append(edits[x.Range.Filename], x)
		}
	}
	for name, list := range edits {
		if err := rewrite(f, name, list); err != nil {
			return err
		}
	}
	if err := e.sayFixes(out, o.check); err != nil {
		return err
	}
	if left && len(out) > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// allFixes are those of all hosts in the order of files; what one host's
// evaluation can rewrite is rewritten although another's could not tell.
func allFixes(ctx context.Context, f *flake.Flake) ([]eval.Fix, error) {
	names := f.Hosts()
	results := make([]*eval.Result, len(names))
	if err := eval.NewFleet(f).Each(ctx, names, func(i int, r *eval.Result, _ hcl.Diagnostics) { results[i] = r }); err != nil {
		return nil, err
	}
	var all []eval.Fix
	for _, r := range results {
		all = append(all, r.Fixes()...)
	}
	slices.SortFunc(all, func(a, b eval.Fix) int {
		return cmp.Or(cmp.Compare(a.Range.Filename, b.Range.Filename), cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte),
			cmp.Compare(a.Range.End.Byte, b.Range.End.Byte), cmp.Compare(a.ByHand, b.ByHand))
	})
	return slices.CompactFunc(all, func(a, b eval.Fix) bool { return a.Range == b.Range }), nil
}

func rewrite(f *flake.Flake, name string, fixes []eval.Fix) error {
	src := f.Files[name].Bytes
	var out bytes.Buffer
	at := 0
	for _, x := range fixes {
		out.Write(src[at:x.Range.Start.Byte])
		out.WriteString(x.Text)
		at = x.Range.End.Byte
	}
	out.Write(src[at:])
	text := out.Bytes()
	if bytes.Equal(hclwrite.Format(src), src) {
		text = hclwrite.Format(text) // what 'hostctl fmt' had made stays so
	}
	return replaceFile(filepath.Join(f.Dir, filepath.FromSlash(name)), text)
}

func (e *env) sayFixes(fixes []fixed, check bool) error {
	if e.json {
		return e.writeJSON(fixes)
	}
	done := "is now"
	if check {
		done = "would be"
	}
	last := ""
	for _, x := range fixes {
		line := fmt.Sprintf("%s:%d: %s %s %s", x.File, x.Line, x.From, done, x.To)
		if x.ByHand != "" {
			line = fmt.Sprintf("%s:%d: %s must be made %s by hand: %s", x.File, x.Line, x.From, x.To, x.ByHand)
		}
		if line == last {
			continue // a line that reads it twice
		}
		last = line
		if _, err := fmt.Fprintln(e.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"context"
	"fmt"

	json "github.com/go-json-experiment/json/v1"
	"github.com/spf13/cobra"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

type evalOptions struct {
	option string
}

func newEval(e *env) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Print what a host resolves to, as JSON",
		Long: `Evaluate one host and print its resolved spec: every package, file, user, unit
and secret (never a secret's value), as canonical JSON. With --option, print the
value of one option, or of every option in a group, a map or an entry.`,
		Example: `  hostctl eval --host laptop
  hostctl eval --host laptop --option services.openssh
  hostctl eval --host laptop --option 'sysctl["net.ipv4.ip_forward"]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), e, o) },
	}
	cmd.Flags().StringVar(&o.option, "option", "", "path of one option")
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("option", completeValues(e))
	return cmd
}

func runEval(ctx context.Context, e *env, o evalOptions) error {
	ctx, end := e.bounded(ctx)
	defer end()
	f, r, err := e.evaluate(ctx)
	if err != nil {
		return err
	}
	if o.option == "" {
		b, err := r.Spec.Canonical()
		if err != nil {
			return fmt.Errorf("cannot print the spec: %w", err)
		}
		end()
		_, err = fmt.Fprintf(e.stdout, "%s\n", b)
		return err
	}
	v, diags := r.Option(o.option)
	if diags.HasErrors() {
		return e.report(f, diags)
	}
	b, err := ctyjson.Marshal(v, v.Type())
	end()
	if err != nil {
		return fmt.Errorf("cannot print %s: %w", o.option, err)
	}
	return e.writeJSON(json.RawMessage(b))
}

// evaluate evaluates the host that --host names, or this machine's, and
// prints what is wrong with it.
func (e *env) evaluate(ctx context.Context) (*flake.Flake, *eval.Result, error) {
	f, name, err := e.loadFlake()
	if err != nil {
		return nil, nil, err
	}
	r, diags := eval.Host(ctx, f, name)
	return f, r, e.report(f, diags)
}

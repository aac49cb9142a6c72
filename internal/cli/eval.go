package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

type evalOptions struct {
	option string
}

func newEvalCommand(e *env) *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Print what a host resolves to, as JSON",
		Long: `Evaluate one host and print its resolved spec: every package, file, user, unit
and secret (never a secret's value), as canonical JSON. With --option print the
value of one option, or of every option of a group, a map or an entry.`,
		Example: `  hostctl eval --host laptop
  hostctl eval --host laptop --option services.openssh
  hostctl eval --host laptop --option 'sysctl["net.ipv4.ip_forward"]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), e, o) },
	}
	cmd.Flags().StringVar(&o.option, "option", "", "path of one option")
	return cmd
}

func runEval(ctx context.Context, e *env, o evalOptions) error {
	r, err := e.evaluate(ctx)
	if err != nil {
		return err
	}
	if o.option == "" {
		b, err := r.Spec.Canonical()
		if err != nil {
			return fmt.Errorf("cannot print the spec: %w", err)
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", b)
		return err
	}
	v, diags := r.Option(o.option)
	if diags.HasErrors() {
		return e.refuse(diags, r.Files)
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return fmt.Errorf("cannot print %s: %w", o.option, err)
	}
	return e.writeJSON(json.RawMessage(b))
}

// evaluate evaluates the host that --host names, or this machine's, and
// prints what is wrong with it.
func (e *env) evaluate(ctx context.Context) (*eval.Result, error) {
	f, diags := flake.Load(e.flakeDir)
	if diags.HasErrors() {
		return nil, e.refuse(diags, filesOf(f))
	}
	name, err := e.hostName()
	if err != nil {
		return nil, err
	}
	r, more := eval.Host(ctx, f, name)
	diags = append(diags, more...)
	if diags.HasErrors() {
		return r, e.refuse(diags, r.Files)
	}
	return r, e.printDiagnostics(diags, r.Files)
}

// hostName is --host, or the name of this machine.
func (e *env) hostName() (string, error) {
	if e.host != "" {
		return e.host, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot find this machine's name: %w; say --host", err)
	}
	return name, nil
}

// errorsOf keeps the errors of diagnostics, without the warnings.
func errorsOf(diags hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			out = append(out, d)
		}
	}
	return out
}

package eval

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/syntax"
)

// Within bounds all further evaluation by ctx, with a budget of its own.
func (r *Result) Within(ctx context.Context) {
	r.eval.meter.Begin(ctx)
	r.eval.meter.Enter()
}

// Expression evaluates text as an expression of a module next to flake.hcl.
// Diagnostics call the text name; its snippet is in Files.
func (r *Result) Expression(name, text string) (cty.Value, hcl.Diagnostics) {
	e := r.eval
	e.fleet.keep(name, &hcl.File{Bytes: []byte(text)})
	expr, diags := syntax.ParseExpression(name, []byte(text))
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	if node, ok := expr.(hclsyntax.Node); ok {
		meter.Wrap(node)
	}
	// Report a mistake again, even if an earlier line made it.
	var v cty.Value
	var ok bool
	diags = e.log.Apart(func() { v, ok = e.value(expr, &scope{mod: e.flakeModule()}) })
	if !ok && !diags.HasErrors() {
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Value not known", Subject: expr.Range().Ptr(),
			Detail: "It depends on something that failed. 'hostctl validate' says what.",
		})
	}
	v, _ = v.UnmarkDeep()
	return v, diags
}

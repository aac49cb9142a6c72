package function

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/syntax"
)

// Reader reads the files that an expression names; paths are relative to its file.
type Reader interface {
	// Text is the file at a path, as text.
	Text(p string) (string, error)
	// Name is what diagnostics call it.
	Name(p string) string
}

// File is file() for the expressions of one file.
func File(r Reader) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := r.Text(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

// Template is templatefile() for the expressions of one file. It renders with the
// functions of ctx except templatefile: a template that renders itself would never
// end.
func Template(r Reader, ctx *hcl.EvalContext) function.Function {
	inside := ctx.NewChild()
	inside.Functions = map[string]function.Function{"templatefile": noTemplateFunc()}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "path", Type: cty.String},
			{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p := args[0].AsString()
			s, err := r.Text(p)
			if err != nil {
				return cty.NilVal, err
			}
			return render(inside, p, r.Name(p), s, args[1])
		},
	})
}

func noTemplateFunc() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "any", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
			return cty.NilVal, errors.New("a template cannot render another; pass it the rendered text as a variable")
		},
	})
}

func render(ctx *hcl.EvalContext, p, name, s string, vars cty.Value) (cty.Value, error) {
	if err := syntax.GuardTemplate(p, s); err != nil {
		return cty.NilVal, err
	}
	tmpl, diags := hclsyntax.ParseTemplate([]byte(s), path.Clean(name), hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("%w For text with its own $ and %% use substitute(file(...), {...})", templateError(diags))
	}
	vars, marks := vars.Unmark()
	if !vars.IsKnown() {
		return cty.UnknownVal(cty.String).WithMarks(marks), nil
	}
	if vars.IsNull() || !vars.Type().IsObjectType() && !vars.Type().IsMapType() {
		return cty.NilVal, fmt.Errorf("the variables of a template must be a map")
	}
	meter.Wrap(tmpl)
	ctx = ctx.NewChild()
	ctx.Variables = vars.AsValueMap()
	v, diags := tmpl.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	text, own := v.Unmark()
	text, err := convert.Convert(text, cty.String)
	return text.WithMarks(marks, own), err
}

// templateError is the first mistake in a template, with its place.
func templateError(diags hcl.Diagnostics) error {
	i := slices.IndexFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagError && d.Subject != nil })
	if i < 0 {
		return diags
	}
	d := diags[i]
	detail, _, _ := strings.Cut(d.Detail, " Did you intend")
	return fmt.Errorf("%s:%d:%d: %s", path.Clean(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column, detail)
}

package eval

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyfunction "github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/option"
)

// maxCalls bounds how deep a file's functions call each other: every call uses the
// Go stack, and its overflow ends the process (language rule 9).
const maxCalls = 100

var errTooDeep = fmt.Errorf("functions call each other more than %d deep", maxCalls)

// userFunction is a function block.
type userFunction struct {
	name     string
	params   []string
	variadic string // "" for none
	result   hcl.Expression
	ctx      *hcl.EvalContext // what was declared before it, so that it cannot call itself
}

// addFunction reads a function block. What follows it in the file, and every
// definition, can call it.
func (e *evaluator) addFunction(m *module, b *hclsyntax.Block) {
	f := &userFunction{ctx: m.ctx}
	if len(b.Labels) != 1 || !hclsyntax.ValidIdentifier(b.Labels[0]) {
		e.fail(b.DefRange().Ptr(), "Wrong labels", `A function block has one label, an identifier: function "site_url" { ... }.`)
		return
	}
	f.name = b.Labels[0]
	if e.callable(f.ctx, f.name) {
		e.fail(b.LabelRanges[0].Ptr(), "Declared twice", fmt.Sprintf("There is already a function %s(); choose another name.", f.name))
		return
	}
	if !e.functionArguments(f, b) {
		return
	}
	m.ctx = m.ctx.NewChild()
	m.ctx.Functions = map[string]ctyfunction.Function{f.name: e.callFunc(f), "templatefile": function.Template(m.reader(e), m.ctx)}
}

// callable reports whether a name already means something in a call.
func (e *evaluator) callable(ctx *hcl.EvalContext, name string) bool {
	for ; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Functions[name]; ok {
			return true
		}
	}
	_, _, ok := e.modifier(&hclsyntax.FunctionCallExpr{Name: name, Args: make([]hclsyntax.Expression, 1)}, plainly())
	return ok
}

func (e *evaluator) functionArguments(f *userFunction, b *hclsyntax.Block) bool {
	fine := true
	wrong := func(at hcl.Range, detail string) {
		fine = false
		e.fail(&at, "Invalid function", detail)
	}
	for _, inner := range b.Body.Blocks {
		wrong(inner.TypeRange, "A function block takes params, variadic_param and result, and no block.")
	}
	for _, a := range sortedAttributes(b.Body) {
		switch a.Name {
		case "params":
			names, diags := hcl.ExprList(a.Expr)
			if diags.HasErrors() {
				wrong(a.Expr.Range(), "params takes a list of names: params = [a, b].")
			}
			for _, n := range names {
				name := hcl.ExprAsKeyword(n)
				if name == "" {
					wrong(n.Range(), "A parameter is a name, without quotes: params = [a, b].")
				}
				f.params = append(f.params, name)
			}
		case "variadic_param":
			if f.variadic = hcl.ExprAsKeyword(a.Expr); f.variadic == "" {
				wrong(a.Expr.Range(), "variadic_param is a name, without quotes: variadic_param = rest.")
			}
		case "result":
			f.result = a.Expr
		default:
			wrong(a.NameRange, fmt.Sprintf("A function takes params, variadic_param and result, not %q.", a.Name))
		}
	}
	if f.result == nil && fine {
		wrong(b.DefRange(), fmt.Sprintf("Function %s needs a result.", f.name))
	}
	return fine
}

// callFunc accepts marked and unknown arguments: what a result does not use need
// not be known (language rule 1), and a function that would destroy a secret's
// placeholder refuses by itself.
func (e *evaluator) callFunc(f *userFunction) ctyfunction.Function {
	s := &ctyfunction.Spec{
		// Not the type of the result, which would need a second evaluation:
		// with functions that call functions, two to the power of their number.
		Type: ctyfunction.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return e.call(f, args) },
	}
	for _, name := range f.params {
		s.Params = append(s.Params, function.TakesAnything(ctyfunction.Parameter{Name: name, Type: cty.DynamicPseudoType}))
	}
	if f.variadic != "" {
		p := function.TakesAnything(ctyfunction.Parameter{Name: f.variadic, Type: cty.DynamicPseudoType})
		s.VarParam = &p
	}
	return ctyfunction.New(s)
}

func (e *evaluator) call(f *userFunction, args []cty.Value) (cty.Value, error) {
	if e.calls == maxCalls {
		return cty.NilVal, errTooDeep
	}
	e.calls++
	defer func() { e.calls-- }()
	vars := map[string]cty.Value{}
	for i, name := range f.params {
		vars[name] = args[i]
	}
	if f.variadic != "" {
		vars[f.variadic] = cty.TupleVal(args[len(f.params):])
	}
	ctx := f.ctx.NewChild()
	ctx.Variables = vars
	v, diags := e.meter.Evaluate(f.result, ctx)
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		if extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && errors.Is(extra.FunctionCallError(), errTooDeep) {
			return cty.DynamicVal, errTooDeep
		}
		detail := d.Detail
		if extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && extra.FunctionCallError() != nil {
			return cty.DynamicVal, fmt.Errorf("%s() at %s: %w", extra.CalledFunctionName(), option.At(*d.Subject), extra.FunctionCallError())
		}
		if d.Summary == "Call to unknown function" {
			if e.textOf(*d.Subject) == f.name {
				return cty.DynamicVal, fmt.Errorf("%s() calls itself at %s, and a function can call only built-in functions and those above it; to repeat something, loop over a list: [for x in list : ...]", f.name, option.At(*d.Subject))
			}
			detail += " A function can call built-in functions and those above it."
		}
		if d.Summary == "Unknown variable" {
			detail += " A function sees only its parameters: pass it what it needs."
		}
		return cty.DynamicVal, fmt.Errorf("%s at %s: %s", d.Summary, option.At(*d.Subject), detail)
	}
	return v, nil
}

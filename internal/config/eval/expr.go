package eval

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
)

// scope is what an expression can read in addition to config.
type scope struct {
	mod   *module
	inst  *instance    // for each
	self  option.Path  // path of the entry that self is, if inst does not say
	entry *option.Node // its node
	value cty.Value    // in validations
	fixed bool         // imports, modules and args: they cannot read config (language rule 22)
}

// poison marks what cannot be known because of an error that was reported.
// Whatever needs it reports nothing (language rule 29).
type poison struct{}

// pathMark marks an unknown with the cell that would make it known.
type pathMark struct{ cell *cell }

// missing marks the value of an option that nothing defines (language rule 16).
type missing struct{ cell *cell }

// ref is a read of a cell in an expression.
type ref struct {
	cell *cell
	rng  hcl.Range
}

// reading is one evaluation of an expression with what is known so far.
type reading struct {
	e      *evaluator
	refs   []ref // cells that are not known yet
	skip   []hcl.Range
	sick   bool    // it read something poisoned
	unset  []*cell // options that it read and that nothing defines
	gone   []absence
	locals []*local
	seen   map[*local]cty.Value // in this reading: locals can nest deeply
	diags  hcl.Diagnostics
}

// absence is a read of an entry that no definition makes.
type absence struct {
	node *option.Node
	path option.Path
	key  string
	rng  hcl.Range
}

// value evaluates an expression until it is wholly known. It is false if that
// failed, which it reports.
func (e *evaluator) value(expr hcl.Expression, sc *scope) (cty.Value, bool) {
	return e.until(expr, sc, cty.Value.IsWhollyKnown)
}

// until evaluates, resolves what the unknown part of the result needs, and
// evaluates again, until enough says that enough is known (language rule 1).
func (e *evaluator) until(expr hcl.Expression, sc *scope, enough func(cty.Value) bool) (cty.Value, bool) {
	for {
		r := &reading{e: e}
		v := r.read(expr, sc)
		if !r.diags.HasErrors() && enough(v) {
			return e.strip(v), true
		}
		pending := r.pending(v)
		if len(pending) == 0 {
			e.explainFailure(expr, v, r)
			return cty.DynamicVal, false
		}
		for _, p := range pending {
			if !e.resolve(p.cell, p.rng) {
				return cty.DynamicVal, false
			}
		}
	}
}

func (e *evaluator) explainFailure(expr hcl.Expression, v cty.Value, r *reading) {
	if r.sick {
		return
	}
	if r.diags.HasErrors() {
		operand := false
		for _, d := range r.diags {
			if d.Summary != "Invalid operand" || !operand { // both operands of an operator are one mistake
				operand = operand || d.Summary == "Invalid operand"
				e.report(hcl.Diagnostics{e.reword(expr, d, r.gone)})
			}
		}
		return
	}
	unset := r.unset // the results of try() and can() carry no mark of one
	for _, mark := range unknownMarks(v) {
		if m, ok := mark.(missing); ok {
			unset = []*cell{m.cell}
		}
	}
	if len(unset) > 0 {
		e.fail(expr.Range().Ptr(), "Option not defined", unset[0].path.String()+" has no value: no file sets it and it has no default. Set it, or give its option block a default.")
		return
	}
	e.fail(expr.Range().Ptr(), "Unknown value", "internal error: nothing says what this expression needs.")
}

func splat(expr hcl.Expression) bool {
	found := false
	if node, ok := expr.(hclsyntax.Node); ok {
		// The visitor reports nothing.
		_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
			_, is := meter.WrittenNode(n).(*hclsyntax.SplatExpr)
			found = found || is
			return nil
		})
	}
	return found
}

// strip removes the marks of evaluation and keeps those of secrets.
func (e *evaluator) strip(v cty.Value) cty.Value {
	if !v.ContainsMarked() {
		return v
	}
	v, pvm := v.UnmarkDeepWithPaths()
	keep := pvm[:0]
	for _, pm := range pvm {
		for mark := range pm.Marks {
			if !function.IsSecret(mark) {
				delete(pm.Marks, mark)
			}
		}
		if len(pm.Marks) > 0 {
			keep = append(keep, pm)
		}
	}
	return v.MarkWithPaths(keep)
}

// unknownMarks are the marks on the unknown parts of v.
func unknownMarks(v cty.Value) []any {
	var out []any
	var walk func(v cty.Value, outer cty.ValueMarks)
	walk = func(v cty.Value, outer cty.ValueMarks) {
		v, marks := v.Unmark()
		if len(outer) > 0 {
			all := cty.ValueMarks{}
			for m := range outer {
				all[m] = struct{}{}
			}
			for m := range marks {
				all[m] = struct{}{}
			}
			marks = all
		}
		if !v.IsKnown() {
			for m := range marks {
				out = append(out, m)
			}
			return
		}
		if v.IsNull() || !v.CanIterateElements() {
			return
		}
		for it := v.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			walk(elem, marks)
		}
	}
	walk(v, nil)
	return out
}

// pending chooses what to resolve next: the cells that the unknown part of the
// result is marked with, or else whatever the expression reads outside the
// branches of a ?: that are not, or not yet, chosen.
func (r *reading) pending(v cty.Value) []ref {
	named := map[*cell]bool{}
	if !r.diags.HasErrors() {
		for _, mark := range unknownMarks(v) {
			if m, ok := mark.(pathMark); ok {
				named[m.cell] = true
			}
		}
	}
	marked := slices.DeleteFunc(slices.Clone(r.refs), func(p ref) bool { return !named[p.cell] })
	if len(marked) == 0 {
		marked = r.refs
	}
	needed := slices.DeleteFunc(slices.Clone(marked), func(p ref) bool {
		return slices.ContainsFunc(r.skip, func(s hcl.Range) bool { return covers(s, p.rng) })
	})
	if len(needed) > 0 {
		return needed
	}
	return marked
}

func covers(outer, inner hcl.Range) bool {
	return outer.Filename == inner.Filename && outer.Start.Byte <= inner.Start.Byte && inner.End.Byte <= outer.End.Byte
}

// read evaluates once.
func (r *reading) read(expr hcl.Expression, sc *scope) cty.Value {
	if v, ok := r.direct(expr, sc); ok {
		v, diags := r.e.meter.Counted(expr, func() (cty.Value, hcl.Diagnostics) { return v, nil })
		r.diags = append(r.diags, diags...)
		return v
	}
	ctx := sc.mod.ctx.NewChild()
	ctx.Variables = r.variables(expr, sc)
	v, diags := r.e.meter.Evaluate(expr, ctx)
	r.diags = append(r.diags, diags...)
	r.branches(expr, ctx)
	return v
}

// branches records the parts of ?: that do not count.
func (r *reading) branches(expr hcl.Expression, ctx *hcl.EvalContext) {
	if len(r.refs) == 0 {
		return
	}
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return
	}
	// The visitor reports nothing.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		c, ok := meter.WrittenNode(n).(*hclsyntax.ConditionalExpr)
		if !ok {
			return nil
		}
		v, diags := r.e.meter.Evaluate(c.Condition, ctx)
		v, _ = v.Unmark()
		switch {
		case diags.HasErrors():
		case !v.IsKnown():
			r.skip = append(r.skip, c.TrueResult.Range(), c.FalseResult.Range())
		case v.RawEquals(cty.True):
			r.skip = append(r.skip, c.FalseResult.Range())
		case v.RawEquals(cty.False):
			r.skip = append(r.skip, c.TrueResult.Range())
		}
		return nil
	})
}

// variables builds the roots that an expression refers to; for config, only the
// parts that it names.
func (r *reading) variables(expr hcl.Expression, sc *scope) map[string]cty.Value {
	vars := map[string]cty.Value{}
	for _, of := range r.e.fleet.references(expr).byRoot {
		if v, ok := r.variable(of[0].root, of, sc); ok {
			vars[of[0].root] = v
		}
	}
	return vars
}

func (r *reading) variable(root string, uses []use, sc *scope) (cty.Value, bool) {
	switch root {
	case "config":
		if sc.fixed {
			r.fail(uses[0].rng, "Config is not known yet", "Only args, host and input can be read here: the list of modules cannot depend on what the modules define. To make a part of a module conditional, write when = ... in its blocks.")
			return cty.DynamicVal, true
		}
		return r.config(uses, sc), true
	case "args":
		if r.e.args == cty.NilVal {
			r.fail(uses[0].rng, "Args are not known yet", "The args of a flake cannot read each other: compute the value in a module, in locals { ... }.")
			return cty.DynamicVal, true
		}
		return r.known(r.e.args), true
	case "host":
		return r.e.hostValue(), true
	case "input":
		return r.inputs(uses, sc), true
	case "local":
		return r.localValues(uses, sc), true
	case "each":
		return r.eachValue(uses, sc)
	case "self":
		return r.selfValue(uses, sc)
	case "value":
		return sc.value, sc.value != cty.NilVal
	}
	return cty.NilVal, false
}

func (r *reading) known(v cty.Value) cty.Value {
	if v == cty.NilVal {
		return cty.EmptyObjectVal
	}
	if v.ContainsMarked() {
		_, marks := v.UnmarkDeep()
		if _, bad := marks[poison{}]; bad {
			r.sick = true
		}
	}
	return v
}

func (r *reading) fail(at hcl.Range, summary, detail string) {
	r.diags = append(r.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at.Ptr(),
	})
}

func (e *evaluator) hostValue() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal(e.host.Name), "system": cty.StringVal(e.host.System), "template": cty.StringVal(e.host.Template),
	})
}

// localValues evaluates the named locals within the same reading, so that reading
// one part of a local does not need its other parts.
func (r *reading) localValues(uses []use, sc *scope) cty.Value {
	vals := map[string]cty.Value{}
	for _, u := range uses {
		if len(u.steps) == 0 || u.steps[0].any {
			r.fail(u.rng, "Invalid reference", "Write the name of a local: local.NAME.")
			continue
		}
		name := u.steps[0].name
		l := sc.mod.locals[name]
		if l == nil {
			r.fail(u.rng, "Unknown local", "This file has no local "+name+"."+option.DidYouMean(name, sortedKeys(sc.mod.locals)))
			vals[name] = cty.DynamicVal
			continue
		}
		vals[name] = r.local(l, u.rng, sc)
	}
	return cty.ObjectVal(vals)
}

func (r *reading) local(l *local, at hcl.Range, sc *scope) cty.Value {
	if l.value != cty.NilVal {
		return l.value
	}
	if v, ok := r.seen[l]; ok {
		return v
	}
	if slices.Contains(r.locals, l) {
		r.fail(at, "Cycle", r.localCycle(l, sc.mod))
		return cty.DynamicVal
	}
	r.locals = append(r.locals, l)
	errors := len(r.diags)
	v := r.read(l.expr, &scope{mod: sc.mod, fixed: sc.fixed})
	r.locals = r.locals[:len(r.locals)-1]
	if len(r.diags) == errors && v.IsWhollyKnown() {
		v = r.e.strip(v)
		l.value = v
	}
	if r.seen == nil {
		r.seen = map[*local]cty.Value{}
	}
	r.seen[l] = v
	return v
}

// localCycle names the locals that lead from l back to l.
func (r *reading) localCycle(l *local, m *module) string {
	chain := ""
	for _, step := range append(slices.Clip(r.locals[slices.Index(r.locals, l):]), l) {
		for _, name := range sortedKeys(m.locals) {
			if m.locals[name] == step {
				chain += " -> local." + name
			}
		}
	}
	return "A local depends on itself: " + strings.TrimPrefix(chain, " -> ") + "."
}

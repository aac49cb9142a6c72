package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
)

// outermost reports what must not be inside a block.
func (e *evaluator) outermost(at hcl.Range, name string) {
	e.fail(&at, "Misplaced "+name, name+" belongs at the top of a file, outside any block.")
}

// unknownChild reports a name that is not an option, with what people used to
// other tools may have meant.
func (e *evaluator) unknownChild(at *option.Node, name string, rng hcl.Range) {
	inEntry := len(at.Path) > 0 && at.Path[len(at.Path)-1] == option.Any
	switch {
	case option.Reserved(name, true) && !meta(name) && name != "config":
		e.outermost(rng, name)
		return
	case meta(name):
		e.fail(&rng, "Misplaced "+name, fmt.Sprintf("%s works only in blocks; in the form NAME = { ... } every key is data. Write a block: NAME { %s = ... }.", name, name))
		return
	}
	detail := at.Unknown(e.root, at.Path, name)
	near := option.DidYouMean(name, at.Names()) != ""
	hint := report.FromNixOS(at.Path.With(name), near)
	if hint == "" && (at == e.root || inEntry) {
		hint = report.Elsewhere(name)
	}
	if hint == "" {
		hint = report.Synonym(at.Path.With(name))
	}
	if hint != "" {
		detail = at.Missing(at.Path, name) + " " + hint
	}
	e.fail(&rng, "Unknown option", detail)
}

// computedGroup reports a value where options must be written out.
func (e *evaluator) computedGroup(n *option.Node, expr hcl.Expression) {
	name := n.Path[len(n.Path)-1]
	switch v, diags := expr.Value(nil); {
	case diags.HasErrors() || v.CanIterateElements():
		e.fail(expr.Range().Ptr(), "Computed group", fmt.Sprintf("%s is a group of options, and the set options must be known without evaluation: write out each option with its value.", n.Path))
	case n.Children["enable"] != nil:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { enable = %s }.", n.Path, name, option.Text(v)))
	default:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { ... } with options inside.", n.Path, name))
	}
}

// reword puts what hcl says into the terms of the language.
func (e *evaluator) reword(expr hcl.Expression, d *hcl.Diagnostic, gone []absence) *hcl.Diagnostic {
	if d.Subject == nil {
		return d
	}
	switch d.Summary {
	case "Unsupported attribute", "Invalid index":
		return e.rewordRead(expr, d, gone)
	case "Unknown variable":
		e.rewordVariable(d)
	case "Call to unknown function":
		e.rewordFunction(d)
	case "Error in function call":
		if call, ok := d.Extra.(hclsyntax.FunctionCallDiagExtra); ok && call.FunctionCallError() != nil {
			d.Summary = call.CalledFunctionName() + "() failed"
			d.Detail = report.Capital(report.Sentence(call.FunctionCallError()))
		}
	case "Ambiguous attribute key":
		d.Detail = `Write a key with dots in quotes: "net.ipv4.ip_forward" = 1.`
	case "Invalid operand", "Invalid function argument", "Invalid template interpolation value":
		d.Detail = strings.NewReplacer("have tuple", "have a list", "have object", "have a map").Replace(d.Detail)
		if strings.Contains(d.Detail, "number required, but have") {
			d.Detail += " + adds numbers; join lists with concat(a, b), maps with merge(a, b), text with \"${a}${b}\"."
		}
	}
	return d
}

// rewordRead explains a read of something that does not exist.
func (e *evaluator) rewordRead(expr hcl.Expression, d *hcl.Diagnostic, gone []absence) *hcl.Diagnostic {
	for _, a := range gone {
		if covers(a.rng, *d.Subject) || covers(*d.Subject, a.rng) {
			return e.unknownEntry(a.node, a.path, a.key, a.rng)
		}
	}
	if splat(expr) {
		d.Detail = "[*] is for lists, and a map has no order: write values(MAP)[*].NAME or [for name, entry in MAP : entry.NAME]."
		return d
	}
	of, key, what := e.lookup(d)
	of, _ = of.Unmark()
	name, isKey := option.KeyString(key)
	switch {
	case of == cty.NilVal || !isKey || of.IsNull() || !of.IsKnown():
		return d
	case of.Type().IsTupleType() || of.Type().IsListType():
		d.Detail = fmt.Sprintf("%s has %d elements, counted from 0: none is at %s.", what, of.LengthInt(), name)
		return d
	case !of.Type().IsObjectType() && !of.Type().IsMapType():
		return d
	}
	if n, taken := e.root.Find(option.Path(strings.Split(what, ".")[1:])); strings.HasPrefix(what, "config.") && n.Entry != nil && taken == strings.Count(what, ".") {
		return e.unknownEntry(n, n.Path, name, *d.Subject)
	}
	known := sortedKeys(of.AsValueMap())
	hint := option.DidYouMean(name, known)
	switch what {
	case "each":
		known = []string{"key", "value", "parent"}
		if hint = option.DidYouMean(name, known); name == "parent" {
			known, hint = []string{"key", "value"}, " each.parent exists only if one for_each is inside another."
		}
	case "args":
		hint += fmt.Sprintf(" Set args in flake.hcl, for all hosts, a template or one host: args { %s = ... }.", name)
	}
	d.Summary = "Unknown name"
	d.Detail = fmt.Sprintf("%s has no %q.%s", what, name, hint)
	if len(known) > 0 && len(known) <= 12 && !strings.Contains(hint, "Did you") {
		d.Detail += fmt.Sprintf(" It has %s.", strings.Join(known, ", "))
	}
	return d
}

func (e *evaluator) unknownEntry(n *option.Node, p option.Path, key string, at hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Unknown entry", Subject: &at,
		Detail: fmt.Sprintf("Nothing declares %s.%s Declare it: %s %q { ... }.", p.With(key), option.DidYouMean(key, e.keysOfMap(n, p)), p, key),
	}
}

// lookup is the read that a diagnostic is about: the value, its key, and how the
// value is written.
func (e *evaluator) lookup(d *hcl.Diagnostic) (of, key cty.Value, what string) {
	steps := func(t hcl.Traversal, before func(hcl.Traversal) (cty.Value, hcl.Diagnostics)) {
		for i, step := range t {
			if step.SourceRange() != *d.Subject {
				continue
			}
			if name, ok := stepKey(step); ok {
				key = cty.StringVal(name)
			}
			of, _ = before(t[:i])
		}
	}
	switch x := d.Expression.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		steps(x.Traversal, func(t hcl.Traversal) (cty.Value, hcl.Diagnostics) { return t.TraverseAbs(d.EvalContext) })
	case *hclsyntax.RelativeTraversalExpr:
		source, _ := x.Source.Value(d.EvalContext)
		steps(x.Traversal, func(t hcl.Traversal) (cty.Value, hcl.Diagnostics) { return t.TraverseRel(source) })
	case *hclsyntax.IndexExpr:
		of, _ = x.Collection.Value(d.EvalContext)
		key, _ = x.Key.Value(d.EvalContext)
	default:
		return cty.NilVal, cty.NilVal, ""
	}
	return of, key, e.textOf(hcl.Range{Filename: d.Subject.Filename, Start: d.Expression.Range().Start, End: d.Subject.Start})
}

// textOf is the text of a range in its file.
func (e *evaluator) textOf(r hcl.Range) string {
	text, ok := e.fleet.text(r)
	if !ok {
		return "this"
	}
	return text
}

func (e *evaluator) rewordVariable(d *hcl.Diagnostic) {
	name := e.textOf(*d.Subject)
	roots := []string{"args", "config", "each", "host", "input", "local", "self"}
	x, ok := d.Expression.(*hclsyntax.ScopeTraversalExpr)
	alone := ok && len(x.Traversal) == 1
	before := hcl.Range{Filename: d.Subject.Filename, Start: hcl.Pos{Byte: max(0, d.Subject.Start.Byte-2)}, End: d.Subject.Start}
	d.Summary = "Unknown name"
	switch hint := option.DidYouMean(name, roots); {
	case name == "each":
		d.Detail = "each is the element of a for_each, and exists only in a block that has one."
	case name == "self":
		d.Detail = "self is the entry of a map, and exists only inside one, such as user \"ada\" { ... }."
	case alone && e.textOf(before) == "${":
		d.Detail = fmt.Sprintf("Nothing is called %q here. For a shell's own ${%s} write $${%s}, or move the text to a file and use source or file().", name, name, name)
	case alone && (name == "yes" || name == "on"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. A bool is true or false: write true.", name)
	case alone && (name == "no" || name == "off"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. A bool is true or false: write false.", name)
	case alone && report.OtherLiterals()[strings.ToLower(name)] != "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. Write %s.", name, report.OtherLiterals()[strings.ToLower(name)])
	case e.validates(*d.Subject) && !alone && (name == "var" || name == "self"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. In a validation, value is the value that it checks.", name)
	case !alone && report.OtherRoots()[name] != "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. %s", name, report.OtherRoots()[name])
	case !alone && e.root.Children[name] != nil:
		d.Detail = fmt.Sprintf("Nothing is called %q here. Read options from config: config.%s.", name, name)
	case alone && hint == "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. Write text in quotes: %q.", name, name)
	default:
		d.Detail = fmt.Sprintf("Nothing is called %q here.%s An expression reads config, args, host, input and local.", name, hint)
	}
}

// validates reports whether a place is in a validation.
func (e *evaluator) validates(at hcl.Range) bool {
	f := e.fleet.file(at.Filename)
	if f == nil {
		return false
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return false
	}
	for _, b := range body.Blocks {
		// hcl gives the place of a block's head, and of its body.
		if whole := hcl.RangeBetween(b.TypeRange, b.Body.Range()); b.Type == "option" && covers(whole, at) {
			return slices.ContainsFunc(b.Body.Blocks, func(v *hclsyntax.Block) bool {
				return v.Type == "validation" && covers(hcl.RangeBetween(v.TypeRange, v.Body.Range()), at)
			})
		}
	}
	return false
}

func (e *evaluator) rewordFunction(d *hcl.Diagnostic) {
	name := e.textOf(*d.Subject)
	var known []string
	for ctx := d.EvalContext; ctx != nil; ctx = ctx.Parent() {
		known = append(known, sortedKeys(ctx.Functions)...)
	}
	modifiers := []string{"default", "force", "before", "after", "without"}
	hint := option.DidYouMean(name, append(known, modifiers...))
	d.Summary = "Unknown function"
	switch name {
	case "mkForce", "mkDefault", "mkBefore", "mkAfter":
		hint = fmt.Sprintf(" It is called %s(...) here.", strings.ToLower(name[2:]))
	case "mkIf", "optional", "optionals", "optionalString":
		hint = " Write when = ... in the block, or COND ? VALUE : null."
	case "mkMerge":
		hint = " Definitions of several blocks and files merge by themselves."
	case "env", "getenv", "timestamp", "uuid", "pathexpand", "plantimestamp":
		hint = " Evaluation reads no clock, no environment and no home folder, so that the result is the same everywhere. Put the differences between hosts into args in flake.hcl."
	case "secret_placeholder":
		hint = " Write config.secret.NAME.placeholder."
	}
	d.Detail = fmt.Sprintf("There is no function called %q.%s", name, hint)
	if slices.Contains(modifiers, name) {
		d.Summary = "Misplaced " + name
		d.Detail = name + "() is syntax, not a function: use it where a value is defined, as the whole value, an element, or a branch of ?:, and not inside another expression."
	}
}

package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/library"
)

// outermost reports what may not stand in a block.
func (e *evaluator) outermost(at hcl.Range, name string) {
	e.fail(&at, "Misplaced "+name, name+" stands at the top of a file, in no block.")
}

// unknownChild reports a name that is no option, with what people who come
// from elsewhere may have meant.
func (e *evaluator) unknownChild(at *option.Node, name string, rng hcl.Range) {
	inEntry := len(at.Path) > 0 && at.Path[len(at.Path)-1] == option.Any
	switch {
	case option.Reserved(name, true) && !meta(name) && name != "config":
		e.outermost(rng, name)
		return
	case meta(name):
		e.fail(&rng, "Misplaced "+name, fmt.Sprintf("%s works in blocks; in the form NAME = { ... } every key is data. Write a block: NAME { %s = ... }.", name, name))
		return
	}
	detail := at.Unknown(e.root, at.Path, name)
	if hint := elsewhere(name); hint != "" && (at == e.root || inEntry) {
		detail += " " + hint
	}
	near := option.DidYouMean(name, at.Names()) != ""
	if hint := fromNixOS(at.Path.With(name), near); hint != "" {
		detail = at.Missing(at.Path, name) + " " + hint
	}
	e.fail(&rng, "Unknown option", detail)
}

// fromNixOS is what leads on where a path is NixOS's: the nearest name here is
// mostly not what is meant. What holds of any name holds of none that is near.
func fromNixOS(p option.Path, near bool) string {
	plain := func(p option.Path) string { return strings.ToLower(strings.ReplaceAll(p.String(), "_", "")) }
	names := library.Elsewhere()
	if hint := names[plain(p)]; hint != "" || near || len(p) != 2 || p[1] == "name" {
		return hint
	}
	return names[plain(p[:1])+".*"]
}

// elsewhere is what goes by another name in Terraform.
func elsewhere(name string) string {
	switch name {
	case "variable":
		return "What hosts differ in is args { ... } in flake.hcl, and what other files may set is option \"NAME\" { ... }."
	case "resource":
		return "The type is the block's name: write user \"ada\" { ... }."
	case "local", "let":
		return "The block is called locals."
	case "import", "include", "includes", "require", "requires":
		return `Other files are named at the top: imports = ["./FILE.hcl"].`
	case "modules":
		return `A module names others in imports = ["./FILE.hcl"]; modules = [...] stands in flake.hcl.`
	case "config":
		return "It is a block, config { ... }, for what holds on a condition; what always holds stands at the top, without it."
	case "args", "host", "input", "template", "export":
		return fmt.Sprintf("%s blocks stand in flake.hcl.", name)
	case "inputs":
		return `Each input is a block of flake.hcl: input "NAME" { url = "..." }.`
	case "terraform", "required_providers":
		return "There is nothing to declare of hostctl itself: leave it out."
	case "options":
		return "Each option is declared by a block, option \"NAME\" { type = ... }."
	case "module":
		return "Modules are named in imports = [...], or in the modules of flake.hcl."
	case "provider":
		return "There are no providers; where packages come from is said by the inputs of flake.hcl."
	case "data":
		return "There are no data blocks; input, host and args are read in expressions."
	case "output":
		return "What another flake may take is said by export { ... } in flake.hcl."
	case "text":
		return `Write content = "..." for text, or source = "./FILE" for a file of the flake.`
	case "password":
		return "Write hashed_password_file = config.secret.NAME.path: no password stands in a configuration."
	}
	return ""
}

// computedGroup reports a value where options are to be written out.
func (e *evaluator) computedGroup(n *option.Node, expr hcl.Expression) {
	name := n.Path[len(n.Path)-1]
	switch v, diags := expr.Value(nil); {
	case diags.HasErrors() || v.CanIterateElements():
		e.fail(expr.Range().Ptr(), "Computed group", fmt.Sprintf("%s is a group of options, and which of them are set must be plain to see: write its options out, each with its value.", n.Path))
	case n.Children["enable"] != nil:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { enable = %s }.", n.Path, name, option.Text(v)))
	default:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { ... } with options in it.", n.Path, name))
	}
}

// reword says in terms of the language what hcl says in its own.
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
			d.Detail = capital(sentence(call.FunctionCallError()))
		}
	case "Ambiguous attribute key":
		d.Detail = `A key that holds dots is written in quotes: "net.ipv4.ip_forward" = 1.`
	case "Invalid operand", "Invalid function argument", "Invalid template interpolation value":
		d.Detail = strings.NewReplacer("have tuple", "have a list", "have object", "have a map").Replace(d.Detail)
		if strings.Contains(d.Detail, "number required, but have") {
			d.Detail += " + adds numbers; lists are joined by concat(a, b), maps by merge(a, b), text by \"${a}${b}\"."
		}
	}
	return d
}

// capital starts a sentence, unless a name of the configuration starts it.
func capital(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, ":(./[@") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// rewordRead explains a read of what is not there.
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
		d.Detail = fmt.Sprintf("%s has %d elements, counted from 0: there is none at %s.", what, of.LengthInt(), name)
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
			known, hint = []string{"key", "value"}, " each.parent exists where one for_each stands in another."
		}
	case "args":
		hint += fmt.Sprintf(" Args are given in flake.hcl, for all hosts, a template or one host: args { %s = ... }.", name)
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

// lookup is the read that a diagnostic is about: of what value, which key of
// it, and how the value is written.
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

// textOf is a range as it stands in its file.
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
		d.Detail = "each is the element of a for_each, and stands only in a block that has one."
	case name == "self":
		d.Detail = "self is the entry of a map, and stands only in one, such as user \"ada\" { ... }."
	case alone && e.textOf(before) == "${":
		d.Detail = fmt.Sprintf("Nothing is called %q here. For a shell's own ${%s} write $${%s}, or move the text to a file and use source or file().", name, name, name)
	case alone && (name == "yes" || name == "on"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. A switch is true or false: write true.", name)
	case alone && (name == "no" || name == "off"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. A switch is true or false: write false.", name)
	case alone && otherLiterals()[strings.ToLower(name)] != "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. Write %s.", name, otherLiterals()[strings.ToLower(name)])
	case e.validates(*d.Subject) && !alone && (name == "var" || name == "self"):
		d.Detail = fmt.Sprintf("Nothing is called %q here. A validation reads the value that it checks as value.", name)
	case !alone && otherRoots()[name] != "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. %s", name, otherRoots()[name])
	case !alone && e.root.Children[name] != nil:
		d.Detail = fmt.Sprintf("Nothing is called %q here. Options are read from config: config.%s.", name, name)
	case alone && hint == "":
		d.Detail = fmt.Sprintf("Nothing is called %q here. Text is written in quotes: %q.", name, name)
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
		// hcl says where a block's head is, and where its body.
		if whole := hcl.RangeBetween(b.TypeRange, b.Body.Range()); b.Type == "option" && covers(whole, at) {
			return slices.ContainsFunc(b.Body.Blocks, func(v *hclsyntax.Block) bool {
				return v.Type == "validation" && covers(hcl.RangeBetween(v.TypeRange, v.Body.Range()), at)
			})
		}
	}
	return false
}

// otherLiterals are what other languages call the values that have names.
func otherLiterals() map[string]string {
	return map[string]string{"true": "true", "false": "false", "none": "null", "nil": "null", "null": "null", "undefined": "null"}
}

// otherRoots are what Terraform and NixOS read values from.
func otherRoots() map[string]string {
	return map[string]string{
		"var":  "What hosts differ in is given in flake.hcl, args { NAME = ... }, and read as args.NAME; options are read as config.PATH.",
		"data": "There are no data blocks; input, host and args are read.", "module": "What other files set is read as config.PATH.",
		"pkgs": `A package is a string with its name: "git".`, "lib": "Functions have plain names, such as concat(a, b).",
		"builtins": "Functions have plain names, such as length(a).", "path": `Paths are relative to the file that says them: "./FILE".`,
		"locals": "It is read as local.NAME.",
	}
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
		hint = fmt.Sprintf(" Here it is called %s(...).", strings.ToLower(name[2:]))
	case "mkIf", "optional", "optionals", "optionalString":
		hint = " Write when = ... in the block, or COND ? VALUE : null."
	case "mkMerge":
		hint = " Definitions of several blocks and files merge by themselves."
	case "env", "getenv", "timestamp", "uuid", "pathexpand", "plantimestamp":
		hint = " Evaluation reads no clock, no environment and no home folder, so that it gives the same everywhere. What hosts differ in is args in flake.hcl."
	case "secret_placeholder":
		hint = " Write config.secret.NAME.placeholder."
	}
	d.Detail = fmt.Sprintf("There is no function called %q.%s", name, hint)
	if slices.Contains(modifiers, name) {
		d.Summary = "Misplaced " + name
		d.Detail = name + "() is syntax, not a function: it stands where a value is defined, as the whole value, an element, or a branch of ?:, and not inside another expression."
	}
}

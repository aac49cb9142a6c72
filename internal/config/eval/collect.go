package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
)

// block is a block with definitions, as written. Its instances (one, or one per
// element of for_each) are made on demand.
type block struct {
	mod     *module
	parent  *block
	rng     hcl.Range
	entry   *option.Node // the entry node, where the block makes an entry of a map
	label   string       // fixed key
	name    hcl.Expression
	when    hcl.Expression
	forEach hcl.Expression
	depth   int         // how many blocks above make entries
	names   []hcl.Range // of the groups around it, up to the entry that contains them
}

// rawDef is a definition before evaluation.
type rawDef struct {
	node  *option.Node
	block *block
	expr  hcl.Expression // nil: an empty block, {}
	sub   []string       // keys below the option that blocks spell out
	mod   modifiers
	rng   hcl.Range
}

type modifiers struct {
	priority option.Priority
	place    option.Place
	remove   bool
}

// check is an assert or warn block.
type check struct {
	block    *block
	name     string
	severity hcl.DiagnosticSeverity
	cond     hcl.Expression
	message  hcl.Expression
	rng      hcl.Range
}

func plainly() modifiers { return modifiers{priority: option.Plain} }

// collect finds every definition of a module without evaluating anything: all
// keys above an option are literal (language rule 13).
func (e *evaluator) collect(m *module) {
	e.meter.Reads(m.name)
	e.walk(m.body, e.root, m.root)
}

func (e *evaluator) walk(body *hclsyntax.Body, at *option.Node, b *block) {
	top := at == e.root
	for _, a := range sortedAttributes(body) {
		switch {
		case e.halted(a.NameRange):
			return
		case meta(a.Name) && b.parent == nil:
			e.fail(a.NameRange.Ptr(), "Misplaced "+a.Name, fmt.Sprintf("%s belongs in a block: config { %s = ... }.", a.Name, a.Name))
			continue
		case top && a.Name == "imports" && b.parent != nil:
			e.outermost(a.NameRange, a.Name)
			continue
		case meta(a.Name) || top && a.Name == "imports" || a.Name == "name" && b.entry == at:
			continue
		}
		if child := e.child(at, a.Name, b, a.NameRange); child != nil {
			e.define(child, a.Expr, b, plainly(), a.SrcRange)
		}
	}
	for _, inner := range body.Blocks {
		if e.halted(inner.TypeRange) {
			return
		}
		if top {
			switch inner.Type {
			case "locals", "option", "function", "moved":
				if b.parent != nil {
					e.outermost(inner.TypeRange, inner.Type)
				}
				continue
			case "config":
				if nb := e.newBlock(inner, b, nil); nb != nil {
					e.walk(inner.Body, at, nb)
				}
				continue
			case "assert", "warn":
				e.addCheck(inner, b)
				continue
			}
			if !e.incomplete && e.typed(inner) {
				continue
			}
		}
		if child := e.child(at, inner.Type, b, inner.TypeRange); child != nil {
			e.walkBlock(inner, child, b)
		}
	}
}

func meta(name string) bool { return name == "when" || name == "for_each" }

func sortedAttributes(body *hclsyntax.Body) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, a := range body.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.SrcRange.Start.Byte, b.SrcRange.Start.Byte)
	})
	return out
}

// child is the option, group or map called name below at.
func (e *evaluator) child(at *option.Node, name string, b *block, rng hcl.Range) *option.Node {
	c := at.Children[name]
	if c == nil || at.Former {
		var ok bool
		if c, ok = e.follow(at, name, rng, b.written(at, rng), false); ok && c == nil {
			return nil
		}
	}
	if c != nil {
		e.touch(c)
		return c
	}
	if !e.incomplete {
		e.unknownChild(at, name, rng)
	}
	return nil
}

// written lists where the elements of the path of a child of at, after its last
// *, are written; rng is the last. It is nil if some are in an object literal.
func (b *block) written(at *option.Node, rng hcl.Range) []hcl.Range {
	if len(b.names) != len(at.Path)-starred(at.Path) {
		return nil
	}
	return append(slices.Clip(b.names), rng)
}

// touch notes that something defines n and activates the library module
// that declares it.
func (e *evaluator) touch(n *option.Node) {
	e.touched[n] = true
	if n.IsOption() && n.Library != "" {
		e.activate(n.Library)
	}
}

func (e *evaluator) walkBlock(b *hclsyntax.Block, n *option.Node, parent *block) {
	switch {
	case n.Children != nil:
		if len(b.Labels) > 0 {
			e.fail(b.LabelRanges[0].Ptr(), "Unexpected label", fmt.Sprintf("%s is a group, not a map: write %s.", n.Path, e.unlabelled(n, b.Labels)))
			return
		}
		if nb := e.newBlock(b, parent, nil); nb != nil {
			nb.names = append(slices.Clip(nb.names), b.TypeRange)
			e.walk(b.Body, n, nb)
		}
	case n.Entry != nil:
		nb := e.newBlock(b, parent, n.Entry)
		if nb == nil {
			return
		}
		e.entries[n] = e.entries[n].grown(nb)
		e.touched[n.Entry] = true
		if n.Entry.IsOption() {
			e.walkData(b.Body, n.Entry, nb, nil)
			return
		}
		e.walk(b.Body, n.Entry, nb)
	default:
		if nb := e.newBlock(b, parent, nil); nb != nil {
			e.walkData(b.Body, n, nb, b.Labels)
		}
	}
}

// unlabelled is what a group with labels was probably meant to be: the map whose
// name is its singular, the option or group below it, or one of its options.
func (e *evaluator) unlabelled(n *option.Node, labels []string) string {
	outer, _ := e.root.Find(n.Path[:len(n.Path)-1])
	name := n.Path[len(n.Path)-1]
	if one := strings.TrimSuffix(name, "s"); outer.Children[one] != nil && outer.Children[one].Entry != nil {
		return fmt.Sprintf("%s %q { ... }", one, labels[0])
	}
	if n.Children[labels[0]] != nil {
		return fmt.Sprintf("%s { %s { ... } }", n.Path, labels[0])
	}
	return fmt.Sprintf("%s { ... }, without a label", name)
}

// typed reports Terraform's resource block, whose labels are the name and the
// label of a block here.
func (e *evaluator) typed(b *hclsyntax.Block) bool {
	if b.Type != "resource" || len(b.Labels) != 2 || e.root.Children[b.Labels[0]] == nil || e.root.Children[b.Labels[0]].Entry == nil {
		return false
	}
	kind, name := b.Labels[0], b.Labels[1]
	if kind == "file" && !strings.HasPrefix(name, "/") {
		name = "/etc/" + name
	}
	e.fail(&b.TypeRange, "Unknown option", fmt.Sprintf("There is no option \"resource\" at the top. The type is the block's name, and the name its label: write %s %q { ... }.", kind, name))
	return true
}

// walkData reads a block that spells out the value of a map or an object.
func (e *evaluator) walkData(body *hclsyntax.Body, n *option.Node, b *block, sub []string) {
	attrs := sortedAttributes(body)
	if len(attrs) == 0 && len(body.Blocks) == 0 {
		e.addDef(&rawDef{node: n, block: b, sub: sub, mod: plainly(), rng: b.rng})
	}
	for _, a := range attrs {
		if !meta(a.Name) {
			e.addDef(&rawDef{node: n, block: b, expr: a.Expr, sub: append(slices.Clip(sub), a.Name), mod: plainly(), rng: a.SrcRange})
		}
	}
	for _, inner := range body.Blocks {
		if nb := e.newBlock(inner, b, nil); nb != nil {
			e.walkData(inner.Body, n, nb, append(append(slices.Clip(sub), inner.Type), inner.Labels...))
		}
	}
}

func (e *evaluator) addDef(d *rawDef) {
	e.defs[d.node] = e.defs[d.node].grown(d)
	if d.expr == nil || d.block.mod.source.Layer == option.Library {
		return
	}
	for b := d.block; b != nil; b = b.parent {
		if b.entry != nil {
			e.checkSelf(d.expr, b.entry)
			return
		}
	}
}

// newBlock reads a block's own arguments (language rules 4, 6).
func (e *evaluator) newBlock(b *hclsyntax.Block, parent *block, entry *option.Node) *block {
	nb := &block{mod: parent.mod, parent: parent, rng: b.DefRange(), entry: entry, depth: parent.depth}
	if parent.entry != nil {
		nb.depth++
	}
	if a := b.Body.Attributes["when"]; a != nil {
		nb.when = a.Expr
	}
	if a := b.Body.Attributes["for_each"]; a != nil {
		nb.forEach = a.Expr
	}
	if entry == nil {
		nb.names = parent.names
		return nb
	}
	name := b.Body.Attributes["name"]
	switch {
	case len(b.Labels) > 1:
		e.fail(b.LabelRanges[1].Ptr(), "Unexpected label", fmt.Sprintf("An entry of %s has one label, its name: write one block for each.", entry.Path[:len(entry.Path)-1]))
		return nil
	case len(b.Labels) == 1 && (name != nil || nb.forEach != nil):
		e.fail(b.DefRange().Ptr(), "Two names", fmt.Sprintf("The label %q is the entry's name, so the block takes neither name nor for_each: remove them, or the label.", b.Labels[0]))
		return nil
	case len(b.Labels) == 1:
		nb.label = b.Labels[0]
	case name != nil:
		nb.name = name.Expr
	case nb.forEach == nil:
		e.fail(b.DefRange().Ptr(), "Missing name", fmt.Sprintf("An entry of %s needs a name: write %s \"NAME\" { ... }, or name = ... or for_each = ... in the block.", entry.Path[:len(entry.Path)-1], b.Type))
		return nil
	}
	return nb
}

func (e *evaluator) addCheck(b *hclsyntax.Block, parent *block) {
	if len(b.Labels) != 1 {
		e.fail(b.DefRange().Ptr(), "Wrong labels", fmt.Sprintf(`%s takes one label, its name: %s "NAME" { condition, message }.`, b.Type, b.Type))
		return
	}
	nb := e.newBlock(b, parent, nil)
	known := []string{"condition", "message", "when", "for_each"}
	fine := true
	for _, a := range sortedAttributes(b.Body) {
		if !slices.Contains(known, a.Name) {
			hint := option.DidYouMean(a.Name, known)
			if a.Name == "error_message" {
				hint = ` Did you mean "message"?`
			}
			e.fail(a.NameRange.Ptr(), "Unknown argument", fmt.Sprintf("%s takes condition and message, not %q.%s", b.Type, a.Name, hint))
			fine = false
		}
	}
	for _, inner := range b.Body.Blocks {
		e.fail(inner.TypeRange.Ptr(), "Unknown block", fmt.Sprintf("%s takes condition and message, and no blocks.", b.Type))
		fine = false
	}
	cond, message := b.Body.Attributes["condition"], b.Body.Attributes["message"]
	switch {
	case !fine:
	case cond == nil:
		e.fail(b.DefRange().Ptr(), "Missing condition", fmt.Sprintf("%s %q needs a condition that is true if all is well.", b.Type, b.Labels[0]))
	case message == nil:
		e.fail(b.DefRange().Ptr(), "Missing message", fmt.Sprintf("%s %q needs a message to show if its condition is false.", b.Type, b.Labels[0]))
	default:
		c := &check{block: nb, name: b.Labels[0], severity: hcl.DiagError, cond: cond.Expr, message: message.Expr, rng: b.DefRange()}
		if b.Type == "warn" {
			c.severity = hcl.DiagWarning
		}
		e.checks = append(e.checks, c)
	}
}

// define takes the form name = EXPR.
func (e *evaluator) define(n *option.Node, expr hcl.Expression, b *block, mod modifiers, rng hcl.Range) {
	if n.IsOption() {
		e.addDef(&rawDef{node: n, block: b, expr: expr, mod: mod, rng: rng})
		return
	}
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		e.define(n, x.Expression, b, mod, rng)
		return
	case *hclsyntax.FunctionCallExpr:
		if inner, m, ok := e.modifier(x, mod); ok {
			e.defineModified(n, inner, b, m, rng)
			return
		}
	case *hclsyntax.ObjectConsExpr:
		e.defineObject(n, x, b, mod)
		return
	}
	if isNull(expr) {
		return
	}
	if n.Children != nil && !belowMap(n) {
		e.computedGroup(n, expr)
		return
	}
	if x, ok := expr.(*hclsyntax.ConditionalExpr); ok {
		yes, no := b.split(x)
		e.define(n, x.TrueResult, yes, mod, x.TrueResult.Range())
		e.define(n, x.FalseResult, no, mod, x.FalseResult.Range())
		return
	}
	e.addDynamic(n, &rawDef{node: n, block: b, expr: expr, mod: mod, rng: rng})
}

// split turns a ?: into two blocks, one of which is open. Evaluation skips the
// branch that is not taken, and the other keeps the types of its values.
func (b *block) split(x *hclsyntax.ConditionalExpr) (yes, no *block) {
	depth := b.depth
	if b.entry != nil {
		depth++
	}
	yes = &block{mod: b.mod, parent: b, rng: x.TrueResult.Range(), depth: depth, when: x.Condition, names: b.names}
	no = &block{mod: b.mod, parent: b, rng: x.FalseResult.Range(), depth: depth, names: b.names}
	no.when = &hclsyntax.UnaryOpExpr{Op: hclsyntax.OpLogicalNot, Val: x.Condition, SrcRange: x.Condition.Range(), SymbolRange: x.Condition.StartRange()}
	return yes, no
}

func belowMap(n *option.Node) bool { return slices.Contains(n.Path, option.Any) }

// addDynamic records a definition whose keys only evaluation knows. It may define
// any option below, so every library module that declares one acts.
func (e *evaluator) addDynamic(n *option.Node, d *rawDef) {
	e.dynamic[n] = append(e.dynamic[n], d)
	n.Walk(func(o *option.Node) {
		if o.Library != "" {
			e.activate(o.Library)
		}
	})
}

func (e *evaluator) defineModified(n *option.Node, expr hcl.Expression, b *block, mod modifiers, rng hcl.Range) {
	if n.Entry == nil {
		if mod.remove {
			e.fail(&rng, "Nothing to remove", fmt.Sprintf("%s is a group of options; use without() on the options in it.", n.Path))
			return
		}
		e.define(n, expr, b, mod, rng)
		return
	}
	if mod.remove || mod.priority == option.Force {
		e.cuts[n] = append(e.cuts[n], &rawDef{node: n, block: b, expr: expr, mod: mod, rng: rng})
	}
	if !mod.remove {
		e.define(n, expr, b, mod, rng)
	}
}

func (e *evaluator) defineObject(n *option.Node, x *hclsyntax.ObjectConsExpr, b *block, mod modifiers) {
	seen := map[string]bool{}
	for _, item := range x.Items {
		key, literal := literalKey(item.KeyExpr)
		if literal && seen[key] {
			e.givenTwice(item.KeyExpr, key)
			continue
		}
		seen[key] = literal
		if n.Entry != nil {
			e.defineEntry(n, item, b, mod)
			continue
		}
		if !literal {
			e.fail(item.KeyExpr.Range().Ptr(), "Computed key", fmt.Sprintf("%s is a group of options: its keys must be plain names, so that the set options are known without evaluation.", n.Path))
			continue
		}
		if c := e.child(n, key, b, item.KeyExpr.Range()); c != nil {
			e.define(c, item.ValueExpr, b, mod, hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()))
		}
	}
}

func (e *evaluator) defineEntry(n *option.Node, item hclsyntax.ObjectConsItem, b *block, mod modifiers) {
	switch x := item.ValueExpr.(type) {
	case *hclsyntax.ParenthesesExpr:
		item.ValueExpr = x.Expression
		e.defineEntry(n, item, b, mod)
		return
	case *hclsyntax.ConditionalExpr:
		yes, no := b.split(x)
		item.ValueExpr = x.TrueResult
		e.defineEntry(n, item, yes, mod)
		item.ValueExpr = x.FalseResult
		e.defineEntry(n, item, no, mod)
		return
	case *hclsyntax.FunctionCallExpr:
		if inner, m, ok := e.modifier(x, mod); ok && m.priority == option.Force && isNull(inner) {
			m.remove = true // of the definition that makes it
			e.cuts[n] = append(e.cuts[n], &rawDef{node: n, block: b, expr: item.KeyExpr, mod: m, rng: x.Range()})
			return
		}
	}
	if isNull(item.ValueExpr) {
		return
	}
	nb := &block{mod: b.mod, parent: b, rng: item.KeyExpr.Range(), entry: n.Entry, depth: b.depth}
	if b.entry != nil {
		nb.depth++
	}
	key, literal := literalKey(item.KeyExpr)
	nb.label = key
	if !literal {
		nb.name = item.KeyExpr
	}
	e.entries[n] = e.entries[n].grown(nb)
	e.touched[n.Entry] = true
	e.define(n.Entry, item.ValueExpr, nb, mod, hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()))
}

func isNull(x hcl.Expression) bool {
	v, ok := x.(*hclsyntax.LiteralValueExpr)
	return ok && v.Val.IsNull()
}

// literalKey is the text of an object key that needs no evaluation.
func literalKey(expr hcl.Expression) (string, bool) {
	if k, ok := expr.(*hclsyntax.ObjectConsKeyExpr); ok {
		if kw := hcl.ExprAsKeyword(k); kw != "" && !k.ForceNonLiteral {
			return kw, true
		}
		if len(meter.Traversals(k)) > 0 {
			return "", false
		}
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String && v.Type() != cty.Number {
		return "", false
	}
	return option.KeyString(v)
}

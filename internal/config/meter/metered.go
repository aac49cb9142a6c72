package meter

import (
	"math/big"
	"reflect"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// metered is an expression whose every value is counted.
type metered struct {
	hclsyntax.Expression
	text bool    // it is part of a template
	box  bool    // only the length of its value is needed
	here located // the expression, for now
}

// UnwrapExpression lets hcl's static analysis see what was written.
func (m *metered) UnwrapExpression() hcl.Expression { return m.Expression }

// Value evaluates and counts.
func (m *metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	for c := ctx; c != nil; c = c.Parent() {
		if found, ok := c.Variables[meterName]; ok {
			count := found.EncapsulatedValue().(*Meter)
			count.now(&m.here)
			if count.spent() {
				count.spend(cty.True, m.Range())
			}
			v, diags := m.Expression.Value(ctx)
			if _, read := m.Expression.(*hclsyntax.ScopeTraversalExpr); read {
				count.spend(cty.True, m.Range()) // what exists already is not produced again
			} else {
				count.spend(v, m.Range())
			}
			if m.text {
				v = spelt(v)
			}
			if m.box {
				v = boxed(v)
			}
			return v, diags
		}
	}
	return m.Expression.Value(ctx)
}

// spelt is a whole number as the text that a template turns it into anyway. hcl
// writes out all 512 binary digits of a number, which takes a thousand times as
// long.
func spelt(v cty.Value) cty.Value {
	n, marks := v.Unmark()
	if n.Type() != cty.Number || n.IsNull() || !n.IsKnown() {
		return v
	}
	f := n.AsBigFloat()
	i, exact := f.Int64()
	if exact != big.Exact || i == 0 && f.Signbit() {
		return v
	}
	return cty.StringVal(strconv.FormatInt(i, 10)).WithMarks(marks)
}

// Wrap wraps, once for all hosts, the places of a file where one expression
// produces many or long values, or takes long: a loop's collection, condition and
// results, the arguments of functions, calls inside literals, and the parts of a
// template. It also makes == compare by element.
func Wrap(node hclsyntax.Node) {
	// The visitor reports nothing.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if m, ok := n.(*metered); ok {
			n = m.Expression
		}
		switch x := n.(type) {
		case *hclsyntax.ForExpr:
			x.CollExpr, x.ValExpr = meterOne(x.CollExpr, false), meterEach(x.ValExpr)
			if x.KeyExpr != nil {
				x.KeyExpr = meterOne(x.KeyExpr, false)
			}
			if x.CondExpr != nil {
				x.CondExpr = meterEach(x.CondExpr)
			}
		case *hclsyntax.SplatExpr:
			x.Each = meterEach(x.Each)
		case *hclsyntax.FunctionCallExpr:
			if !isModifier(x.Name) {
				for i, arg := range x.Args {
					x.Args[i] = meterOne(arg, false)
				}
			}
			if x.Name == "length" && len(x.Args) == 1 && !x.ExpandFinal {
				if m, ok := x.Args[0].(*metered); ok {
					m.box = true
				}
			}
		case *hclsyntax.BinaryOpExpr:
			byElement(x)
		case *hclsyntax.TemplateExpr:
			for i, part := range x.Parts {
				x.Parts[i] = meterOne(part, true)
			}
		case *hclsyntax.TupleConsExpr:
			for i, elem := range x.Exprs {
				x.Exprs[i] = meterCall(elem)
			}
		case *hclsyntax.ObjectConsExpr:
			for i := range x.Items {
				x.Items[i].ValueExpr = meterCall(x.Items[i].ValueExpr)
			}
		}
		return nil
	})
}

// boxed hides the elements of v from cty, which searches all elements of an
// argument for marks: with a thousand users, a thousand times a thousand of them.
func boxed(v cty.Value) cty.Value {
	return cty.CapsuleVal(cty.Capsule("box", reflect.TypeFor[cty.Value]()), &v)
}

// Unboxed is the value that boxed hid, or v.
func Unboxed(v cty.Value) cty.Value {
	if v.Type().IsCapsuleType() {
		if inner, ok := v.EncapsulatedValue().(*cty.Value); ok {
			return *inner
		}
	}
	return v
}

// meterCall leaves alone what may be the syntax of a definition.
func meterCall(x hclsyntax.Expression) hclsyntax.Expression {
	if call, ok := x.(*hclsyntax.FunctionCallExpr); ok && !isModifier(call.Name) {
		return meterOne(x, false)
	}
	return x
}

func meterOne(x hclsyntax.Expression, text bool) hclsyntax.Expression {
	switch x.(type) {
	case *hclsyntax.LiteralValueExpr, *metered:
		return x
	}
	return &metered{Expression: x, text: text, here: x}
}

// meterEach wraps what is evaluated for every element of something, even a
// literal, since it runs often.
func meterEach(x hclsyntax.Expression) hclsyntax.Expression {
	if _, ok := x.(*hclsyntax.LiteralValueExpr); ok {
		return &metered{Expression: x, here: x}
	}
	return meterOne(x, false)
}

// Written is the expression as written in the file.
func Written(x hcl.Expression) hcl.Expression {
	if m, ok := x.(*metered); ok {
		return m.Expression
	}
	return x
}

// WrittenNode is the node as written in the file.
func WrittenNode(n hclsyntax.Node) hclsyntax.Node {
	if m, ok := n.(*metered); ok {
		return m.Expression
	}
	return n
}

// Traversals are those of an expression that start outside it. hcl's Variables()
// lists the same, but does not see wrapped ones.
func Traversals(expr hcl.Expression) []hcl.Traversal {
	node, ok := expr.(hclsyntax.Node)
	if !ok {
		return expr.Variables()
	}
	w := &traversalWalker{}
	// The walker reports nothing.
	_ = hclsyntax.Walk(node, w)
	return w.found
}

type traversalWalker struct {
	found  []hcl.Traversal
	locals []map[string]struct{} // variables of the loops around
}

// Enter records a traversal whose root is not a loop's variable.
func (w *traversalWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if m, ok := n.(*metered); ok {
		n = m.Expression
	}
	switch x := n.(type) {
	case hclsyntax.ChildScope:
		w.locals = append(w.locals, x.LocalNames)
	case *hclsyntax.ScopeTraversalExpr:
		local := slices.ContainsFunc(w.locals, func(names map[string]struct{}) bool { _, ok := names[x.Traversal.RootName()]; return ok })
		if !local {
			w.found = append(w.found, x.Traversal)
		}
	}
	return nil
}

// Exit leaves the scope that Enter entered.
func (w *traversalWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(hclsyntax.ChildScope); ok {
		w.locals = w.locals[:len(w.locals)-1]
	}
	return nil
}

// isModifier reports the names of syntax that looks like a call.
func isModifier(name string) bool {
	switch name {
	case "force", "default", "before", "after", "without":
		return true
	}
	return false
}

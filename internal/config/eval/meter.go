package eval

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// budget bounds what the expressions of one host produce, in bytes of text and
// elementSize for every element: far above any real configuration, and low
// enough that the memory of the machine lasts (language rule 9). elementSize is what an
// element of a list takes at least, with its type.
const (
	budget      = 1 << 26
	elementSize = 128
)

// meterName is the variable that leads an expression to the meter of the host
// that it is evaluated for. It cannot be written.
const meterName = "(meter of this host)"

var errSpent = errors.New("too much is produced")

// meter counts for one host.
type meter struct {
	left  int
	at    hcl.Range // where it ran out
	watch *watch    // nil: there is no deadline
	here  atomic.Pointer[located]
}

// located is what evaluation is at: an expression, or a file.
type located interface{ Range() hcl.Range }

// atFile is the file of this name, which is being read.
type atFile string

// Range is the file's first line.
func (f atFile) Range() hcl.Range {
	return hcl.Range{Filename: string(f), Start: hcl.InitialPos, End: hcl.InitialPos}
}

// now notes what evaluation is at, for whoever ends it from outside, and
// returns what it was at.
func (m *meter) now(x *located) *located { return m.here.Swap(x) }

// reads notes that evaluation is at the file of this name.
func (m *meter) reads(name string) {
	file := located(atFile(name))
	m.now(&file)
}

// spent reports whether nothing more may be evaluated.
func (m *meter) spent() bool { return m.left < 0 || m.watch.excess() != nil }

// variable is how the functions and loops of a file find the meter.
func (m *meter) variable() map[string]cty.Value {
	return map[string]cty.Value{meterName: cty.CapsuleVal(cty.Capsule("meter", reflect.TypeFor[meter]()), m)}
}

// spend takes what a value comes to. It panics with errSpent when nothing is
// left: a loop must end at once, and hcl would go on to its last element.
func (m *meter) spend(v cty.Value, at hcl.Range) {
	if m.left >= 0 {
		m.left -= sizeOf(v, m.left)
		if m.spent() {
			m.left, m.at = -1, at
		}
	}
	if m.left < 0 {
		panic(errSpent)
	}
}

// sizeOf stops to count above limit.
func sizeOf(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown():
		return elementSize
	case t == cty.String:
		return elementSize + len(v.AsString())
	case t == cty.Number:
		// Written out, a number has as many digits as its exponent says, before the
		// point or after it.
		return elementSize + max(v.AsBigFloat().MantExp(nil), -v.AsBigFloat().MantExp(nil))
	case !v.CanIterateElements():
		return elementSize
	}
	size := elementSize
	keyed := t.IsObjectType() || t.IsMapType()
	for it := v.ElementIterator(); it.Next() && size <= limit; {
		k, e := it.Element()
		if keyed {
			size += len(k.AsString())
		}
		size += sizeOf(e, limit-size)
	}
	return size
}

// metered is an expression whose every value is counted.
type metered struct {
	hclsyntax.Expression
	text bool    // it is a part of a template
	box  bool    // its value is asked for its length alone
	here located // the expression, for now
}

// UnwrapExpression lets hcl's static analysis see what was written.
func (m *metered) UnwrapExpression() hcl.Expression { return m.Expression }

// Value evaluates and counts.
func (m *metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	for c := ctx; c != nil; c = c.Parent() {
		if found, ok := c.Variables[meterName]; ok {
			count := found.EncapsulatedValue().(*meter)
			count.now(&m.here)
			if count.spent() {
				count.spend(cty.True, m.Range())
			}
			v, diags := m.Expression.Value(ctx)
			if _, read := m.Expression.(*hclsyntax.ScopeTraversalExpr); read {
				count.spend(cty.True, m.Range()) // what is there already is not produced again
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

// spelt is a whole number as the text that a template makes of it anyway:
// hcl writes out the 512 binary digits that each of its numbers has, which
// takes a thousand times as long.
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

// meterAll wraps, once for all hosts, the places of a file at which one
// expression produces many values or long ones, or takes long: what a loop goes
// over, asks and yields, what a function is given, calls inside literals, and the
// parts of a template. It also makes == compare by element.
func meterAll(node hclsyntax.Node) {
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

// boxed hides the elements of v from cty, which looks for marks in all elements of
// what it gives a function: in every user of a thousand, at a thousand users.
func boxed(v cty.Value) cty.Value {
	return cty.CapsuleVal(cty.Capsule("box", reflect.TypeFor[cty.Value]()), &v)
}

// unboxed is what boxed was given, or v.
func unboxed(v cty.Value) cty.Value {
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

// meterEach wraps what is evaluated for every element of something: that costs
// also where it is a literal.
func meterEach(x hclsyntax.Expression) hclsyntax.Expression {
	if _, ok := x.(*hclsyntax.LiteralValueExpr); ok {
		return &metered{Expression: x, here: x}
	}
	return meterOne(x, false)
}

// written is the expression that stands in the file.
func written(x hcl.Expression) hcl.Expression {
	if m, ok := x.(*metered); ok {
		return m.Expression
	}
	return x
}

// traversals are those of an expression that start outside of it, as hcl's
// Variables() lists them, which sees none that is counted.
func traversals(expr hcl.Expression) []hcl.Traversal {
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

// Enter notes a traversal whose root is no loop's variable.
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

// Exit leaves the scope that Enter went into.
func (w *traversalWalker) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(hclsyntax.ChildScope); ok {
		w.locals = w.locals[:len(w.locals)-1]
	}
	return nil
}

// evaluate is the value of x, counted.
func (e *evaluator) evaluate(x hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	return e.counted(x, func() (cty.Value, hcl.Diagnostics) { return x.Value(ctx) })
}

// counted is what value makes of x, counted.
func (e *evaluator) counted(x hcl.Expression, value func() (cty.Value, hcl.Diagnostics)) (v cty.Value, diags hcl.Diagnostics) {
	here := located(x)
	defer e.meter.now(e.meter.now(&here))
	defer func() {
		if p := recover(); p != nil && p != errSpent { //nolint:errorlint // a panic's value, not a chain
			panic(p)
		}
		if e.meter.left < 0 {
			v, diags = cty.DynamicVal, hcl.Diagnostics{e.exhausted()}
		}
	}()
	if e.meter.spent() {
		e.meter.spend(cty.True, x.Range())
	}
	v, diags = value()
	e.meter.spend(v, x.Range())
	return v, diags
}

// halted reports whether nothing more is to be done: for what takes long without
// an expression, which at is the place of.
func (e *evaluator) halted(at hcl.Range) bool {
	over := e.meter.watch.excess()
	if over != nil && e.meter.left >= 0 {
		e.meter.left, e.meter.at = -1, at
		e.report(hcl.Diagnostics{over.diagnostic(&at)})
	}
	return over != nil
}

// checkExcess reports an evaluation that was asked to end where no expression
// has reported it.
func (e *evaluator) checkExcess() {
	over := e.meter.watch.excess()
	if over == nil || slices.ContainsFunc(e.diags, func(d *hcl.Diagnostic) bool { return d.Summary == over.summary }) {
		return
	}
	var at *hcl.Range
	if here := e.meter.here.Load(); here != nil {
		at = (*here).Range().Ptr()
	}
	e.report(hcl.Diagnostics{over.diagnostic(at)})
}

// exhausted says why nothing more is evaluated.
func (e *evaluator) exhausted() *hcl.Diagnostic {
	if over := e.meter.watch.excess(); over != nil {
		return over.diagnostic(e.meter.at.Ptr())
	}
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Too much is produced", Subject: e.meter.at.Ptr(),
		Detail: fmt.Sprintf("By this expression the configuration of this host comes to more than %d MB of text and elements; it is evaluated no further.", budget>>20),
	}
}

// isModifier reports the names of syntax that looks like a call.
func isModifier(name string) bool {
	switch name {
	case "force", "default", "before", "after", "without":
		return true
	}
	return false
}

// Package meter counts what the expressions of a host produce, and ends an
// evaluation that takes too long or too much memory. It knows expressions and
// values, and nothing of what they are about.
package meter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Budget bounds what the expressions of one host produce, in bytes of text and
// ElementSize for every element: far above any real configuration, and low
// enough that the memory of the machine lasts (language rule 9). ElementSize is what an
// element of a list takes at least, with its type.
const (
	Budget      = 1 << 26
	ElementSize = 128
)

// meterName is the variable that leads an expression to the meter of the host
// that it is evaluated for. It cannot be written.
const meterName = "(meter of this host)"

var errSpent = errors.New("too much is produced")

// Meter counts for one host.
type Meter struct {
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

// Begin gives what is evaluated from here on a whole budget and the bounds of
// ctx.
func (m *Meter) Begin(ctx context.Context) { m.left, m.watch = Budget, watchOf(ctx) }

// Enter notes that the evaluation of m runs, until leave.
func (m *Meter) Enter() { m.watch.enter(m) }

// Leave notes that the evaluation of m has ended.
func (m *Meter) Leave() { m.watch.leave(m) }

// now notes what evaluation is at, for whoever ends it from outside, and
// returns what it was at.
func (m *Meter) now(x *located) *located { return m.here.Swap(x) }

// Reads notes that evaluation is at the file of this name.
func (m *Meter) Reads(name string) {
	file := located(atFile(name))
	m.now(&file)
}

// spent reports whether nothing more may be evaluated.
func (m *Meter) spent() bool { return m.left < 0 || m.watch.excess() != nil }

// Variable is how the functions and loops of a file find the meter.
func (m *Meter) Variable() map[string]cty.Value {
	return map[string]cty.Value{meterName: cty.CapsuleVal(cty.Capsule("meter", reflect.TypeFor[Meter]()), m)}
}

// spend takes what a value comes to. It panics with errSpent when nothing is
// left: a loop must end at once, and hcl would go on to its last element.
func (m *Meter) spend(v cty.Value, at hcl.Range) {
	if m.left >= 0 {
		m.left -= SizeOf(v, m.left)
		if m.spent() {
			m.left, m.at = -1, at
		}
	}
	if m.left < 0 {
		panic(errSpent)
	}
}

// SizeOf stops to count above limit.
func SizeOf(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown():
		return ElementSize
	case t == cty.String:
		return ElementSize + len(v.AsString())
	case t == cty.Number:
		// Written out, a number has as many digits as its exponent says, before the
		// point or after it.
		return ElementSize + max(v.AsBigFloat().MantExp(nil), -v.AsBigFloat().MantExp(nil))
	case !v.CanIterateElements():
		return ElementSize
	}
	size := ElementSize
	keyed := t.IsObjectType() || t.IsMapType()
	for it := v.ElementIterator(); it.Next() && size <= limit; {
		k, e := it.Element()
		if keyed {
			size += len(k.AsString())
		}
		size += SizeOf(e, limit-size)
	}
	return size
}

// Evaluate is the value of x, counted.
func (m *Meter) Evaluate(x hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	return m.Counted(x, func() (cty.Value, hcl.Diagnostics) { return x.Value(ctx) })
}

// Counted is what value makes of x, counted.
func (m *Meter) Counted(x hcl.Expression, value func() (cty.Value, hcl.Diagnostics)) (v cty.Value, diags hcl.Diagnostics) {
	here := located(x)
	defer m.now(m.now(&here))
	defer func() {
		if p := recover(); p != nil && p != errSpent { //nolint:errorlint // a panic's value, not a chain
			panic(p)
		}
		if m.left < 0 {
			v, diags = cty.DynamicVal, hcl.Diagnostics{m.exhausted()}
		}
	}()
	if m.spent() {
		m.spend(cty.True, x.Range())
	}
	v, diags = value()
	m.spend(v, x.Range())
	return v, diags
}

// Halt reports whether nothing more is to be done: for what takes long without
// an expression, which at is the place of. The diagnostic that says so comes
// once, and not where an expression has said it.
func (m *Meter) Halt(at hcl.Range) (*hcl.Diagnostic, bool) {
	over := m.watch.excess()
	if over == nil || m.left < 0 {
		return nil, over != nil
	}
	m.left, m.at = -1, at
	return over.diagnostic(&at), true
}

// Over says why an evaluation was asked to end, at the place where it is; nil
// where it was not.
func (m *Meter) Over() *hcl.Diagnostic {
	over := m.watch.excess()
	if over == nil {
		return nil
	}
	return over.diagnostic(m.place())
}

// place is where evaluation is, nil before it began.
func (m *Meter) place() *hcl.Range {
	here := m.here.Load()
	if here == nil {
		return nil
	}
	return (*here).Range().Ptr()
}

// exhausted says why nothing more is evaluated.
func (m *Meter) exhausted() *hcl.Diagnostic {
	if over := m.watch.excess(); over != nil {
		return over.diagnostic(m.at.Ptr())
	}
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Too much is produced", Subject: m.at.Ptr(),
		Detail: fmt.Sprintf("By this expression the configuration of this host comes to more than %d MB of text and elements; it is evaluated no further.", Budget>>20),
	}
}

// Package meter counts what the expressions of a host produce, and ends an
// evaluation that takes too long or too much memory. It knows expressions and
// values, not what they mean.
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

// Budget bounds what the expressions of one host produce, in bytes of text plus
// ElementSize for every element. It is far above any real configuration, and low
// enough for the machine's memory (language rule 9). ElementSize is the least that
// an element of a list takes, with its type.
const (
	Budget      = 1 << 26
	ElementSize = 128
)

// meterName is the variable through which an expression finds the meter of its
// host. No configuration can write this name.
const meterName = "(meter of this host)"

var errSpent = errors.New("too much is produced")

// Meter counts for one host.
type Meter struct {
	left  int
	at    hcl.Range // where it ran out
	watch *watch    // nil: there is no deadline
	here  atomic.Pointer[located]
}

// located is what evaluation is working on: an expression, or a file.
type located interface{ Range() hcl.Range }

// atFile is the name of a file that is being read.
type atFile string

// Range is the file's first line.
func (f atFile) Range() hcl.Range {
	return hcl.Range{Filename: string(f), Start: hcl.InitialPos, End: hcl.InitialPos}
}

// Begin gives all further evaluation a full budget and the bounds of ctx.
func (m *Meter) Begin(ctx context.Context) { m.left, m.watch = Budget, watchOf(ctx) }

// Enter records that the evaluation of m runs, until Leave.
func (m *Meter) Enter() { m.watch.enter(m) }

// Leave records that the evaluation of m has ended.
func (m *Meter) Leave() { m.watch.leave(m) }

// now records what evaluation is working on, for whoever ends it from outside, and
// returns what that was before.
func (m *Meter) now(x *located) *located { return m.here.Swap(x) }

// Reads records that evaluation is reading the file of this name.
func (m *Meter) Reads(name string) {
	file := located(atFile(name))
	m.now(&file)
}

// spent reports whether evaluation must stop.
func (m *Meter) spent() bool { return m.left < 0 || m.watch.excess() != nil }

// Variable is how the functions and loops of a file find the meter.
func (m *Meter) Variable() map[string]cty.Value {
	return map[string]cty.Value{meterName: cty.CapsuleVal(cty.Capsule("meter", reflect.TypeFor[Meter]()), m)}
}

// spend subtracts the size of a value. It panics with errSpent if nothing is left:
// a loop must end at once, and hcl would go on to its last element.
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

// SizeOf stops counting above limit.
func SizeOf(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown():
		return ElementSize
	case t == cty.String:
		return ElementSize + len(v.AsString())
	case t == cty.Number:
		// Written out, a number has as many digits as its exponent says, before or
		// after the point.
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

// Evaluate returns the value of x, and counts it.
func (m *Meter) Evaluate(x hcl.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	return m.Counted(x, func() (cty.Value, hcl.Diagnostics) { return x.Value(ctx) })
}

// Counted returns what value makes of x, and counts it.
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

// Halt reports whether evaluation must stop, for long work at a place without an
// expression. The diagnostic comes once, and only if no expression reported it.
func (m *Meter) Halt(at hcl.Range) (*hcl.Diagnostic, bool) {
	over := m.watch.excess()
	if over == nil || m.left < 0 {
		return nil, over != nil
	}
	m.left, m.at = -1, at
	return over.diagnostic(&at), true
}

// Over says why an evaluation must end, at the place where it is; nil if it may go
// on.
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

// exhausted says why evaluation stops.
func (m *Meter) exhausted() *hcl.Diagnostic {
	if over := m.watch.excess(); over != nil {
		return over.diagnostic(m.at.Ptr())
	}
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Result too large", Subject: m.at.Ptr(),
		Detail: fmt.Sprintf("With this expression, the configuration of this host produces more than %d MB of text and elements; evaluation stops here.", Budget>>20),
	}
}

package meter

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// byElement makes == and != compare lists, sets and tuples by their elements,
// and maps and objects by their keys: to cty, values of two types are never
// equal, and an expression reads a set option as a list.
func byElement(x *hclsyntax.BinaryOpExpr) {
	switch x.Op {
	case hclsyntax.OpEqual:
		x.Op = &hclsyntax.Operation{Impl: equalFunc(false), Type: cty.Bool}
	case hclsyntax.OpNotEqual:
		x.Op = &hclsyntax.Operation{Impl: equalFunc(true), Type: cty.Bool}
	}
}

func equalFunc(negated bool) function.Function {
	param := function.Parameter{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true}
	return function.New(&function.Spec{
		Params: []function.Parameter{param, param},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v := equal(args[0], args[1])
			if negated {
				v = v.Not()
			}
			return v, nil
		},
	})
}

// equal is unknown as long as the known parts do not differ and other parts are
// unknown. Its arguments have no marks.
func equal(a, b cty.Value) cty.Value {
	switch {
	case !a.IsKnown() || !b.IsKnown() || a.IsNull() || b.IsNull():
		return a.Equals(b)
	case IsSequence(a) && IsSequence(b):
		return equalSequences(a, b)
	case isMapping(a) && isMapping(b):
		return equalMaps(a.AsValueMap(), b.AsValueMap())
	}
	return a.Equals(b)
}

func isMapping(v cty.Value) bool { return v.Type().IsObjectType() || v.Type().IsMapType() }

func equalSequences(a, b cty.Value) cty.Value {
	if (a.Type().IsSetType() || b.Type().IsSetType()) && !(a.IsWhollyKnown() && b.IsWhollyKnown()) {
		return cty.UnknownVal(cty.Bool)
	}
	as, bs := a.AsValueSlice(), b.AsValueSlice()
	if len(as) != len(bs) {
		return cty.False
	}
	if a.Type().IsSetType() || b.Type().IsSetType() {
		return cty.BoolVal(amongst(as, bs) && amongst(bs, as))
	}
	all := cty.True
	for i := range as {
		if all = both(all, equal(as[i], bs[i])); all.IsKnown() && all.False() {
			break
		}
	}
	return all
}

// both is a && b, which is false as soon as one of them is.
func both(a, b cty.Value) cty.Value {
	switch {
	case a.IsKnown() && a.False() || b.IsKnown() && b.False():
		return cty.False
	case !a.IsKnown() || !b.IsKnown():
		return cty.UnknownVal(cty.Bool)
	}
	return cty.True
}

// amongst reports whether each of some known values is among others.
func amongst(some, others []cty.Value) bool {
	isText := func(v cty.Value) bool { return v.Type() == cty.String && !v.IsNull() }
	texts := map[string]bool{} // by far the most common
	for _, b := range others {
		if isText(b) {
			texts[b.AsString()] = true
		}
	}
	for _, a := range some {
		if isText(a) {
			if !texts[a.AsString()] {
				return false
			}
			continue
		}
		found := false
		for _, b := range others {
			found = found || equal(a, b).True()
		}
		if !found {
			return false
		}
	}
	return true
}

func equalMaps(a, b map[string]cty.Value) cty.Value {
	if len(a) != len(b) {
		return cty.False
	}
	all := cty.True
	for key, v := range a {
		other, ok := b[key]
		if !ok {
			return cty.False
		}
		all = both(all, equal(v, other))
	}
	return all
}

// IsSequence reports lists, sets and tuples.
func IsSequence(v cty.Value) bool {
	t := v.Type()
	return t.IsListType() || t.IsSetType() || t.IsTupleType()
}

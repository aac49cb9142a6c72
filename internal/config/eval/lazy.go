package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// lazyFunctions may be called with values of which parts are not resolved yet:
// what they say of a part, or of how many there are, holds whatever becomes of
// the others.
func lazyFunctions() []string {
	return []string{"can", "coalesce", "concat", "element", "flatten", "keys", "length", "lookup", "merge", "reverse", "slice", "try", "values", "zipmap"}
}

// guarded asks conditions before each call of f. One that waits is not called until all
// of its arguments are known: most functions of cty look into elements and take a
// placeholder, which may yet become null, a list, or equal to another, for one value.
// All that is one function and not one around the other, since cty asks for the type
// of a result before each call, and each would ask the next.
func guarded(f function.Function, waits bool, conditions []condition) function.Function {
	if !waits && len(conditions) == 0 {
		return f
	}
	mayCall := func(args []cty.Value) bool {
		return !waits || !slices.ContainsFunc(args, func(a cty.Value) bool { return !a.IsWhollyKnown() })
	}
	wrapped := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			if !mayCall(args) {
				if t, err := f.ReturnTypeForValues(args); err == nil && t.IsPrimitiveType() {
					return t, nil
				}
				return cty.DynamicPseudoType, nil
			}
			for _, holds := range conditions {
				if err := holds(args); err != nil {
					return cty.NilType, err
				}
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			if mayCall(args) {
				return f.Call(args)
			}
			var all []cty.ValueMarks
			for _, a := range args {
				_, marks := a.UnmarkDeep()
				all = append(all, marks)
			}
			return cty.UnknownVal(t).WithMarks(all...), nil
		},
	}
	for _, p := range f.Params() {
		wrapped.Params = append(wrapped.Params, takesAnything(p))
	}
	if v := f.VarParam(); v != nil {
		p := takesAnything(*v)
		wrapped.VarParam = &p
	}
	return function.New(wrapped)
}

// byElement makes == and != compare lists, sets and tuples by their elements,
// and maps and objects by their keys: to cty, values of two types are never
// equal, and an option of a set is a list where it is read.
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

// equal is unknown as long as the known parts do not differ and others are to
// come. Its arguments are not marked.
func equal(a, b cty.Value) cty.Value {
	switch {
	case !a.IsKnown() || !b.IsKnown() || a.IsNull() || b.IsNull():
		return a.Equals(b)
	case sequence(a) && sequence(b):
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

// amongst reports whether every one of some known values is among others.
func amongst(some, others []cty.Value) bool {
	isText := func(v cty.Value) bool { return v.Type() == cty.String && !v.IsNull() }
	texts := map[string]bool{} // by far the most
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

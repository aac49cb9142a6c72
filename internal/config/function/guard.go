package function

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// lazyFunctions may be called with values with unresolved parts: their result for
// one part, or for the number of parts, does not depend on the others.
func lazyFunctions() []string {
	return []string{"can", "coalesce", "concat", "element", "flatten", "keys", "length", "lookup", "merge", "reverse", "slice", "try", "values", "zipmap"}
}

// guarded checks conditions before each call of f. A function that waits is not
// called until all its arguments are known: most functions of cty look into
// elements and treat a placeholder as one value, although it may become null, a
// list, or equal to another. All of this is one function, not several nested ones,
// because cty asks for the type of a result before each call, and each would ask
// the next.
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
		wrapped.Params = append(wrapped.Params, TakesAnything(p))
	}
	if v := f.VarParam(); v != nil {
		p := TakesAnything(*v)
		wrapped.VarParam = &p
	}
	return function.New(wrapped)
}

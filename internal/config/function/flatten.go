package function

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/meter"
)

// flattenFunc is flatten() over values with parts that are not resolved yet.
// go-cty's function compares with cty.DynamicVal by ==, which no marked value
// equals, and so treats the placeholder of a whole list as one element.
func flattenFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := flatten(args[0])
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return flatten(args[0]) },
	})
}

// flatten is the tuple of everything in v that is not a sequence. As long as a
// part may turn out to be one, it is unknown, with the marks of what it needs.
func flatten(v cty.Value) (cty.Value, error) {
	if v.Type() != cty.DynamicPseudoType && !meter.IsSequence(v) {
		return cty.DynamicVal, errors.New("can only flatten lists, sets and tuples")
	}
	f := &flattening{}
	f.add(v)
	if f.waits {
		return cty.DynamicVal.WithMarks(f.marks...), nil
	}
	return cty.TupleVal(f.elems).WithMarks(f.marks...), nil
}

type flattening struct {
	elems []cty.Value
	marks []cty.ValueMarks // of sequences; an element keeps its own
	waits bool
}

func (f *flattening) add(v cty.Value) {
	seq, marks := v.Unmark()
	switch {
	case !seq.IsKnown() && (seq.Type() == cty.DynamicPseudoType || meter.IsSequence(seq)):
		f.waits = true
		f.marks = append(f.marks, marks)
	case !meter.IsSequence(seq) || seq.IsNull():
		f.elems = append(f.elems, v)
	default:
		f.marks = append(f.marks, marks)
		for it := seq.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			f.add(elem)
		}
	}
}

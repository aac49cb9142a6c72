package function

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// dottedFunc makes one level of nested settings, as editors write them:
// {editor = {fontSize = 11}} becomes {"editor.fontSize" = 11}. A key that
// contains a dot is already a whole name, so its value stays as it is. What is
// below the brackets of a language, "[go]", is a level of its own.
func dottedFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "settings", Type: cty.DynamicPseudoType, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := dottedOf(args[0])
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return dottedOf(args[0]) },
	})
}

func dottedOf(v cty.Value) (cty.Value, error) {
	v, marks := v.Unmark()
	if v.IsNull() || !nested(v) {
		return cty.DynamicVal, errors.New("dotted() takes a map of settings")
	}
	if !v.IsKnown() {
		return cty.DynamicVal.WithMarks(marks), nil
	}
	out := map[string]cty.Value{}
	err := addDotted(out, "", v)
	return cty.ObjectVal(out).WithMarks(marks), err
}

func addDotted(out map[string]cty.Value, prefix string, v cty.Value) error {
	m := v.AsValueMap()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		e := m[key]
		switch {
		case prefix == "" && strings.HasPrefix(key, "[") && nested(e):
			inner, err := dottedOf(e)
			if err != nil {
				return err
			}
			out[key] = inner
		case nested(e) && !strings.Contains(key, "."):
			if err := addDotted(out, prefix+key+".", e); err != nil {
				return err
			}
		case out[prefix+key] != cty.NilVal:
			return errors.New(prefix + key + " is set twice, once nested and once by its dotted name")
		default:
			out[prefix+key] = e
		}
	}
	return nil
}

func nested(v cty.Value) bool {
	return !v.IsNull() && v.IsKnown() && !v.IsMarked() && (v.Type().IsObjectType() || v.Type().IsMapType())
}

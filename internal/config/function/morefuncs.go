package function

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/hostctl/hostctl/internal/config/meter"
)

// ownFunctions are functions that Terraform has and cty's library lacks.
func ownFunctions() map[string]function.Function {
	fns := paths()
	fns["replace"] = textFunc(cty.String, replace, "text", "substring", "replacement")
	fns["startswith"] = textFunc(cty.Bool, func(s []string) (cty.Value, error) { return cty.BoolVal(strings.HasPrefix(s[0], s[1])), nil }, "text", "prefix")
	fns["endswith"] = textFunc(cty.Bool, func(s []string) (cty.Value, error) { return cty.BoolVal(strings.HasSuffix(s[0], s[1])), nil }, "text", "suffix")
	fns["strcontains"] = textFunc(cty.Bool, func(s []string) (cty.Value, error) { return cty.BoolVal(strings.Contains(s[0], s[1])), nil }, "text", "substring")
	fns["sha256"] = textFunc(cty.String, func(s []string) (cty.Value, error) {
		sum := sha256.Sum256([]byte(s[0]))
		return cty.StringVal(hex.EncodeToString(sum[:])), nil
	}, "text")
	fns["base64encode"] = textFunc(cty.String, func(s []string) (cty.Value, error) {
		return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(s[0]))), nil
	}, "text")
	fns["base64decode"] = textFunc(cty.String, func(s []string) (cty.Value, error) {
		b, err := base64.StdEncoding.DecodeString(s[0])
		if err != nil {
			return cty.NilVal, fmt.Errorf("this is not base64: %w", err)
		}
		return cty.StringVal(string(b)), nil
	}, "text")
	fns["sum"] = listFunc(cty.Number, cty.Number, func(vals []cty.Value) (cty.Value, error) {
		total := cty.Zero
		for _, v := range vals {
			total = total.Add(v)
		}
		return total, nil
	})
	fns["alltrue"] = listFunc(cty.Bool, cty.Bool, func(vals []cty.Value) (cty.Value, error) {
		for _, v := range vals {
			if v.False() {
				return cty.False, nil
			}
		}
		return cty.True, nil
	})
	fns["anytrue"] = listFunc(cty.Bool, cty.Bool, func(vals []cty.Value) (cty.Value, error) {
		for _, v := range vals {
			if v.True() {
				return cty.True, nil
			}
		}
		return cty.False, nil
	})
	return fns
}

// textFunc is a function of strings.
func textFunc(returns cty.Type, f func([]string) (cty.Value, error), names ...string) function.Function {
	s := &function.Spec{Type: function.StaticReturnType(returns)}
	for _, name := range names {
		s.Params = append(s.Params, function.Parameter{Name: name, Type: cty.String})
	}
	s.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var in []string
		for _, a := range args {
			in = append(in, a.AsString())
		}
		v, err := f(in)
		if err != nil {
			return cty.NilVal, err
		}
		return v, nil
	}
	return function.New(s)
}

// listFunc is a function of one list.
func listFunc(of, returns cty.Type, f func([]cty.Value) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(of)}},
		Type:   function.StaticReturnType(returns),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(returns), nil
			}
			return f(args[0].AsValueSlice())
		},
	})
}

// lengthFunc does not look into elements: their number does not depend on them,
// and every entry of a map may ask for the number of entries.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{TakesAnything(function.Parameter{Name: "value", Type: cty.DynamicPseudoType})},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			whole := meter.Unboxed(args[0])
			v, marks := whole.Unmark()
			switch {
			case v.IsNull():
				return cty.NilVal, errors.New("argument must not be null")
			case !v.IsKnown():
				return cty.UnknownVal(cty.Number).WithMarks(marks), nil
			case v.Type() == cty.String:
				if s := SecretsIn(whole); len(s) > 0 {
					return cty.NilVal, wouldChange("length", s[0])
				}
				n, err := stdlib.Strlen(v)
				if err != nil {
					return cty.NilVal, err
				}
				return n.WithMarks(marks), nil
			case !v.CanIterateElements():
				return cty.NilVal, errors.New("length() takes a string, a list, a set or a map")
			case v.Type().IsSetType() && !v.IsWhollyKnown():
				_, deep := whole.UnmarkDeep()
				return cty.UnknownVal(cty.Number).WithMarks(deep), nil // two of them may turn out equal
			}
			return cty.NumberIntVal(int64(v.LengthInt())).WithMarks(marks), nil
		},
	})
}

// replace takes a regular expression where the substring is between slashes,
// as Terraform does.
func replace(s []string) (cty.Value, error) {
	text, old, repl := s[0], s[1], s[2]
	if pattern, ok := between(old); ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(re.ReplaceAllString(text, repl)), nil
	}
	return cty.StringVal(strings.ReplaceAll(text, old, repl)), nil
}

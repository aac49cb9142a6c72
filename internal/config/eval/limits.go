package eval

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxDepth is how deep decoded data may nest, as files of the language do.
const maxDepth = 200

// estimates tell before a call what it would produce, in the units of budget,
// for the functions whose result can be many times their arguments. Whatever
// an estimate cannot read is left to the function.
func estimates() map[string]func(args []cty.Value) int {
	return map[string]func(args []cty.Value) int{
		"replace": func(a []cty.Value) int {
			old := text(a, 1)
			if len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
				return (len(text(a, 0)) + 1) * len(text(a, 2))
			}
			return strings.Count(text(a, 0), old) * len(text(a, 2))
		},
		"substitute": func(a []cty.Value) int {
			values, _ := a[1].Unmark()
			total := 0
			if values.IsKnown() && !values.IsNull() && values.CanIterateElements() {
				for it := values.ElementIterator(); it.Next(); {
					k, v := it.Element()
					total += strings.Count(text(a, 0), "@"+text([]cty.Value{k}, 0)+"@") * len(text([]cty.Value{v}, 0))
				}
			}
			return total
		},
		"join": func(a []cty.Value) int {
			items := 0
			for i := 1; i < len(a); i++ {
				items += count(a, i)
			}
			return items * len(text(a, 0))
		},
		"indent": func(a []cty.Value) int { return strings.Count(text(a, 1), "\n") * whole(a, 0) },
		"format": func(a []cty.Value) int { return widths(text(a, 0)) },
		"formatlist": func(a []cty.Value) int {
			longest := 1
			for i := range a {
				longest = max(longest, count(a, i))
			}
			return longest * (widths(text(a, 0)) + len(text(a, 0)))
		},
		"setproduct": func(a []cty.Value) int {
			product := elementSize
			for i := range a {
				if product *= count(a, i); product > budget {
					break
				}
			}
			return product * len(a)
		},
		"split":      func(a []cty.Value) int { return elementSize * (strings.Count(text(a, 1), text(a, 0)) + 1) },
		"regexall":   func(a []cty.Value) int { return elementSize * len(text(a, 1)) },
		"jsondecode": func(a []cty.Value) int { return elementSize / 2 * len(text(a, 0)) },
		"yamldecode": func(a []cty.Value) int { return elementSize / 2 * len(text(a, 0)) },
		"csvdecode":  func(a []cty.Value) int { return elementSize / 2 * len(text(a, 0)) },
	}
}

// text is the i-th argument, "" where it is no known string.
func text(args []cty.Value, i int) string {
	if i < len(args) {
		if v, _ := args[i].Unmark(); v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			return v.AsString()
		}
	}
	return ""
}

func count(args []cty.Value, i int) int {
	v, _ := args[i].Unmark()
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return 1
	}
	return v.LengthInt()
}

func whole(args []cty.Value, i int) int {
	v, _ := args[i].Unmark()
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	return int(min(max(n, 0), budget+1))
}

// widths are the numbers in the verbs of a format, together.
func widths(format string) int {
	total := 0
	for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(format, -1) {
		w, err := strconv.Atoi(n)
		if err != nil {
			return budget + 1
		}
		total += min(w, budget+1)
	}
	return total
}

// bounded refuses a call that would produce more than a host may.
func bounded(f function.Function, estimate func([]cty.Value) int) function.Function {
	return checked(f, func(args []cty.Value) error {
		if size := estimate(args); size > budget || size < 0 {
			return fmt.Errorf("its result would be larger than the %d MB that all values of a host may have", budget>>20)
		}
		return nil
	})
}

// checked asks check before every call.
func checked(f function.Function, check func([]cty.Value) error) function.Function {
	wrapped := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(args); err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
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

// shallow refuses data whose nesting would overflow the decoder's stack: by
// brackets, by indentation, and by the dashes of lists within lists.
func shallow(f function.Function) function.Function {
	tooDeep := fmt.Errorf("the data nests deeper than %d levels", maxDepth)
	return checked(f, func(args []cty.Value) error {
		depth := 0
		for line := range strings.Lines(text(args, 0)) {
			rest := strings.TrimLeft(line, " \t-?:")
			if len(line)-len(rest) > 2*maxDepth {
				return tooDeep
			}
			for _, c := range rest {
				switch c {
				case '[', '{':
					depth++
				case ']', '}':
					depth = max(depth-1, 0)
				}
				if depth > maxDepth {
					return tooDeep
				}
			}
		}
		return nil
	})
}

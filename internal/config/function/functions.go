// Package function is the functions that expressions can call: those of Terraform,
// the writers and decoders of formats, and what keeps the placeholder of a secret
// whole. It refuses calls that would take too much. It knows nothing about
// modules: the caller says how to read a file.
package function

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Shared are those that do not depend on the calling file, under their Terraform
// names. Only those that build text, or choose elements, accept the placeholder of
// a secret (language rule 19).
func Shared() map[string]function.Function {
	fns := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc, "max": stdlib.MaxFunc,
		"min": stdlib.MinFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc, "parseint": stdlib.ParseIntFunc,
		"chomp": stdlib.ChompFunc, "formatlist": stdlib.FormatListFunc, "lower": stdlib.LowerFunc,
		"upper": stdlib.UpperFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "split": stdlib.SplitFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": flattenFunc(),
		"keys": stdlib.KeysFunc, "lookup": stdlib.LookupFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc, "setsubtract": stdlib.SetSubtractFunc,
		"setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		"csvdecode": saysWhere(stdlib.CSVDecodeFunc, whereCSV), "jsondecode": saysWhere(stdlib.JSONDecodeFunc, whereJSON),
		"yamldecode": saysWhere(yaml.YAMLDecodeFunc, whereYAML),
		"tostring":   stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
	}
	for name, f := range ownFunctions() {
		fns[name] = f
	}
	fns["did_you_mean"] = didYouMeanFunc()
	conditions := map[string][]condition{}
	for name := range fns {
		if !slices.Contains(choosing(), name) {
			conditions[name] = []condition{refuseSecrets(name)}
		}
	}
	for name, f := range map[string]function.Function{
		"length": lengthFunc(),
		"join":   stdlib.JoinFunc, "format": stdlib.FormatFunc, "indent": stdlib.IndentFunc, "merge": stdlib.MergeFunc, "concat": stdlib.ConcatFunc,
		"try": tryfunc.TryFunc, "can": tryfunc.CanFunc, "substitute": substituteFunc(), "dotted": dottedFunc(),
		"jsonencode": escaping("json", stdlib.JSONEncodeFunc), "yamlencode": escaping("json", yaml.YAMLEncodeFunc),
		"ini": writerFunc("", writeINI), "toml": writerFunc("json", writeTOML), "xml": writerFunc("xml", writeXML), "keyvalue": writerFunc("", writeKeyValue),
	} {
		fns[name] = f
	}
	conditions["parseint"] = append(conditions["parseint"], fewDigits(nil))
	conditions["tonumber"] = append(conditions["tonumber"], fewDigits(manyDigits()))
	before := func(name string, c condition) { conditions[name] = append([]condition{c}, conditions[name]...) }
	for name, estimate := range estimates() {
		before(name, bounded(estimate))
	}
	first := func(a []cty.Value) (string, bool) { return text(a, 0), true }
	before("regex", matchable(first, 1))
	before("regexall", matchable(first, 1))
	before("replace", matchable(func(a []cty.Value) (string, bool) { return between(text(a, 1)) }, 0))
	before("yamldecode", shallow)
	before("jsondecode", shallow)
	for name, f := range fns {
		fns[name] = guarded(f, !slices.Contains(lazyFunctions(), name), conditions[name])
	}
	return fns
}

// choosing are the functions that return elements unchanged, each with its own
// secrets.
func choosing() []string {
	return []string{"chunklist", "coalesce", "element", "flatten", "keys", "lookup", "reverse", "slice", "values"}
}

// TakesAnything is a parameter that accepts marked, unknown and null values.
func TakesAnything(p function.Parameter) function.Parameter {
	p.AllowMarked, p.AllowUnknown, p.AllowNull, p.AllowDynamicType = true, true, true, true
	return p
}

// didYouMeanFunc proposes a known name at the end of a message about an unknown
// one: it is empty, or begins with a blank.
func didYouMeanFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}, {Name: "known", Type: cty.List(cty.String)}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[1].IsWhollyKnown() {
				return cty.UnknownVal(cty.String), nil
			}
			var known []string
			for _, v := range args[1].AsValueSlice() {
				if !v.IsNull() {
					known = append(known, v.AsString())
				}
			}
			return cty.StringVal(option.DidYouMean(args[0].AsString(), known)), nil
		},
	})
}

// substituteFunc replaces @name@ in text that has its own $ and %. A mark
// without a value and a value without a mark are mistakes (language rule 25).
func substituteFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "text", Type: cty.String, AllowMarked: true},
			{Name: "values", Type: cty.DynamicPseudoType, AllowMarked: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, marks := args[0].Unmark()
			vals, own := args[1].UnmarkDeep()
			if !vals.IsWhollyKnown() {
				return cty.UnknownVal(cty.String).WithMarks(marks, own), nil
			}
			s, err := substitute(text.AsString(), vals)
			return cty.StringVal(s).WithMarks(marks, own), err
		},
	})
}

func substitute(text string, vals cty.Value) (string, error) {
	if vals.IsNull() || !vals.CanIterateElements() {
		return "", fmt.Errorf("the values of substitute() must be a map")
	}
	known := map[string]string{}
	var pairs []string
	for it := vals.ElementIterator(); it.Next(); {
		k, v := it.Element()
		s, err := convert.Convert(v, cty.String)
		if err != nil || s.IsNull() {
			return "", fmt.Errorf("the value of @%s@ is not a string", k.AsString())
		}
		mark := "@" + k.AsString() + "@"
		if !strings.Contains(text, mark) {
			return "", fmt.Errorf("the text has no %s.%s", mark, option.DidYouMean(mark, marksIn(text)))
		}
		known[mark] = s.AsString()
		pairs = append(pairs, mark, s.AsString())
	}
	for _, mark := range marksIn(text) {
		if _, ok := known[mark]; !ok {
			return "", fmt.Errorf("%s in the text has no value", mark)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// marksIn are the @name@ of a text; an address such as a@b.c@d has none.
func marksIn(text string) []string {
	var out []string
	for i := 0; i < len(text); i++ {
		if text[i] != '@' || i > 0 && wordByte(text[i-1]) {
			continue
		}
		end := i + 1
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		if end > i+1 && end < len(text) && text[end] == '@' {
			out = append(out, text[i:end+1])
			i = end
		}
	}
	return out
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func pathFunc(f func(string) string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(f(args[0].AsString())), nil
		},
	})
}

func paths() map[string]function.Function {
	return map[string]function.Function{"basename": pathFunc(path.Base), "dirname": pathFunc(path.Dir)}
}

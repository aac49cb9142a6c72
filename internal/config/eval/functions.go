package eval

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	yaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"golang.org/x/text/unicode/norm"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/library"
)

// sharedFunctions are those that do not care which file calls them, under
// their Terraform names. Only those that build text, or choose elements, take
// the placeholder of a secret (language rule 19).
func sharedFunctions() map[string]function.Function {
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

// choosing are the functions whose result is of elements as they are, each with the
// secrets that it bears itself.
func choosing() []string {
	return []string{"chunklist", "coalesce", "element", "flatten", "keys", "lookup", "reverse", "slice", "values"}
}

// refuseSecrets is for a function that would destroy a placeholder silently.
func refuseSecrets(name string) condition {
	return func(args []cty.Value) error {
		for _, a := range args {
			if s := secretsIn(a); len(s) > 0 {
				return wouldChange(name, s[0])
			}
		}
		return nil
	}
}

func wouldChange(function, secret string) error {
	return fmt.Errorf("%s() would change the placeholder of secret %q; build text with templates, join, format, merge, concat, templatefile or a writer", function, secret)
}

func takesAnything(p function.Parameter) function.Parameter {
	p.AllowMarked, p.AllowUnknown, p.AllowNull, p.AllowDynamicType = true, true, true, true
	return p
}

// secretsIn are the names of the secrets whose placeholders v bears, sorted.
func secretsIn(v cty.Value) []string {
	if !v.ContainsMarked() {
		return nil
	}
	_, marks := v.UnmarkDeep()
	names := map[string]bool{}
	for m := range marks {
		if s, ok := m.(secretMark); ok {
			names[s.name] = true
		}
	}
	return sortedKeys(names)
}

// functions are those that one file has beside the shared ones: paths are relative to it (language rule 22).
func (e *evaluator) functions(m *module) map[string]function.Function {
	fns := map[string]function.Function{"file": e.fileFunc(m), "templatefile": e.templateFunc(m, m.ctx)}
	if m.flake == nil {
		fns["secret_placeholder"] = placeholderFunc()
	}
	return fns
}

// didYouMeanFunc ends the sentence of a message about a name that is none of
// those known: it is empty, or begins with a blank.
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

func placeholderFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			return cty.StringVal("{{secret:" + name + "}}").Mark(secretMark{name}), nil
		},
	})
}

// realPath finds a file of the flake or an input for a module's expression.
func (e *evaluator) realPath(m *module, p string) (tree.File, error) {
	if strings.HasPrefix(p, "/@/") {
		return e.flake.Real(e.flake.Dir, "./"+strings.TrimPrefix(p, "/@/"), e.mounted)
	}
	f := m.flake
	if f == nil {
		f = e.flake
	}
	return f.Real(m.dir, p, e.mounted)
}

// inFlake is a path as diagnostics name files: relative to the flake, or
// @INPUT/... in an input.
func (e *evaluator) inFlake(p string) string {
	rest, ok := strings.CutPrefix(p, "/@")
	mount, file, _ := strings.Cut(rest, "/")
	if !ok || mount == "" {
		return strings.TrimPrefix(p, "/@/")
	}
	if in := e.mounted("/@" + mount); in != nil {
		return "@" + in.Name + "/" + file
	}
	return p
}

// readText reads a file as text. Text that cty would change is refused.
func (e *evaluator) readText(m *module, p string) (string, error) {
	if m.flake == nil && !strings.HasPrefix(p, "/@") {
		b, err := library.Read(path.Join(strings.TrimPrefix(m.dir+"/", "library/"), p))
		return string(b), err
	}
	real, err := e.realPath(m, p)
	if err != nil {
		return "", err
	}
	b, err := e.flake.ReadFile(real, tree.MaxData)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", e.inFlake(p), underlying(err))
	}
	if !utf8.Valid(b) || !norm.NFC.IsNormal(b) {
		return "", fmt.Errorf("cannot read %s as text: it is not UTF-8 in normal form C, so its bytes would change; copy it with source", e.inFlake(p))
	}
	return string(b), nil
}

// underlying drops the path of this machine from an error.
func underlying(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}

func (e *evaluator) fileFunc(m *module) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := e.readText(m, args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

// templateFunc renders with the functions of ctx, less templatefile itself:
// a template that renders itself would never end.
func (e *evaluator) templateFunc(m *module, ctx *hcl.EvalContext) function.Function {
	inside := ctx.NewChild()
	inside.Functions = map[string]function.Function{"templatefile": noTemplateFunc()}
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "path", Type: cty.String},
			{Name: "vars", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p := args[0].AsString()
			s, err := e.readText(m, p)
			if err != nil {
				return cty.NilVal, err
			}
			return e.render(inside, p, s, args[1])
		},
	})
}

func noTemplateFunc() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "any", Type: cty.DynamicPseudoType},
		Type:     function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
			return cty.NilVal, errors.New("a template cannot render another; pass it the rendered text as a variable")
		},
	})
}

func (e *evaluator) render(ctx *hcl.EvalContext, p, s string, vars cty.Value) (cty.Value, error) {
	if err := flake.GuardTemplate(p, s); err != nil {
		return cty.NilVal, err
	}
	tmpl, diags := hclsyntax.ParseTemplate([]byte(s), path.Clean(e.inFlake(p)), hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, fmt.Errorf("%w For text with its own $ and %% use substitute(file(...), {...})", templateError(diags))
	}
	vars, marks := vars.Unmark()
	if !vars.IsKnown() {
		return cty.UnknownVal(cty.String).WithMarks(marks), nil
	}
	if vars.IsNull() || !vars.Type().IsObjectType() && !vars.Type().IsMapType() {
		return cty.NilVal, fmt.Errorf("the variables of a template are a map")
	}
	meterAll(tmpl)
	ctx = ctx.NewChild()
	ctx.Variables = vars.AsValueMap()
	v, diags := tmpl.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, templateError(diags)
	}
	text, own := v.Unmark()
	text, err := convert.Convert(text, cty.String)
	return text.WithMarks(marks, own), err
}

// templateError is the first mistake in a template, with its place.
func templateError(diags hcl.Diagnostics) error {
	i := slices.IndexFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity == hcl.DiagError && d.Subject != nil })
	if i < 0 {
		return diags
	}
	d := diags[i]
	detail, _, _ := strings.Cut(d.Detail, " Did you intend")
	return fmt.Errorf("%s:%d:%d: %s", path.Clean(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column, detail)
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
		return "", fmt.Errorf("the values of substitute() are a map")
	}
	known := map[string]string{}
	var pairs []string
	for it := vals.ElementIterator(); it.Next(); {
		k, v := it.Element()
		s, err := convert.Convert(v, cty.String)
		if err != nil || s.IsNull() {
			return "", fmt.Errorf("the value of @%s@ is no string", k.AsString())
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
			return "", fmt.Errorf("nothing gives a value to %s in the text", mark)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// marksIn are the @name@ of a text; an address such as a@b.c@d is none.
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

// escaping lets secrets pass a writer of the standard library and tells
// their placeholders how the value is to be escaped.
func escaping(escaper string, f function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowMarked: true, AllowNull: true, AllowDynamicType: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil || !v.IsKnown() {
				return v, err
			}
			s, marks := v.Unmark()
			return cty.StringVal(escapeSecrets(s.AsString(), args[0], escaper)).WithMarks(marks), nil
		},
	})
}

// escapeSecrets tells the placeholders in text, which came from v, how their
// values are escaped when the file is rendered.
func escapeSecrets(text string, v cty.Value, escaper string) string {
	for _, name := range secretsIn(v) {
		text = strings.ReplaceAll(text, "{{secret:"+name+"}}", "{{secret:"+name+"|"+escaper+"}}")
	}
	return text
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

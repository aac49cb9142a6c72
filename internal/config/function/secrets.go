package function

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// secretMark marks text that holds the placeholder of a secret (language rule 19).
type secretMark struct{ name string }

// IsSecret reports whether a mark is that of a secret's placeholder.
func IsSecret(mark any) bool {
	_, ok := mark.(secretMark)
	return ok
}

// SecretsIn are the names of the secrets whose placeholders v contains, sorted.
func SecretsIn(v cty.Value) []string {
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
	return slices.Sorted(maps.Keys(names))
}

// Placeholder is secret_placeholder(), which only the library calls.
func Placeholder() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			return cty.StringVal("{{secret:" + name + "}}").Mark(secretMark{name}), nil
		},
	})
}

// refuseSecrets is for a function that would destroy a placeholder silently.
func refuseSecrets(name string) condition {
	return func(args []cty.Value) error {
		for _, a := range args {
			if s := SecretsIn(a); len(s) > 0 {
				return wouldChange(name, s[0])
			}
		}
		return nil
	}
}

func wouldChange(function, secret string) error {
	return fmt.Errorf("%s() would change the placeholder of secret %q; build text with templates, join, format, merge, concat, templatefile or a writer", function, secret)
}

// escaping lets secrets pass a writer of the standard library, and records in
// their placeholders how to escape the value.
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

// escapeSecrets records in the placeholders in text, which came from v, how to
// escape their values when the file is rendered.
func escapeSecrets(text string, v cty.Value, escaper string) string {
	for _, name := range SecretsIn(v) {
		text = strings.ReplaceAll(text, "{{secret:"+name+"}}", "{{secret:"+name+"|"+escaper+"}}")
	}
	return text
}

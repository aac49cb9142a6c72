package option

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// parse reads a type.
func parse(t *testing.T, text string) Type {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "type", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	typ, diags := ParseType(expr)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return typ
}

// data reads a value.
func data(t *testing.T, text string) cty.Value {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "value", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v
}

// rank is the strength of a definition: its priority, then its layer.
type rank struct {
	priority Priority
	layer    Layer
}

func (r rank) String() string { return r.layer.String() + " " + r.priority.String() }

// over reports whether r beats o.
func (r rank) over(o rank) bool {
	return r.priority > o.priority || r.priority == o.priority && r.layer > o.layer
}

func ranks() []rank {
	var out []rank
	for p := OptionDefault; p <= Force; p++ {
		for l := Library; l <= Host; l++ {
			out = append(out, rank{p, l})
		}
	}
	return out
}

// part is a definition of value in the file called name, the index-th that
// was loaded.
func part(r rank, value cty.Value, name string, index int) *Part {
	rng := hcl.Range{Filename: name, Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: 2, Byte: 1}}
	def := &Definition{Source: &Source{Layer: r.layer, Index: index}, Range: rng, Priority: r.priority}
	return &Part{Def: def, Range: rng, Priority: r.priority, Value: value}
}

// pair is a type, what two files say, and what should come of it for every
// pair of ranks; conflict stands for an error that shows both places.
type pair struct {
	typ, a, b string
	want      func(a, b rank) string
}

const conflict = "conflict"

// chosen is one of three, by which of two ranks is the stronger.
func chosen(a, b rank, ifA, ifB, ifEqual string) string {
	switch {
	case a.over(b):
		return ifA
	case b.over(a):
		return ifB
	}
	return ifEqual
}

// joined is what two lists come to: those of the higher priority alone, else
// both, the weaker layer's first.
func joined(a, b rank, onlyA, onlyB, ab, ba string) string {
	switch {
	case a.priority > b.priority:
		return onlyA
	case a.priority < b.priority:
		return onlyB
	case a.layer > b.layer:
		return ba
	}
	return ab
}

// perKey is what { k, x } and { k, y } come to: k as a scalar, x and y side
// by side unless a force empties what is weaker.
func perKey(a, b rank, format string) string {
	k := chosen(a, b, "a", "b", conflict)
	if k == conflict {
		return conflict
	}
	x, y := "1", "2"
	if a.priority == Force && a.over(b) {
		y = ""
	}
	if b.priority == Force && b.over(a) {
		x = ""
	}
	if format == "map" {
		out := []string{fmt.Sprintf("k = %q", k)}
		if x != "" {
			out = append(out, `x = "1"`)
		}
		if y != "" {
			out = append(out, `y = "2"`)
		}
		return "{ " + strings.Join(out, ", ") + " }"
	}
	quoted := func(s string) string {
		if s == "" {
			return "null"
		}
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("{ k = %q, x = %s, y = %s }", k, quoted(x), quoted(y))
}

func pairs() []pair {
	scalar := func(a, b rank) string { return chosen(a, b, `"a"`, `"b"`, conflict) }
	agree := func(rank, rank) string { return "22" }
	list := func(a, b rank) string {
		return joined(a, b, `["b", "x"]`, `["a", "x"]`, `["b", "x", "a", "x"]`, `["a", "x", "b", "x"]`)
	}
	set := func(a, b rank) string {
		return joined(a, b, `["b", "x"]`, `["a", "x"]`, `["a", "b", "x"]`, `["a", "b", "x"]`)
	}
	lines := func(a, b rank) string { return joined(a, b, `"a\n"`, `"b\nb\n"`, `"a\nb\nb\n"`, `"b\nb\na\n"`) }
	return []pair{
		{"string", `"a"`, `"b"`, scalar},
		{"optional(string)", `"a"`, `"b"`, scalar},
		{`enum("a", "b")`, `"a"`, `"b"`, scalar},
		{"one_of(number, string)", `"a"`, `"b"`, scalar},
		{"port", `22`, `"22"`, agree},
		{"string", `null`, `"b"`, func(a, b rank) string {
			if a.priority == Force && a.over(b) {
				return "undefined"
			}
			return `"b"`
		}},
		{"list(string)", `["b", "x"]`, `["a", "x"]`, list},
		{"set(string)", `["b", "x"]`, `["a", "x"]`, set},
		{"lines", `"a"`, `"b\nb\n"`, lines},
		{"map(string)", `{ k = "a", x = "1" }`, `{ k = "b", y = "2" }`, func(a, b rank) string { return perKey(a, b, "map") }},
		{"object({ k = string, x = optional(string), y = optional(string) })", `{ k = "a", x = "1" }`, `{ k = "b", y = "2" }`,
			func(a, b rank) string { return perKey(a, b, "object") }},
		{"any", `"a"`, `"b"`, scalar},
		{"any", `["b", "x"]`, `["a", "x"]`, list},
		{"any", `{ k = "a", x = "1" }`, `{ k = "b", y = "2" }`, func(a, b rank) string { return perKey(a, b, "map") }},
		{"any", `{ k = "a" }`, `["b"]`, func(a, b rank) string { return chosen(a, b, `{ k = "a" }`, `["b"]`, conflict) }},
		{"any", `null`, `"b"`, func(a, b rank) string { return chosen(a, b, `null`, `"b"`, conflict) }},
		{"map(list(string))", `{ k = ["b"] }`, `{ k = ["a"] }`, func(a, b rank) string {
			return joined(a, b, `{ k = ["b"] }`, `{ k = ["a"] }`, `{ k = ["b", "a"] }`, `{ k = ["a", "b"] }`)
		}},
	}
}

// TestMergePairs checks every pair of priority and layer, in both orders of loading,
// against the table in language.md's Merging: priority before layer, layer before
// file, and equals are a conflict that shows both places.
func TestMergePairs(t *testing.T) {
	for _, c := range pairs() {
		typ := parse(t, c.typ)
		for _, a := range ranks() {
			for _, b := range ranks() {
				parts := []*Part{part(a, data(t, c.a), "a.hcl", 1), part(b, data(t, c.b), "b.hcl", 2)}
				if want := c.want(a, b); !merges(t, typ, parts, want) {
					t.Errorf("%s: %s %s and %s %s: want %s", c.typ, a, c.a, b, c.b, want)
				}
			}
		}
	}
}

// merges reports whether parts merge to want, in any order.
func merges(t *testing.T, typ Type, parts []*Part, want string) bool {
	t.Helper()
	for range 2 {
		m, diags := Merge(Path{"o"}, typ, slices.Clone(parts))
		got := "undefined"
		switch {
		case diags.HasErrors():
			got = diags.Error()
			d := diags[0]
			both := d.Subject != nil && strings.Contains(d.Subject.Filename+d.Detail, "a.hcl") && strings.Contains(d.Subject.Filename+d.Detail, "b.hcl")
			if both && d.Summary == "Conflicting definitions" {
				got = conflict
			}
		case m.Defined:
			got = Text(m.Value)
		}
		if got != want {
			t.Logf("got %s", got)
			return false
		}
		slices.Reverse(parts)
	}
	return true
}

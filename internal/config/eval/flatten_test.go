package eval

import (
	"fmt"
	"strings"
	"testing"
)

// flattenUses are expressions over a list that is not resolved yet, each with
// its value where the list has two elements and where it has none.
var flattenUses = []struct{ expr, filled, empty string }{
	{"length(flatten([%s]))", "2", "0"},
	{"length(flatten([[%s], []]))", "2", "0"},
	{"length(flatten([%s, 1]))", "3", "1"},
	{"length(reverse(flatten([%s])))", "2", "0"},
	{"length([for x in flatten([%s]) : x])", "2", "0"},
	{"length(concat(flatten([%s]), [1]))", "3", "1"},
	{"length(flatten([%s])[*])", "2", "0"},
	{"length(chunklist(tolist(flatten([%s])), 1))", "2", "0"},
	{"length(toset(flatten([%s])))", "2", "0"},
	{"length(setunion(toset(flatten([%s])), []))", "2", "0"},
	{"length(setproduct(flatten([%s]), [1]))", "2", "0"},
	{"length(coalescelist(flatten([%s]), [1, 2, 3]))", "2", "3"},
	{"length(range(length(flatten([%s]))))", "2", "0"},
	{"sum([for x in flatten([%s]) : 1])", "2", "0"},
	{"alltrue([for x in flatten([%s]) : x == null])", "false", "true"},
	{"anytrue([for x in flatten([%s]) : x != null])", "true", "false"},
	{`length("%%{for x in flatten([%s])}.%%{endfor}")`, "2", "0"},
	{`length(formatlist("%%v", flatten([%s])))`, "2", "0"},
	{`format("%%d", length(flatten([%s]))) == "2"`, "true", "false"},
	{"flatten([%s]) == []", "false", "true"},
}

// sourceOf is an option of its own for the i-th expression: what one expression
// resolves does not help the next.
func sourceOf(i int, typ, source, value string) string {
	return strings.NewReplacer("%n", fmt.Sprint(i), "%t", typ, "%v", value).Replace(`
option "a%n.list" { type = %t }
option "a%n.thing.*.list" { type = %t }
option "out.u%n" { type = any }
a%n {
  list = config.out.with ? %v : []
  thing {
    name = config.out.user
    list = config.out.with ? %v : []
  }
}
`) + fmt.Sprintf("out { u%d = %s }\n", i, fmt.Sprintf(flattenUses[i].expr, strings.ReplaceAll(source, "%n", fmt.Sprint(i))))
}

// What is made of flatten's result does not depend on what was resolved before:
// for every type that a list may have, and below entries that perhaps are none.
func TestFlattenOfWhatIsNotResolvedYet(t *testing.T) {
	types := []struct{ typ, value string }{
		{"list(string)", `["a", "b"]`}, {"set(string)", `["a", "b"]`}, {"any", `["a", "b"]`}, {"list(any)", `["a", "b"]`},
		{"set(one_of(port, port_range))", `[1, "2-3"]`}, {"optional(list(string))", `["a", "b"]`},
		{"list(object({ a = any }))", `[{ a = 1 }, { a = 2 }]`}, {"list(list(string))", `[["a"], ["b"]]`}, {"list(port)", `[1, 2]`},
	}
	for _, c := range types {
		for _, source := range []string{"config.a%n.list", "config.a%n.thing.psiri.list", "[for name, x in config.a%n.thing : x.list]"} {
			for _, filled := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s %t", c.typ, source, filled), func(t *testing.T) { flattenTable(t, c.typ, source, c.value, filled) })
			}
		}
	}
}

func flattenTable(t *testing.T, typ, source, value string, filled bool) {
	files := fmt.Sprintf("option \"out.with\" { type = bool }\noption \"out.user\" { type = string }\nout {\n  with = %t\n  user = args.user\n}\n", filled)
	for i := range flattenUses {
		files += sourceOf(i, typ, source, value)
	}
	r, diags := evalDir(t, writeFlake(t, files))
	for _, d := range diags {
		if d.Summary != "Option at the top" {
			t.Error(d)
		}
	}
	for i, u := range flattenUses {
		want := u.empty
		if filled {
			want = u.filled
		}
		v, diags := r.Option(fmt.Sprintf("out.u%d", i))
		if diags.HasErrors() || plainText(v) != want {
			t.Errorf(u.expr+" is %s, want %s (%v)", source, plainText(v), want, diags)
		}
	}
}

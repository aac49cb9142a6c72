package eval

import (
	"fmt"
	"strings"
	"testing"
)

// Every element of a value is traced to the lines that define it, however its path
// is written, and so is what without() removes.
func TestExplainElements(t *testing.T) {
	for _, c := range []struct{ name, path, h, t, want string }{
		{"a list", "my.list", `my { list = ["h"] }`, `my { list = ["t"] }`, `["t", "h"]: [0] "t" from t.hcl; [1] "h" from h.hcl`},
		{"an element by its place", "my.list[1]", `my { list = ["h"] }`, `my { list = ["t"] }`, `my.list[1] = "h" from h.hcl`},
		{"an element by its text", `my.list["h"]`, `my { list = ["h"] }`, `my { list = ["t"] }`, `my.list[1] = "h" from h.hcl`},
		{"a text that is there twice", `my.list["a"]`, `my { list = ["a"] }`, `my { list = ["a"] }`, `my.list["a"] = "a" from h.hcl, t.hcl`},
		{"what before() moves", "my.list[0]", `my { list = before(["h"]) }`, `my { list = ["t"] }`, `my.list[0] = "h" from h.hcl`},
		{"a set", "my.set", `my { set = ["b", "a"] }`, `my { set = ["b"] }`, `["a", "b"]: ["a"] "a" from h.hcl; ["b"] "b" from h.hcl, t.hcl`},
		{"of a set by its place", "my.set[1]", `my { set = ["b", "a"] }`, `my { set = ["c"] }`, `my.set["b"] = "b" from h.hcl`},
		{"without the quotes that a shell took", "my.set[b]", `my { set = ["b"] }`, ``, `my.set["b"] = "b" from h.hcl`},
		{"a key without its quotes", "my.map[b.c]", `my { map = { "b.c" = "h" } }`, ``, `my.map["b.c"] = "h" from h.hcl`},
		{"an entry without its quotes", "thing[e.f].b", "thing \"e.f\" { b = \"h\" }", ``, `thing["e.f"].b = "h" from h.hcl`},
		{"with a dot", "my.set.b", `my { set = ["b"] }`, ``, `my.set["b"] = "b" from h.hcl`},
		{"a removal", "my.list", `my { list = [without("t"), "h"] }`, `my { list = ["t"] }`, `["h"]: [0] "h" from h.hcl; ["t"] gone: t.hcl taken by "t" of h.hcl`},
		{"what is removed", `my.list["t"]`, `my { list = [without("t"), "h"] }`, `my { list = ["t"] }`, `my.list["t"] gone: t.hcl taken by "t" of h.hcl`},
		{"what is removed and put in", `my.list["t"]`, `my { list = [without("t"), "t"] }`, `my { list = ["t"] }`, `my.list["t"] = "t" from h.hcl beats t.hcl taken by "t" of h.hcl`},
		{"several removed", "my.set", `my { set = without(["a", "b"]) }`, `my { set = ["a", "b", "c"] }`, `["c"]: ["c"] "c" from t.hcl; ["a"] gone: t.hcl taken by "a" of h.hcl; ["b"] gone: t.hcl taken by "b" of h.hcl`},
		{"a map", "my.map", `my { map = { a = "h" } }`, `my { map = { a = "t", "b.c" = "t" } }`, `{ a = "h", "b.c" = "t" }: .a "h" from h.hcl beats t.hcl; ["b.c"] "t" from t.hcl`},
		{"a key", "my.map.b.c", `my { map = { a = "h" } }`, `my { map = { a = "t", "b.c" = "t" } }`, `my.map["b.c"] = "t" from t.hcl`},
		{"a key that another beats", "my.map.a", `my { map = { a = "h" } }`, `my { map = { a = force("t") } }`, `my.map.a = "t" from t.hcl beats h.hcl`},
		{"a key that is removed", "my.map", `my { map = without("a") }`, `my { map = { a = "t", b = "t" } }`, `{ b = "t" }: .b "t" from t.hcl; .a gone: t.hcl taken by "a" of h.hcl`},
		{"a key that force() drops", "my.map.a", `my { map = force({}) }`, `my { map = { a = "t" } }`, `my.map.a gone: t.hcl`},
		{"a key that force(null) drops", "my.map.a", `my { map = { a = force(null) } }`, `my { map = { a = "t" } }`, `my.map.a gone: from h.hcl beats t.hcl`},
		{"lines", "my.lines", `my { lines = ["h", without("t")] }`, `my { lines = ["s", "t"] }`, `"s\nh\n":  "s" from t.hcl;  "h" from h.hcl;  gone: t.hcl taken by "t" of h.hcl`},
		{"deep in data", "my.data.a.l[1]", `my { data = { a = { l = ["h"] } } }`, `my { data = { a = { l = ["t"], m = 1 } } }`, `my.data.a.l[1] = "h" from h.hcl`},
		{"a removal deep in data", "my.data.a.l", `my { data = { a = { l = [without("t")] } } }`, `my { data = { a = { l = ["t", "u"] } } }`, `["u"]: [0] "u" from t.hcl; ["t"] gone: t.hcl taken by "t" of h.hcl`},
		{"inside an element", "my.data.l[0].k[1]", `my { data = { l = [{ k = [1, 2] }] } }`, ``, `my.data.l[0].k[1] = 2 from h.hcl`},
		{"a scalar has none", "my.text", `my { text = "h" }`, ``, `"h":`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := explained(t, c.h, c.t, c.path)
			if got := traced(x, c.path); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func explained(t *testing.T, h, weaker, path string) *Explanation {
	t.Helper()
	r, diags := evalDir(t, writeFlake(t, h+"\n"+myOptions+weaker))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	said := r.eval.log.Count()
	x, diags := r.Explain(path)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if r.eval.log.Count() != said {
		t.Errorf("explaining reports %v once more", r.eval.log.All()[said:])
	}
	return x
}

// traced is an explanation in short: of an option its elements, of an element
// its definitions.
func traced(x *Explanation, path string) string {
	if len(x.Elements) == 0 && strings.Count(x.Path, ".")+strings.Count(x.Path, "[") > 1 {
		if x.Gone {
			return x.Path + " gone: " + decided(x.Definitions)
		}
		return x.Path + " = " + x.Value + " " + decided(x.Definitions)
	}
	var out []string
	for _, e := range x.Elements {
		value := e.Value + " "
		if e.Gone {
			value = "gone: "
		}
		out = append(out, fmt.Sprintf(" %s %s%s", e.Step, value, decided(e.Definitions)))
	}
	return x.Value + ":" + strings.Join(out, ";")
}

func decided(defs []Definition) string {
	var counts, beaten []string
	taken := ""
	for _, d := range defs {
		switch {
		case d.Removes:
			taken = " taken by " + d.Text + " of " + d.File
		case d.Wins:
			counts = append(counts, d.File)
		default:
			beaten = append(beaten, d.File)
		}
	}
	out := ""
	if len(counts) > 0 {
		out = "from " + strings.Join(counts, ", ")
	}
	if len(beaten) > 0 {
		if len(counts) > 0 {
			out += " beats "
		}
		out += strings.Join(beaten, ", ")
	}
	return out + taken
}

// A path that leads to no element says what there is.
func TestExplainNoElement(t *testing.T) {
	const h = `my {
  list = ["one", "two"]
  set  = ["8080"]
  map  = { a = "1" }
  text = "x"
}
thing = without("gone")
packages = ["git"]`
	r, diags := evalDir(t, writeFlake(t, h+"\n"+myOptions+"thing \"gone\" {}\nthing \"here\" {}\n"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for path, want := range map[string]string{
		"my.list[2]":           "The last element of my.list is [1]; there is no [2].",
		`my.list["tow"]`:       `my.list has no "tow". Did you mean "two"?`,
		`my.list["x"]`:         `my.list has no "x". It has: [0], [1].`,
		"my.set[8080]":         `my.set has no [8080]. Write my.set["8080"] for the element that is 8080.`,
		"my.list[0":            "my.list[0 has no closing bracket.",
		`thing["her"`:          `Nothing declares thing.her. Did you mean "here"?`,
		"my.map.b":             `my.map has no "b". Did you mean "a"?`,
		"my.text[0]":           "my.text has no elements; there is no my.text[0].",
		`packages["gti"]`:      `packages has no "gti". Did you mean "git"?`,
		"thing.gone":           "thing.gone is declared at t.hcl:22, and h.hcl:7 removes it.",
		"thing.gone.a":         "thing.gone is declared at t.hcl:22, and h.hcl:7 removes it.",
		`thing["h.e"].a`:       `Nothing declares thing["h.e"].`,
		"thing.here":           "thing.here contains options; name one of them: a, b, part.",
		`my.list["one"]nonsen`: `my.list has no ["one"]nonsen. It has: [0], [1].`,
	} {
		_, diags := r.Explain(path)
		_, again := r.Option(path)
		if path == "thing.here" {
			again = diags
		}
		for _, d := range [][]string{{"Explain", diags.Error()}, {"Option", again.Error()}} {
			if !strings.HasSuffix(d[1], "; "+want) {
				t.Errorf("%s(%s) says\n%s\nwant %s", d[0], path, d[1], want)
			}
		}
	}
}

// eval --option and explain take the same paths.
func TestOptionElement(t *testing.T) {
	r, diags := evalDir(t, writeFlake(t, "my {\n  list = [\"one\", without(\"two\")]\n  data = { l = [{ k = null }] }\n}\n"+myOptions+"my { list = [\"two\"] }\n"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, path := range []string{"my.list[0]", `my.list["one"]`, "my.list.one"} {
		if v, diags := r.Option(path); diags.HasErrors() || v.AsString() != "one" {
			t.Errorf("%s is %#v (%v)", path, v, diags)
		}
	}
	if v, diags := r.Option("my.data.l[0].k"); diags.HasErrors() || !v.IsNull() {
		t.Errorf("my.data.l[0].k is %#v (%v)", v, diags)
	}
	if _, diags := r.Option("my.list.two"); !strings.Contains(diags.Error(), `my.list["two"] is not in the result; 'hostctl explain' says why.`) {
		t.Error(diags)
	}
}

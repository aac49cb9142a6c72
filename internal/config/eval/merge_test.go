package eval

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// threeLayers is a flake in which flake.hcl, the template and the host each name
// two files that do not import each other.
const threeLayers = `
-- flake.hcl --
modules = ["./options.hcl", "./flake1.hcl", "./flake2.hcl"]
template "t" { modules = ["./template1.hcl", "./template2.hcl"] }
host "h" {
  template = "t"
  modules  = ["./host1.hcl", "./host2.hcl"]
}
`

// stand is the place of a definition, as people write it.
type stand struct {
	layer    option.Layer
	priority option.Priority
}

func stands() []stand {
	var out []stand
	for l := option.Flake; l <= option.Host; l++ {
		for p := option.Default; p <= option.Force; p++ {
			out = append(out, stand{l, p})
		}
	}
	return out
}

func (p stand) over(q stand) bool {
	return p.priority > q.priority || p.priority == q.priority && p.layer > q.layer
}

func (p stand) write(value string) string {
	switch p.priority {
	case option.Default:
		return "default(" + value + ")"
	case option.Force:
		return "force(" + value + ")"
	}
	return value
}

// TestMergeLayers writes, for every pair of layer and priority, one option
// that is defined at both and has a default, and evaluates them all at once;
// equals in one layer are a conflict of two files, which the errors show.
func TestMergeLayers(t *testing.T) {
	files := map[string]*strings.Builder{}
	for _, name := range []string{"options", "flake1", "flake2", "template1", "template2", "host1", "host2"} {
		files[name] = &strings.Builder{}
	}
	want, conflicts := map[string]string{}, map[string]bool{}
	add := func(kind, typ, initial, a, b string, pa, pb stand, result string) {
		name := fmt.Sprintf("%s_%d%d_%d%d", kind, pa.layer, pa.priority, pb.layer, pb.priority)
		fmt.Fprintf(files["options"], "option \"m.%s\" {\n  type    = %s\n  default = %s\n}\n", name, typ, initial)
		fmt.Fprintf(files[pa.layer.String()+"1"], "m { %s = %s }\n", name, pa.write(a))
		fmt.Fprintf(files[pb.layer.String()+"2"], "m { %s = %s }\n", name, pb.write(b))
		if result == "" {
			conflicts[name] = true
		} else {
			want[name] = result
		}
	}
	for _, a := range stands() {
		for _, b := range stands() {
			add("scalar", "string", `"d"`, `"a"`, `"b"`, a, b, pick(a, b, `"a"`, `"b"`, ""))
			add("equal", "port", "1", `22`, `"22"`, a, b, "22")
			add("list", "list(string)", `["d"]`, `["a"]`, `["b"]`, a, b, together(a, b, `["a"]`, `["b"]`, `["a", "b"]`, `["b", "a"]`))
			add("set", "set(string)", `["d"]`, `["c", "a"]`, `["c", "b"]`, a, b, together(a, b, `["a", "c"]`, `["b", "c"]`, `["a", "b", "c"]`, `["a", "b", "c"]`))
			add("lines", "lines", `"d"`, `"a"`, `"b"`, a, b, together(a, b, `"a\n"`, `"b\n"`, `"a\nb\n"`, `"b\na\n"`))
			add("map", "map(string)", `{ d = "d" }`, `{ k = "a" }`, `{ k = "b" }`, a, b, keyed(a, b))
			add("any", "any", `{ d = "d" }`, `{ k = "a" }`, `{ k = "b" }`, a, b, keyed(a, b))
			add("object", "object({ k = string, d = optional(string) })", `{ k = "d", d = "d" }`, `{ k = "a" }`, `{ k = "b" }`, a, b,
				nulled(keyed(a, b)))
		}
	}
	archive := threeLayers
	for name, text := range files {
		archive += "-- " + name + ".hcl --\n" + text.String()
	}
	f, diags := flake.Load(writeFlake(t, archive))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r, diags := Host(context.Background(), f, "h")
	checkConflicts(t, diags, conflicts)
	for name, w := range want {
		v, diags := r.Option("m." + name)
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
		} else if got := option.Text(v); got != w {
			t.Errorf("%s (layer and priority of one, of the other) is %s, want %s", name, got, w)
		}
	}
}

// checkConflicts expects one error for each, which shows both files.
func checkConflicts(t *testing.T, diags hcl.Diagnostics, conflicts map[string]bool) {
	t.Helper()
	found := 0
	for _, d := range diags {
		switch {
		case d.Severity != hcl.DiagError:
		case d.Summary != "Conflicting definitions":
			t.Error(d)
		default:
			found++
			both := strings.Contains(d.Subject.Filename, "2.hcl") && strings.Contains(d.Detail, "1.hcl:")
			if name, _, _ := strings.Cut(strings.TrimPrefix(d.Detail, "m."), " "); !both || !conflicts[strings.TrimSuffix(name, ".k")] {
				t.Errorf("%s does not show the two places of a conflict", d)
			}
		}
	}
	if found != len(conflicts) {
		t.Errorf("%d conflicts, want %d", found, len(conflicts))
	}
}

// pick is for scalars.
func pick(a, b stand, ifA, ifB, ifEqual string) string {
	switch {
	case a.over(b):
		return ifA
	case b.over(a):
		return ifB
	}
	return ifEqual
}

// together is for lists.
func together(a, b stand, onlyA, onlyB, ab, ba string) string {
	switch {
	case a.priority != b.priority:
		return pick(a, b, onlyA, onlyB, "")
	case b.over(a):
		return ab
	case a.over(b):
		return ba
	}
	return ab
}

// keyed is for maps whose default has its own key, d, which only a force removes.
func keyed(a, b stand) string {
	k := pick(a, b, `"a"`, `"b"`, "")
	switch {
	case k == "":
		return ""
	case a.priority == option.Force || b.priority == option.Force:
		return "{ k = " + k + " }"
	}
	return `{ d = "d", k = ` + k + " }"
}

// nulled is a map as an object shows it, which has every attribute.
func nulled(text string) string {
	if strings.HasPrefix(text, "{ k") {
		return "{ d = null," + strings.TrimPrefix(text, "{")
	}
	return text
}

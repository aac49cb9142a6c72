package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// defaultFlake is the flake.hcl of cases without one: h.hcl is the host layer, and
// t.hcl, if the case has one, the template layer.
const defaultFlake = `
input "debian" { url = "debian:trixie" }
args {
  user = "psiri"
}
template "t" { modules = ["./t.hcl"] }
host "h" {
  template = "t"
  modules  = ["./h.hcl"]
}
`

// evalCase is a configuration and what becomes of it.
type evalCase struct {
	name   string // starts with the number of the rule
	files  string // a txtar archive; text before the first file is h.hcl
	option string
	want   string   // its value as JSON
	errs   []string // each is part of an error; no other errors come
	warns  []string
	origin string // who decided the option: file:line and layer
}

func writeFlake(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	a := txtar.Parse([]byte(archive))
	files := map[string]string{"flake.hcl": defaultFlake, "t.hcl": ""}
	if strings.TrimSpace(string(a.Comment)) != "" {
		files["h.hcl"] = string(a.Comment)
	}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func evalDir(t *testing.T, dir string) (*Result, hcl.Diagnostics) {
	t.Helper()
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		return &Result{}, diags
	}
	return Host(context.Background(), f, "h")
}

func (c evalCase) run(t *testing.T) {
	r, diags := evalDir(t, writeFlake(t, c.files))
	var errs, warns []string
	for _, d := range diags {
		text := d.Error()
		if d.Severity == hcl.DiagError {
			errs = append(errs, text)
		} else if d.Summary != "Option at the top" || strings.HasPrefix(c.name, "rule 24") { // to be short the cases do that
			warns = append(warns, text)
		}
	}
	match(t, "error", errs, c.errs)
	match(t, "warning", warns, c.warns)
	if c.option == "" || len(errs) > 0 {
		return
	}
	v, diags := r.Option(c.option)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != c.want {
		t.Errorf("%s is %s, want %s", c.option, got, c.want)
	}
	if c.origin == "" {
		return
	}
	x, diags := r.Explain(c.option)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if d := x.Definitions[0]; fmt.Sprintf("%s:%d %s %s", d.File, d.Line, d.Layer, d.Priority) != c.origin {
		t.Errorf("%s is decided by %+v, want %s", c.option, d, c.origin)
	}
}

func match(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i, g := range got {
		if i >= len(want) {
			t.Errorf("unexpected %s: %s", what, g)
		} else if !strings.Contains(g, want[i]) {
			t.Errorf("%s %d is\n%s\nwant %q in it", what, i, g, want[i])
		}
	}
	for _, w := range want[min(len(got), len(want)):] {
		t.Errorf("no %s %q", what, w)
	}
}

// ruleTitles are the rules of docs/design/language-rules.md, each in a line. The
// tests of rule n are the cases whose names start with "rule n", and the functions
// whose names start with TestRule n.
func ruleTitles() []string {
	return []string{
		1:  "evaluation is lazy, by typed unknowns that carry their path",
		2:  "force, default, before, after and without are syntax",
		3:  "option \"user.*.shell\" declares an option of every entry",
		4:  "a computed label is a name",
		5:  "HCL's grammar is kept, its errors say what to write",
		6:  "name {} and name = {} mean the same where both can be written",
		7:  "modifiers work on elements; a removal is no definition",
		8:  "types are checked and merged element by element",
		9:  "no file overflows the stack or the memory",
		10: "per leaf the definitions of the highest priority count",
		11: "a file beats the files it imports",
		12: "lists keep load order, sets and maps are sorted",
		13: "above an option only literal keys stand",
		14: "when belongs to each definition below it",
		15: "self is the innermost entry",
		16: "null is no definition",
		17: "what has identity is a map with labels",
		18: "writers sort keys, a list repeats its key",
		19: "a secret's placeholder passes where text is built, and nowhere else",
		20: "a typo is an error inside try, too, and in every branch",
		21: "a library file acts through its own options only",
		22: "imports see host, args and input; a foreign module has its own paths",
		23: "one path syntax everywhere",
		24: "one word is one thing",
		25: "a shell's text in a heredoc is explained",
		26: "a part of lines ends in one newline",
		27: "a splat over a map is explained",
		28: "each.parent is the outer each",
		29: "one mistake is one error, and all of a run are reported",
		30: "a definition remembers where it stands",
		31: "equal values are no conflict",
		32: "validation names the value",
		33: "an empty list warns that it adds nothing",
		34: "of exactly one of several the definitions count as of one",
	}
}

func ruleCases() []evalCase {
	return slices.Concat(mergeRuleCases(), referenceRuleCases(), functionCases(), movedCases(), limitCases(), fleetRuleCases(), detailRuleCases())
}

func TestRules(t *testing.T) {
	cases := ruleCases()
	for n, title := range ruleTitles() {
		if n == 0 {
			continue
		}
		prefix := fmt.Sprintf("rule %02d ", n)
		if !slices.ContainsFunc(cases, func(c evalCase) bool { return strings.HasPrefix(c.name, prefix) }) {
			t.Errorf("rule %d, %q, has no case", n, title)
		}
	}
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func declared(t *testing.T, label string) option.Path {
	t.Helper()
	p, err := option.Declared(label)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// defaultFlake is the flake.hcl of cases that bring none: h.hcl is the host
// layer, and t.hcl, where the case has one, the template layer.
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
		} else {
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

func TestRules(t *testing.T) {
	for _, c := range ruleCases() {
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

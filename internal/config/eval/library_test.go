package eval

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/library"
)

// evalWhole evaluates a host with every module of the library active.
func evalWhole(t *testing.T, dir string) (*Result, *evaluator) {
	t.Helper()
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	e := newEvaluator(context.Background(), NewFleet(f))
	e.host = f.Host("h")
	for _, name := range library.Modules() {
		e.activate(name)
	}
	return e.run("h"), e
}

const bareHost = `
-- h.hcl --
packages = ["git"]
`

// Language rule 21: a module of the library is inert until one of its own options is
// defined, so whether it is loaded makes no difference.
func TestRule21LibraryIsInert(t *testing.T) {
	dir := writeFlake(t, bareHost)
	lazy, diags := evalDir(t, dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	whole, e := evalWhole(t, dir)
	for _, d := range e.log.All() {
		t.Error(d)
	}
	a, err := lazy.Spec.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	b, err := whole.Spec.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("with the whole library loaded the spec is\n%s\nwithout\n%s", b, a)
	}
}

// Language rule 21: what nothing touches is not parsed.
func TestRule21UntouchedIsNotParsed(t *testing.T) {
	r, diags := evalDir(t, writeFlake(t, bareHost))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	always := map[string]bool{}
	for _, name := range library.Always() {
		always["library/"+name] = true
	}
	for name := range r.eval.modules {
		if len(name) > 8 && name[:8] == "library/" && !always[name] {
			t.Errorf("%s was parsed", name)
		}
	}
}

// Every option of the library has a description, and its type and default
// agree: the default of each is evaluated.
func TestLibraryDefaults(t *testing.T) {
	_, e := evalWhole(t, writeFlake(t, bareHost))
	for _, label := range sortedKeys(library.Index()) {
		n, _ := e.root.Find(declared(t, label))
		if d := e.declaration(n); d.Description == "" {
			t.Errorf("%s has no description", label)
		}
	}
	before := e.log.Count()
	e.whole(e.root, nil)
	for _, d := range e.log.All()[before:] {
		t.Error(d)
	}
}

// A user can act on every warning: enabling any library module, in addition to what
// users declare, never gives a warning whose place is in the library.
func TestTheLibraryIsNoPlaceOfAWarning(t *testing.T) {
	for _, label := range sortedKeys(library.Index()) {
		path, ok := strings.CutSuffix(label, ".enable")
		if !ok || strings.Contains(label, option.Any) {
			continue
		}
		parts := strings.Split(path, ".")
		text := strings.Join(parts, " {\n") + " {\nenable = true\n" + strings.Repeat("}\n", len(parts))
		_, diags := evalDir(t, writeFlake(t, text+`
user "u" { groups = ["sudo"] }
packages = ["git"]
networking {
  firewall {
    enable            = true
    allowed_tcp_ports = [80]
    allowed_udp_ports = [53]
  }
}
`))
		for _, d := range diags {
			if d.Severity == hcl.DiagWarning && (d.Subject == nil || strings.HasPrefix(d.Subject.Filename, "library/")) {
				t.Errorf("%s makes the library warn: %v", label, d)
			}
		}
	}
}

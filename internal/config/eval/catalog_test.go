package eval

import (
	"context"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// Every option of the library says what it takes, and what it shows as an
// example can be written there.
func TestExamplesAreOfTheirType(t *testing.T) {
	// What examples refer to.
	f, diags := flake.Load(writeFlake(t, `
-- h.hcl --
secret "password" { file = "./s.yaml" }
secrets { age_key_file = "/key" }
-- s.yaml --
`))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	e := newEvaluator(context.Background(), NewFleet(f))
	e.host = f.Host("h")
	e.loadAll()
	seen := 0
	e.root.Walk(func(n *option.Node) {
		d := e.declaration(n)
		if d.Example == nil {
			return
		}
		seen++
		home := e.homes[n]
		def := &option.Definition{Source: home.source, Range: d.Example.Range(), Priority: option.Plain}
		p, ok := e.part(d.Example, &scope{mod: home}, option.Part{Def: def, Range: d.Example.Range(), Priority: option.Plain})
		if !ok {
			t.Errorf("%s: the example of %s does not evaluate: %v", option.At(d.Example.Range()), d.Path, e.log.All())
			return
		}
		_, diags := option.Merge(d.Path, d.Type, []*option.Part{p})
		for _, d := range diags {
			t.Error(d)
		}
	})
	if seen == 0 {
		t.Fatal("no option has an example")
	}
}

func TestOptionsOfAFlake(t *testing.T) {
	dir := writeFlake(t, `
-- h.hcl --
option "my.servers.*.port" {
  type        = port
  default     = 8080
  description = "Where it listens."
  example     = 80
}
`)
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c, diags := Options(context.Background(), f, []string{"h"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want := OptionDoc{Path: "my.servers.*.port", Type: "port", Description: "Where it listens.", Default: "8080", Example: "80", File: "h.hcl", Line: 1}
	var got OptionDoc
	library := 0
	for _, o := range c.Options {
		if o.Path == want.Path {
			got = o
		} else if strings.HasPrefix(o.File, "library/") {
			library++
		}
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if library == 0 {
		t.Error("the library's options are not listed")
	}
	if !strings.Contains(c.Source("library/services/openssh.hcl"), "openssh-server") {
		t.Error("the module of services.openssh has no source")
	}
}

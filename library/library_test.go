package library

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The index is read off lines; this holds it against a real parse.
func TestIndexIsWhatTheParserSees(t *testing.T) {
	want := map[string]string{}
	for _, name := range Modules() {
		b, err := Read(name)
		if err != nil {
			t.Fatal(err)
		}
		file, diags := hclsyntax.ParseConfig(b, name, hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			if block.Type != "option" {
				continue
			}
			if other, twice := want[block.Labels[0]]; twice {
				t.Errorf("option %s is declared in %s and %s", block.Labels[0], other, name)
			}
			want[block.Labels[0]] = name
		}
	}
	got := Index()
	for _, label := range slices.Sorted(maps.Keys(want)) {
		if got[label] != want[label] {
			t.Errorf("the index says %q for %s, the parser %q", got[label], label, want[label])
		}
	}
	if len(got) != len(want) || len(got) < 40 {
		t.Errorf("the index has %d options, the parser found %d", len(got), len(want))
	}
}

func TestAlways(t *testing.T) {
	got := Always()
	if !slices.Contains(got, "base.hcl") || !slices.Contains(got, "resources/file.hcl") {
		t.Errorf("base.hcl and the resources always act, got %v", got)
	}
	for _, name := range got {
		if name != "base.hcl" && name[:10] != "resources/" {
			t.Errorf("%s always acts", name)
		}
	}
}

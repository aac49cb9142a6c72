package eval

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// Files that a host's text plainly names are parsed before anything needs them: the
// modules of its layers, what they import, and the library files whose options they
// define.
func TestParseAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	dir := writeFlake(t, `
imports = ["./more", host.name == "h" ? "./computed.hcl" : "./none.hcl"]
services {
  fprintd { enable = true }
}
-- t.hcl --
config {
  when   = true
  sysctl = { "vm.swappiness" = 10 }
  boot {
    tmp { use_tmpfs = true }
  }
}
-- more/default.hcl --
home "psiri" {
  programs {
    kitty { enable = true }
  }
}
-- computed.hcl --
-- other.hcl --`)
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	s := NewFleet(f)
	s.parseAhead("h")()
	var got []string
	for key, p := range s.parsed {
		if p.file == nil {
			t.Errorf("%s is not parsed", key)
		}
		if rel, err := filepath.Rel(dir, key); err == nil && !strings.HasPrefix(rel, "..") {
			key = rel
		}
		if !slices.Contains(s.always, strings.TrimPrefix(key, "library/")) {
			got = append(got, key)
		}
	}
	slices.Sort(got)
	want := []string{"h.hcl", "library/boot/tmp.hcl", "library/programs/kitty.hcl", "library/services/fprintd.hcl", "more/default.hcl", "t.hcl"}
	if !slices.Equal(got, want) {
		t.Errorf("parsed ahead %q, want %q", got, want)
	}
	if len(f.Files) != 1 {
		t.Errorf("the flake has %d files before a host of it is evaluated, want flake.hcl alone", len(f.Files))
	}
}

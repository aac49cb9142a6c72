package flake

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/syntax"
)

// Language rule 5: what the docs show parses, and a fence that calls itself flake.hcl
// is one.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no docs: %v", err)
	}
	fence := regexp.MustCompile("(?ms)^ *```hcl\n(.*?)^ *```")
	for _, page := range append(pages, "../../../README.md") {
		for _, m := range fence.FindAllStringSubmatch(readFile(t, page), -1) {
			if _, diags := syntax.Parse(filepath.Base(page), []byte(m[1])); diags.HasErrors() {
				t.Errorf("%v in:\n%s", diags, m[1])
			}
			if strings.HasPrefix(strings.TrimSpace(m[1]), "# flake.hcl\n") {
				_, diags := Load(write(t, t.TempDir(), map[string]string{"flake.hcl": m[1]}))
				if diags.HasErrors() {
					t.Errorf("%s: %v in:\n%s", page, diags, m[1])
				}
			}
		}
	}
}

// Hosts are evaluated at once, and have their inputs in common.
func TestOpenAtOnce(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": `input "b" { url = "path:./b" }`, "b/flake.hcl": ""})
	update(t, dir)
	f := mustLoad(t, dir)
	done := make(chan error)
	for range 8 {
		go func() {
			err := f.Input("b").Open(t.Context())
			f.Input("b").Flake()
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

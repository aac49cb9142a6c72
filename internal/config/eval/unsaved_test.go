package eval

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// What an editor holds counts instead of what is on disk: flake.hcl, modules
// and files that expressions read.
func TestUnsaved(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"flake.hcl": "", "m.hcl": "not HCL at all", "text": "old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, diags := flake.LoadUnsaved(dir, map[string][]byte{
		filepath.Join(dir, "flake.hcl"): []byte("host \"h\" { modules = [\"./m.hcl\"] }\n"),
		filepath.Join(dir, "m.hcl"):     []byte("option \"my.text\" { type = string }\nmy { text = file(\"./text\") }\n"),
		filepath.Join(dir, "text"):      []byte("new"),
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r, _ := Host(context.Background(), f, "h")
	if v, diags := r.Option("my.text"); diags.HasErrors() || v.AsString() != "new" {
		t.Errorf("my.text is %#v (%v), want what the editor holds", v, diags)
	}
}

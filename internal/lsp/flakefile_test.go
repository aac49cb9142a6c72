package lsp

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// The names that are offered in flake.hcl are those that flake takes: its
// error about another one lists them.
func TestNamesOfFlakeFile(t *testing.T) {
	for block, names := range flakeNames() {
		src := fmt.Sprintf("%s \"x\" {\n  nonsense = 1\n}\n", block)
		switch block {
		case "":
			src = "nonsense = 1\n"
		case "export":
			src = "export {\n  nonsense = 1\n}\n"
		case "args", "host.args", "template.args":
			continue // any name
		}
		dir := t.TempDir()
		_, diags := flake.LoadUnsaved(dir, map[string][]byte{filepath.Join(dir, "flake.hcl"): []byte(src)})
		said := ""
		for _, d := range diags {
			said += d.Detail
		}
		list, _, ok := strings.Cut(said, ", not \"nonsense\"")
		if !ok {
			t.Errorf("%q: the error lists no names: %s", block, said)
			continue
		}
		for _, name := range names {
			inner := name == "args" || block == "" && slices.Contains(slices.Collect(maps.Keys(flakeNames())), name)
			if !inner && !strings.Contains(list, name) {
				t.Errorf("%q: %s is offered, but: %s", block, name, said)
			}
		}
		_, list, _ = strings.Cut(list, " takes ")
		for _, name := range strings.Split(list, ", ") {
			if !slices.Contains(names, name) {
				t.Errorf("%q: %s is not offered", block, name)
			}
		}
	}
}

func TestInputs(t *testing.T) {
	e := newEditor(t)
	t.Setenv("HOSTCTL_CACHE", filepath.Join(e.dir, ".cache"))
	flakeFile := "input \"parts\" { url = \"path:./parts\" }\n" + testFlake
	for name, src := range map[string]string{
		"flake.hcl": flakeFile, "parts/flake.hcl": "export {\n  modules = {\n    web = \"./web.hcl\"\n  }\n}\n", "parts/web.hcl": "services {\n  openssh { enable = true }\n}\n",
		"one/default.hcl": strings.Replace(testOne, "imports = [", "imports = [input.parts.modules.web, ", 1),
	} {
		path := filepath.Join(e.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, diags := flake.Load(e.dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, err := f.Update(t.Context(), []string{"parts"})
	text, textErr := f.LockText()
	if err := errors.Join(err, textErr, os.WriteFile(f.LockPath(), text, 0o600)); err != nil {
		t.Fatal(err)
	}
	var list completionList
	e.place("one/default.hcl", "imports = [input.parts.modules.|", "textDocument/completion", &list)
	if len(list.Items) != 1 || list.Items[0].Label != "web" {
		t.Errorf("input.parts.modules. is followed by %+v", list.Items)
	}
	var got []location
	e.place("one/default.hcl", "imports = [input.parts.modules.we|b]", "textDocument/definition", &got)
	if len(got) != 1 || !strings.HasSuffix(got[0].URI, "/web.hcl") {
		t.Errorf("input.parts.modules.web is at %+v", got)
	}
	e.edit("one/default.hcl", strings.Replace(testOne, "imports = [", "imports = [input.parts.modules.web, input.prats.modules.web, ", 1))
	if got := e.diagnosed("one/default.hcl"); len(got) == 0 || !strings.Contains(got[0].Message, `"parts"`) {
		t.Errorf("an input that is misspelt is %+v", got)
	}
}

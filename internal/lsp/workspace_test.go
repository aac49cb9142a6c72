package lsp

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sourcegraph/jsonrpc2"
)

// Typing in a file of one host evaluates that host only: the results of the others
// stay.
func TestOnlyWhatChangedIsEvaluated(t *testing.T) {
	e := newEditor(t)
	e.edit("base.hcl", "services {\n  openshs { enable = true }\n}\n")
	if got := e.diagnosed("base.hcl"); len(got) != 1 || strings.Contains(got[0].Message, "On one") {
		t.Fatalf("a mistake of both hosts is %+v", got)
	}
	e.edit("one/default.hcl", testOne)
	e.change("one/default.hcl", testOne+"my {\n  txet = \"x\"\n}\n")
	if got := e.diagnosed("one/default.hcl"); len(got) != 1 || !strings.Contains(got[0].Message, `Did you mean "text"?`) || !strings.Contains(got[0].Message, "(On one.)") {
		t.Errorf("the mistake of one host is %+v", got)
	}
	// What the first host says of a file of both is published as both's.
	e.change("base.hcl", "services {\n  openshs { enable = false }\n}\n")
	for range 2 {
		if got := e.diagnosed("base.hcl"); len(got) != 1 || strings.Contains(got[0].Message, "(On ") {
			t.Errorf("a mistake of both hosts is %+v", got)
		}
	}
	e.edit("flake.hcl", testFlake+"host \"three\" {\n")
	if got := e.diagnosed("flake.hcl"); len(got) == 0 {
		t.Error("flake.hcl does not parse, and nothing is said")
	}
	e.change("one/default.hcl", testOne)
	e.change("flake.hcl", testFlake)
	if got := e.diagnosed("base.hcl"); len(got) != 1 {
		t.Errorf("the flake is mended, and the mistake that is left is %+v", got)
	}
}

func TestWorkspaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/flake.hcl", "a/b/c/flake.hcl"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t.Context(), Options{Cache: dir, Version: "test"})
	for path, want := range map[string]string{"a/x.hcl": "a", "a/b/x.hcl": "a", "a/b/c/x.hcl": "a/b/c", "a/b/c/d/x.hcl": "a/b/c"} {
		if w := s.workspaceOf(filepath.Join(dir, path)); w == nil || w.dir != filepath.Join(dir, want) {
			t.Errorf("%s is of %+v, want %s", path, w, want)
		}
	}
	if w := s.workspaceOf(filepath.Join(dir, "x.hcl")); w != nil {
		t.Errorf("a file below no flake is of %s", w.dir)
	}
}

// TestNothingTypedEndsTheServer asks everything about every place of files
// that end there, and of whole ones.
func TestNothingTypedEndsTheServer(t *testing.T) {
	e := newEditor(t)
	s := newServer(t.Context(), testOptions(e.dir))
	s.conn = jsonrpc2.NewConn(context.Background(), jsonrpc2.NewBufferedStream(duplex{strings.NewReader(""), nopWriter{}}, jsonrpc2.VSCodeObjectCodec{}), nil)
	more := `
function "f" {
  params = ["a"]
  result = "${a}-${jsonencode({ for k, v in config.user : k => v.uid if v.uid > 0 })}"
}
my {
  set = { left = true, right = [1, 2][0] }
  text = <<-EOT
    ${config.user["psiri"].shell} %{ if true }x%{ endif }
  EOT
}
user = { other = force({ uid = self.name }), (args.user) = {} }
`
	for name, src := range map[string]string{"one/default.hcl": testOne + more, "flake.hcl": testFlake, "stray.hcl": "x {\n"} {
		path := filepath.Join(e.dir, name)
		s.open[path] = &document{}
		s.open[path].set(path, []byte(src), 1)
		w := s.workspaceOf(path)
		s.edits++
		w.evaluate()
		for n := range len(src) + 1 {
			for _, src := range []string{src[:n], src} {
				q := &request{server: s, workspace: w, view: w.asked(), path: path, text: newText([]byte(src)), offset: n}
				q.complete()
				q.hover()
				q.define()
				q.signatureHelp()
				q.folds()
				if n%50 == 0 {
					q.references(true)
					q.highlights()
				}
			}
		}
	}
}

type nopWriter struct{}

func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }
func (nopWriter) Close() error                { return nil }

// What a host's package lock does not provide is reported too.
func TestBeyondEvaluation(t *testing.T) {
	e := newEditor(t)
	e.edit("flake.hcl", testFlake)
	if got := e.diagnosed("flake.hcl"); len(got) != 1 || got[0].Severity != severityWarning || !strings.Contains(got[0].Message, "Nothing brings /bin/zsh. (On two.)") {
		t.Errorf("the lock's warning is %+v", got)
	}
}

// A flake.hcl that never could be read leaves questions without an answer, and
// nothing worse.
func TestFlakeThatCannotBeRead(t *testing.T) {
	e := newEditor(t)
	e.edit("flake.hcl", "host \"one\" {\n  bogus = 1\n}\n")
	e.edit("one/default.hcl", testOne)
	for _, name := range []string{"flake.hcl", "one/default.hcl"} {
		for _, method := range []string{"completion", "hover", "definition", "references", "documentHighlight", "signatureHelp", "foldingRange", "documentSymbol"} {
			e.call("textDocument/"+method, map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}, "position": position{1, 4}}, nil)
		}
		err := e.conn.Call(context.Background(), "textDocument/rename", map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}, "position": position{1, 4}, "newName": "x"}, nil)
		if err == nil || !strings.Contains(err.Error(), "cannot read flake.hcl") {
			t.Errorf("rename in %s: %v", name, err)
		}
	}
	e.call("workspace/symbol", map[string]any{"query": ""}, nil)
}

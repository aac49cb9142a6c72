package lsp

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

// editor is a client of the protocol, as an editor is one.
type editor struct {
	t         *testing.T
	dir       string
	conn      *jsonrpc2.Conn
	published chan publishParams
	watched   chan string
	served    chan error
	versions  map[string]int // of what is open, by name
}

type duplex struct {
	io.Reader
	io.WriteCloser
}

const testFlake = `input "debian" { url = "debian:trixie" }
args {
  user = "psiri"
}
template "base" { modules = ["./base.hcl"] }
host "one" {
  template = "base"
  modules  = ["./one"]
}
host "two" { template = "base" }
`

const testOne = `imports = ["../more.hcl"]
locals {
  greeting = "hello"
}
user "psiri" {
  shell = "zsh"
  uid   = 1000
}
my {
  text = local.greeting
  when = config.services.openssh.enable && config.user.psiri.uid > 0
}
file "/etc/ssh/authorized_keys.d/psiri" { content = "" }
`

func newEditor(t *testing.T) *editor { return newEditorWith(t, nil) }

func newEditorWith(t *testing.T, capabilities map[string]any) *editor {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"flake.hcl": testFlake, "one/default.hcl": testOne,
		"base.hcl":  "services {\n  openssh { enable = true }\n}\n",
		"more.hcl":  "option \"my.text\" {\n  type = string\n  description = \"Mine.\"\n  example = \"x\"\n}\noption \"my.level\" {\n  type = optional(enum(\"low\", \"high\"))\n}\noption \"my.set\" { type = optional(object({ left = bool, right = number })) }\n",
		"stray.hcl": "x {\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Kernel pipes, which buffer what the other side has not read yet: this editor
	// reads nothing while it answers.
	toServer, fromEditor, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	toEditor, fromServer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	e := connect(t, dir, toEditor, fromEditor)
	go func() {
		e.served <- Serve(context.Background(), toServer, fromServer, testOptions(dir))
		fromServer.Close()
	}()
	e.begin(capabilities)
	return e
}

// testOptions has a lock of two packages for every host, and a warning for one.
func testOptions(dir string) Options {
	return Options{
		Cache: filepath.Join(dir, ".cache"), Version: "test",
		Packages: func(*flake.Flake, string) []string { return []string{"git", "libc6"} },
		Beyond: func(_ *flake.Flake, host string, _ *eval.Result, _ hcl.Diagnostics) hcl.Diagnostics {
			if host != "two" {
				return nil
			}
			return hcl.Diagnostics{{Severity: hcl.DiagWarning, Summary: "Not in the lock", Detail: "Nothing brings /bin/zsh."}}
		},
	}
}

// connect is the editor at the other end of a server's pipes; what ends the
// server sends its error to served.
func connect(t *testing.T, dir string, fromServer io.Reader, toServer io.WriteCloser) *editor {
	e := &editor{t: t, dir: dir, published: make(chan publishParams, 1000), watched: make(chan string, 1), served: make(chan error, 1), versions: map[string]int{}}
	e.conn = jsonrpc2.NewConn(context.Background(), jsonrpc2.NewBufferedStream(duplex{fromServer, toServer}, jsonrpc2.VSCodeObjectCodec{}),
		jsonrpc2.HandlerWithError(func(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) (any, error) {
			if req.Method == "textDocument/publishDiagnostics" {
				var p publishParams
				if err := json.Unmarshal(*req.Params, &p); err != nil {
					return nil, err
				}
				e.published <- p
			}
			if req.Method == "client/registerCapability" {
				e.watched <- string(*req.Params)
			}
			return nil, nil
		}))
	return e
}

// begin starts the session, which ends with the test.
func (e *editor) begin(capabilities map[string]any) {
	e.call("initialize", map[string]any{"capabilities": capabilities}, nil)
	e.notify("initialized", map[string]any{})
	e.t.Cleanup(func() {
		e.call("shutdown", nil, nil)
		e.notify("exit", nil)
		if err := <-e.served; err != nil {
			e.t.Errorf("Serve: %v", err)
		}
		e.conn.Close()
	})
}

func (e *editor) call(method string, p, result any) {
	e.t.Helper()
	if err := e.conn.Call(context.Background(), method, p, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) notify(method string, p any) {
	e.t.Helper()
	if err := e.conn.Notify(context.Background(), method, p); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

func (e *editor) uri(name string) string { return uriOf(filepath.Join(e.dir, name)) }

// edit opens a file with other content than it has on disk.
func (e *editor) edit(name, src string) {
	e.versions[name]++
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": e.uri(name), "languageId": "hcl", "version": e.versions[name], "text": src}})
}

func (e *editor) change(name, src string) { e.changePart(name, map[string]any{"text": src}) }

func (e *editor) changePart(name string, changes ...any) {
	e.versions[name]++
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": e.uri(name), "version": e.versions[name]}, "contentChanges": changes})
}

// diagnosed waits for the diagnostics of a file; where it is open, for those of
// its text as it is.
func (e *editor) diagnosed(name string) []diagnostic {
	e.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case p := <-e.published:
			if p.URI == e.uri(name) && (e.versions[name] == 0 || p.Version != nil && *p.Version == e.versions[name]) {
				return p.Diagnostics
			}
		case <-late:
			e.t.Fatalf("no diagnostics of %s came", name)
		}
	}
}

// place splits a source at its | and asks about the place there.
func (e *editor) place(name, src, method string, result any) {
	e.t.Helper()
	before, after, ok := strings.Cut(src, "|")
	if !ok {
		e.t.Fatalf("%q has no |", src)
	}
	// As it is on disk first: what is typed then seldom parses.
	onDisk, err := os.ReadFile(filepath.Join(e.dir, name))
	if err != nil {
		e.t.Fatal(err)
	}
	e.edit(name, string(onDisk))
	e.call("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}, "position": position{}}, nil)
	text := newText([]byte(before + after))
	e.change(name, before+after)
	e.call(method, map[string]any{"textDocument": map[string]any{"uri": e.uri(name)}, "position": text.position(len(before))}, result)
}

func TestDiagnosticsFollowTyping(t *testing.T) {
	e := newEditor(t)
	e.edit("base.hcl", "services {\n  openshs { enable = true }\n}\n")
	got := e.diagnosed("base.hcl")
	if len(got) != 1 || !strings.Contains(got[0].Message, `Did you mean "openssh"?`) || got[0].Range != (span{position{1, 2}, position{1, 9}}) || got[0].Severity != severityError {
		t.Fatalf("the typo gives %+v", got)
	}
	e.change("base.hcl", "services {\n  openssh { enable = true }\n}\n")
	for _, d := range e.diagnosed("base.hcl") { // a library warning may be at the line that sets its option
		if d.Severity == severityError {
			t.Errorf("mended, and there is still %+v", d)
		}
	}
	e.change("base.hcl", "services {\n  openssh { enable = \"perhaps\" }\n")
	if got := e.diagnosed("base.hcl"); len(got) == 0 {
		t.Error("a file that does not parse has no diagnostic")
	}
	// Not saved, and a file that is not open uses it.
	e.change("base.hcl", "services {\n  openssh { enable = true }\n}\n")
	e.edit("more.hcl", "option \"my.other\" { type = string }\n")
	if got := e.diagnosed("one/default.hcl"); len(got) == 0 || !strings.Contains(got[0].Message, "my") {
		t.Errorf("one/default.hcl uses an option that is gone, and has %+v", got)
	}
	e.edit("stray.hcl", "x {\n")
	if got := e.diagnosed("stray.hcl"); len(got) == 0 {
		t.Error("the syntax of a file that no host is made of is not judged")
	}
}

func TestCompletion(t *testing.T) {
	for _, c := range []struct{ name, src, want, not string }{
		{"one/default.hcl", "|", "services networking imports user", "openssh"},
		{"one/default.hcl", "services {\n  op|", "openssh when", "services"},
		{"one/default.hcl", "services {\n  openssh {\n    |\n  }\n}\n", "enable ports settings", "openssh"},
		{"one/default.hcl", "config {\n  services {\n    openssh {\n      en|", "enable", ""},
		{"one/default.hcl", "user \"psiri\" {\n  |\n}\n", "shell uid groups", "name"},
		{"one/default.hcl", "user {\n  |\n}\n", "name shell", ""},
		{"one/default.hcl", "user \"|", "psiri", ""},
		{"one/default.hcl", "services {\n  openssh {\n    enable = |\n", "true false config force jsonencode", ""},
		{"one/default.hcl", testOne + "my {\n  level = |\n}", "low high", "true"},
		{"one/default.hcl", testOne + "my {\n  level = \"|\n}", "low high", "config"},
		{"one/default.hcl", testOne + "my {\n  set = {\n    |\n", "left right", "text"},
		{"one/default.hcl", "x = config.|", "services user my", "config"},
		{"one/default.hcl", "x = config.services.openssh.|", "enable ports", ""},
		{"one/default.hcl", "x = config.user.|", "psiri", ""},
		{"one/default.hcl", "x = config.user.psiri.|", "shell name", ""},
		{"one/default.hcl", "x = \"${args.|}\"", "user", ""},
		{"one/default.hcl", "x = input.|", "debian", ""},
		{"one/default.hcl", "x = input.debian.|", "suite", "modules"},
		{"one/default.hcl", "locals {\n  greeting = \"a\"\n}\nx = local.|", "greeting", ""},
		{"one/default.hcl", "x = host.|", "name system template", ""},
		{"one/default.hcl", "user \"psiri\" {\n  shell = self.|", "uid name", ""},
		{"one/default.hcl", "x = json|", "jsonencode jsondecode file", ""},
		{"one/default.hcl", "imports = [\"../|", "base.hcl more.hcl one", "flake.lock"},
		{"one/default.hcl", "option \"a.b\" {\n  |", "type default description", "services"},
		{"one/default.hcl", "option \"a.b\" {\n  type = |", "bool string", "config"},
		{"one/default.hcl", "fonts {\n  fontconfig {\n    default_fonts = {\n      |", "monospace emoji", "fonts"},
		{"one/default.hcl", "services {\n  openssh {\n    settings = {\n      |", "X11Forwarding", "ports"},
		{"one/default.hcl", "function \"f\" {\n  params = []\n  |", "result variadic_param", "services"},
		{"one/default.hcl", "function \"mine\" {\n  result = 1\n}\nmy {\n  text = |\n}\n", "mine", ""},
		{"one/default.hcl", "packages = [\"gi|", "git libc6", "config"},
		{"one/default.hcl", "package \"|", "git libc6", "config"},
		{"flake.hcl", "|", "host template input", "services"},
		{"flake.hcl", testFlake + "host \"three\" {\n  |\n}", "modules template system", "host"},
		{"flake.hcl", testFlake + "host \"three\" {\n  template = \"|", "base", ""},
		{"flake.hcl", testFlake + "host \"three\" {\n  modules = [\"./|", "one base.hcl", ""},
	} {
		e := newEditor(t)
		var list completionList
		e.place(c.name, c.src, "textDocument/completion", &list)
		var labels []string
		for _, item := range list.Items {
			labels = append(labels, item.Label)
		}
		for _, want := range strings.Fields(c.want) {
			if !slices.Contains(labels, want) {
				t.Errorf("%q: %s is not offered, but %v", c.src, want, labels)
			}
		}
		if c.not != "" && slices.Contains(labels, c.not) {
			t.Errorf("%q: %s is offered", c.src, c.not)
		}
	}
}

// What is typed of a word is replaced, and no snippet goes to an editor that
// does not take them.
func TestCompletionReplacesTheWord(t *testing.T) {
	e := newEditor(t)
	var list completionList
	e.place("one/default.hcl", "# ä€😀\nservices {\n  open|", "textDocument/completion", &list)
	i := slices.IndexFunc(list.Items, func(c completionItem) bool { return c.Label == "openssh" })
	if i < 0 || list.Items[i].TextEdit.Range != (span{position{2, 2}, position{2, 6}}) || list.Items[i].TextEdit.NewText != "openssh" {
		t.Errorf("openssh is offered as %+v", list.Items)
	}
}

func TestHover(t *testing.T) {
	e := newEditor(t)
	for src, want := range map[string][]string{
		strings.Replace(testOne, "text =", "te|xt =", 1):                 {"**my.text** `string`", "Mine.", "Example: `\"x\"`", "Declared in more.hcl:1", "On one: `\"hello\"` (one/default.hcl:10, host layer)"},
		strings.Replace(testOne, "openssh.enable", "openssh.en|able", 1): {"services.openssh.enable", "Default: `false`", "On one: `true` (base.hcl:2, template layer)", "Declared in library/services/openssh.hcl:"},
		strings.Replace(testOne, "services.open", "services.op|en", 1):   {"**services.openssh** group of options", "`enable` bool"},
		strings.Replace(testOne, "uid   =", "ui|d   =", 1):               {"user.*.uid", "On one: `1000`"},
		strings.Replace(testOne, "local.gre", "local.gre|", 1):           {`greeting = "hello"`},
		testOne + "x = args.us|er":                                       {`"psiri"`},
		testOne + "x = jsonen|code({})":                                  {"jsonencode("},
	} {
		var h *hover
		e.place("one/default.hcl", src, "textDocument/hover", &h)
		if h == nil {
			t.Errorf("%q: nothing", src)
			continue
		}
		for _, w := range want {
			if !strings.Contains(h.Contents.Value, w) {
				t.Errorf("%q lacks %q:\n%s", src, w, h.Contents.Value)
			}
		}
	}
}

func TestDefinition(t *testing.T) {
	e := newEditor(t)
	for _, c := range []struct {
		name, src, file string
		line            int
	}{
		{"one/default.hcl", strings.Replace(testOne, "text =", "te|xt =", 1), "more.hcl", 0},
		{"one/default.hcl", strings.Replace(testOne, "openssh.enable", "openssh.en|able", 1), ".cache/library/services/openssh.hcl", 3},
		{"one/default.hcl", strings.Replace(testOne, "user.psiri", "user.ps|iri", 1), "one/default.hcl", 4},
		{"one/default.hcl", strings.Replace(testOne, "local.gre", "local.|gre", 1), "one/default.hcl", 2},
		{"one/default.hcl", strings.Replace(testOne, "more.hcl", "mo|re.hcl", 1), "more.hcl", 0},
		{"one/default.hcl", testOne + "x = args.us|er", "flake.hcl", 2},
		{"one/default.hcl", testOne + "function \"mine\" {\n  result = 1\n}\nlocals {\n  x = mi|ne()\n}\n", "one/default.hcl", 13},
		{"one/default.hcl", testOne + "x = input.deb|ian.suite", "flake.hcl", 0},
		{"flake.hcl", strings.Replace(testFlake, "./one", "./o|ne", 1), "one/default.hcl", 0},
		{"flake.hcl", strings.Replace(testFlake, `template = "base"`, `template = "ba|se"`, 1), "flake.hcl", 4},
	} {
		var got []location
		e.place(c.name, c.src, "textDocument/definition", &got)
		if len(got) != 1 || got[0].URI != e.uri(c.file) || got[0].Range.Start.Line != c.line {
			t.Errorf("%q: %+v, want %s:%d", c.src, got, c.file, c.line)
		}
	}
	if _, err := os.Stat(filepath.Join(e.dir, ".cache/library/services/openssh.hcl")); err != nil {
		t.Error(err)
	}
}

func TestFormattingAndSymbols(t *testing.T) {
	e := newEditor(t)
	src := "user \"a\" {\n   uid=1\n  shell   =   \"x\"\n}\n"
	e.edit("one/default.hcl", src)
	doc := map[string]any{"textDocument": map[string]any{"uri": e.uri("one/default.hcl")}, "options": map[string]any{}}
	var edits []textEdit
	e.call("textDocument/formatting", doc, &edits)
	if len(edits) != 2 || edits[0].NewText != "  uid   = 1" || edits[0].Range != (span{position{1, 0}, position{1, 8}}) {
		t.Errorf("formatting gives %+v", edits)
	}
	var symbols []documentSymbol
	e.call("textDocument/documentSymbol", doc, &symbols)
	if len(symbols) != 1 || symbols[0].Name != "user a" || len(symbols[0].Children) != 2 || symbols[0].Children[1].Name != "shell" {
		t.Errorf("the outline is %+v", symbols)
	}
	e.change("one/default.hcl", "user \"a\" {\n   uid=1\n")
	e.call("textDocument/formatting", doc, &edits)
	if len(edits) != 0 {
		t.Errorf("what does not parse is formatted: %+v", edits)
	}
	e.change("one/default.hcl", "user \"a\" {\r\n  uid = 1\n}\n")
	e.call("textDocument/formatting", doc, &edits)
	if len(edits) != 1 || edits[0].NewText != "user \"a\" {\n  uid = 1\n}\n" {
		t.Errorf("lines that end both ways are formatted to %+v", edits)
	}
}

func TestFixes(t *testing.T) {
	e := newEditor(t)
	e.edit("base.hcl", "services {\n  openshs { enable = true }\n}\nlocals {\n  x = \"€\"\n}\nuser \"a\" { uid = config.usr.a.uid }\n")
	found := e.diagnosed("base.hcl")
	if len(found) != 2 {
		t.Fatalf("found is %+v", found)
	}
	var actions []codeAction
	e.call("textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": e.uri("base.hcl")}, "range": found[0].Range, "context": map[string]any{"diagnostics": found},
	}, &actions)
	want := []textEdit{{Range: span{position{1, 2}, position{1, 9}}, NewText: "openssh"}, {Range: span{position{6, 24}, position{6, 27}}, NewText: "user"}}
	if len(actions) != len(want) {
		t.Fatalf("the fixes are %+v", actions)
	}
	for i, a := range actions {
		if got := a.Edit.Changes[e.uri("base.hcl")]; len(got) != 1 || got[0] != want[i] {
			t.Errorf("%s edits %+v, want %+v", a.Title, got, want[i])
		}
	}
}

// An editor that takes snippets gets them, and one that watches files for its
// servers is asked to: a change by others is seen.
func TestCapabilities(t *testing.T) {
	e := newEditorWith(t, map[string]any{
		"workspace":    map[string]any{"didChangeWatchedFiles": map[string]any{"dynamicRegistration": true}},
		"textDocument": map[string]any{"completion": map[string]any{"completionItem": map[string]any{"snippetSupport": true}}},
	})
	var list completionList
	e.place("one/default.hcl", "services {\n  op|", "textDocument/completion", &list)
	i := slices.IndexFunc(list.Items, func(c completionItem) bool { return c.Label == "openssh" })
	if i < 0 || list.Items[i].InsertTextFormat != snippetFormat || list.Items[i].TextEdit.NewText != "openssh {\n  $0\n}" {
		t.Errorf("openssh is offered as %+v", list.Items)
	}
	if asked := <-e.watched; !strings.Contains(asked, "**/*.hcl") {
		t.Errorf("the editor is asked to watch %s", asked)
	}
	e.change("one/default.hcl", testOne)
	if err := os.WriteFile(filepath.Join(e.dir, "base.hcl"), []byte("servces {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.uri("base.hcl"), "type": 2}}})
	if got := e.diagnosed("base.hcl"); len(got) != 1 {
		t.Errorf("the file that changed on disk has %+v", got)
	}
}

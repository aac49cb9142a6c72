package lsp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// namesOne reads what it names in every way.
const namesOne = `imports = ["../more.hcl"]
locals {
  greeting = "hello"
  loud     = "${local.greeting}!"
}
function "twice" {
  params = [x]
  result = "${x}${x}"
}
user "psiri" {
  shell = "zsh"
  uid   = 1000
}
my {
  text = local.greeting
  item "a" { size = 1 }
  item "b" { size = self.name == "b" ? 2 : 3 }
}
file "/etc/one" { content = "${config.my.text} ${twice(args.user)} ${config.my["text"]}" }
file "/etc/two" { content = join(",", [for n, i in config.my.item : "${n}${i.size}"]) }
`

const namesMore = `option "my.text" { type = string }
option "my.item.*.size" { type = number }
`

func newNames(t *testing.T, capabilities map[string]any) *editor {
	e := newEditorWith(t, capabilities)
	e.edit("more.hcl", namesMore)
	e.edit("one/default.hcl", namesOne)
	for _, d := range e.diagnosed("one/default.hcl") {
		if d.Severity == severityError {
			t.Fatalf("the files of the test have %+v", d)
		}
	}
	return e
}

// at is the place of the | in a line of a file that is open.
func (e *editor) at(name, text, line string) map[string]any {
	e.t.Helper()
	before, after, _ := strings.Cut(line, "|")
	i := strings.Index(text, before+after)
	if i < 0 {
		e.t.Fatalf("%s has no %q", name, before+after)
	}
	return map[string]any{
		"textDocument": map[string]any{"uri": e.uri(name)}, "position": newText([]byte(text)).position(i + len(before)),
		"context": map[string]any{"includeDeclaration": true},
	}
}

func (e *editor) where(locations []location) string {
	var out []string
	for _, l := range locations {
		name, _ := filepath.Rel(e.dir, pathOf(l.URI))
		out = append(out, fmt.Sprintf("%s:%d:%d-%d", name, l.Range.Start.Line+1, l.Range.Start.Character, l.Range.End.Character))
	}
	return strings.Join(out, " ")
}

func TestReferences(t *testing.T) {
	e := newNames(t, nil)
	for _, c := range []struct{ line, want string }{
		{"greet|ing = \"hello\"", "one/default.hcl:3:2-10 one/default.hcl:4:22-30 one/default.hcl:15:15-23"},
		{"tex|t = local", "more.hcl:1:11-15 one/default.hcl:15:2-6 one/default.hcl:19:41-45 one/default.hcl:19:80-84"},
		{"{ siz|e = 1 }", "more.hcl:2:18-22 one/default.hcl:16:13-17 one/default.hcl:17:13-17 one/default.hcl:20:77-81"},
		{"args.us|er", "flake.hcl:3:2-6 one/default.hcl:19:60-64"},
		{"${tw|ice(", "one/default.hcl:6:10-15 one/default.hcl:19:49-54"},
		{"user \"ps|iri\"", "one/default.hcl:10:6-11"},
	} {
		var got []location
		e.call("textDocument/references", e.at("one/default.hcl", namesOne, c.line), &got)
		if w := e.where(got); w != c.want {
			t.Errorf("%q: %s, want %s", c.line, w, c.want)
		}
	}
	var marks []highlight
	e.call("textDocument/documentHighlight", e.at("one/default.hcl", namesOne, "local.greet|ing}!"), &marks)
	if len(marks) != 3 || marks[0].Kind != highlightWrite || marks[1].Kind != highlightRead {
		t.Errorf("local.greeting is marked at %+v", marks)
	}
}

// renamed asks for another name and takes the edit over into the texts.
func (e *editor) renamed(name, text, line, to string) (map[string]string, error) {
	e.t.Helper()
	p := e.at(name, text, line)
	p["newName"] = to
	var edit workspaceEdit
	if err := e.conn.Call(context.Background(), "textDocument/rename", p, &edit); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for uri, edits := range edit.Changes {
		file, _ := filepath.Rel(e.dir, pathOf(uri))
		src := map[string]string{"one/default.hcl": namesOne, "more.hcl": namesMore, "flake.hcl": testFlake}[file]
		for _, x := range edits { // from the last
			t := newText([]byte(src))
			src = src[:t.offset(x.Range.Start)] + x.NewText + src[t.offset(x.Range.End):]
		}
		texts[file] = src
	}
	return texts, nil
}

func TestRename(t *testing.T) {
	e := newNames(t, nil)
	for _, c := range []struct {
		line, to string
		want     map[string][]string // what a file has afterwards
	}{
		{"greet|ing = \"hello\"", "hail", map[string][]string{"one/default.hcl": {"hail = \"hello\"", "${local.hail}!", "text = local.hail"}}},
		{"tex|t = local", "words", map[string][]string{"more.hcl": {`option "my.words"`}, "one/default.hcl": {"words = local.greeting", "${config.my.words}", `config.my["words"]`}}},
		{"{ siz|e = 1 }", "big", map[string][]string{"more.hcl": {`option "my.item.*.big"`}, "one/default.hcl": {"{ big = 1 }", "{ big = self.name", "${n}${i.big}"}}},
		{"args.us|er", "person", map[string][]string{"flake.hcl": {"person = \"psiri\""}, "one/default.hcl": {"args.person"}}},
		{"${tw|ice(", "double", map[string][]string{"one/default.hcl": {`function "double"`, "${double(args.user)}"}}},
	} {
		var prepared struct{ Placeholder string }
		e.call("textDocument/prepareRename", e.at("one/default.hcl", namesOne, c.line), &prepared)
		if !strings.Contains(strings.Replace(c.line, "|", "", 1), prepared.Placeholder) || prepared.Placeholder == "" {
			t.Errorf("%q: the old name is %q", c.line, prepared.Placeholder)
		}
		texts, err := e.renamed("one/default.hcl", namesOne, c.line, c.to)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		if len(texts) != len(c.want) {
			t.Errorf("%q changes %d files, want %d", c.line, len(texts), len(c.want))
		}
		for name, wants := range c.want {
			for _, want := range wants {
				if !strings.Contains(texts[name], want) {
					t.Errorf("%q: %s lacks %q:\n%s", c.line, name, want, texts[name])
				}
			}
		}
	}
}

// What would break the flake, or make another machine, is refused with the
// reason.
func TestRenameIsRefused(t *testing.T) {
	e := newNames(t, nil)
	for _, c := range []struct{ line, to, want string }{
		{"greet|ing = \"hello\"", "loud", "loud already exists, at " + filepath.Join(e.dir, "one/default.hcl") + ":4"},
		{"greet|ing = \"hello\"", "a b", "not a valid local name"},
		{"  she|ll = ", "login", "not an option of this flake"},
		{"user \"ps|iri\"", "other", "cannot rename this entry"},
		{"par|ams", "x", "nothing to rename here"},
	} {
		if _, err := e.renamed("one/default.hcl", namesOne, c.line, c.to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q to %s: %v, want %q", c.line, c.to, err, c.want)
		}
	}
	// A name that is made of text is found by evaluation alone.
	tricky := namesOne + "file \"/etc/three\" { content = try(values(config.my.item)[0].size, \"none\") }\n"
	e.change("one/default.hcl", tricky)
	e.diagnosed("one/default.hcl")
	if _, err := e.renamed("one/default.hcl", tricky, "{ siz|e = 1 }", "big"); err == nil || !strings.Contains(err.Error(), "would change") && !strings.Contains(err.Error(), "would have a mistake") {
		t.Errorf("what would change the machine: %v", err)
	}
	e.change("one/default.hcl", namesOne+"x {\n")
	if _, err := e.renamed("one/default.hcl", namesOne, "greet|ing = \"hello\"", "hail"); err == nil || !strings.Contains(err.Error(), "does not parse") {
		t.Errorf("a file that does not parse: %v", err)
	}
}

// A host takes its package lock along, where the editor can move files.
func TestRenameHost(t *testing.T) {
	capabilities := map[string]any{"workspace": map[string]any{"workspaceEdit": map[string]any{"documentChanges": true, "resourceOperations": []string{"create", "rename"}}}}
	for _, can := range []bool{true, false} {
		if !can {
			capabilities = nil
		}
		e := newNames(t, capabilities)
		lock := filepath.Join(e.dir, "hosts/two/packages.lock")
		if err := os.MkdirAll(filepath.Dir(lock), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(lock, []byte("# hostctl packages.lock 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		e.edit("flake.hcl", testFlake)
		e.diagnosed("flake.hcl")
		p := e.at("flake.hcl", testFlake, `host "tw|o"`)
		p["newName"] = "three"
		var edit workspaceEdit
		err := e.conn.Call(context.Background(), "textDocument/rename", p, &edit)
		if !can {
			if err == nil || !strings.Contains(err.Error(), "git mv") {
				t.Errorf("an editor that moves no files: %v", err)
			}
			continue
		}
		if err != nil || len(edit.DocumentChanges) != 2 {
			t.Fatalf("%v, %+v", err, edit)
		}
		if x := edit.DocumentChanges[0].Edits; len(x) != 1 || x[0].NewText != "three" || x[0].Range != (span{position{9, 6}, position{9, 9}}) {
			t.Errorf("flake.hcl is changed by %+v", x)
		}
		if m := edit.DocumentChanges[1]; m.Kind != "rename" || m.OldURI != uriOf(lock) || m.NewURI != e.uri("hosts/three/packages.lock") {
			t.Errorf("the lock is moved by %+v", m)
		}
	}
}

func TestSignatureHelp(t *testing.T) {
	e := newNames(t, nil)
	for line, want := range map[string]string{
		"${twice(|args": "twice(x) 0", `join(",", |[for`: "join(separator, lists...) 1", "greeting = |\"hello\"": "",
	} {
		var got *signatureHelp
		e.call("textDocument/signatureHelp", e.at("one/default.hcl", namesOne, line), &got)
		text := ""
		if got != nil {
			text = fmt.Sprintf("%s %d", got.Signatures[0].Label, got.ActiveParameter)
		}
		if text != want {
			t.Errorf("%q: %q, want %q", line, text, want)
		}
	}
}

func TestWorkspaceSymbols(t *testing.T) {
	e := newNames(t, nil)
	for query, want := range map[string]string{
		"host": "host one:flake.hcl host two:flake.hcl", "twice": "function twice:one/default.hcl", "mytxt": "option my.text:more.hcl",
		"hail": "", "GREETING": "local greeting:one/default.hcl",
	} {
		var got []symbolInformation
		e.call("workspace/symbol", map[string]any{"query": query}, &got)
		var names []string
		for _, s := range got {
			names = append(names, s.Name+":"+s.ContainerName)
		}
		slices.Sort(names)
		if text := strings.Join(names, " "); text != want {
			t.Errorf("%q finds %q, want %q", query, text, want)
		}
	}
}

func TestFolding(t *testing.T) {
	e := newEditor(t)
	e.edit("one/default.hcl", "# a\n# b\n\nuser \"x\" {\n  groups = [\n    \"a\",\n  ]\n  text = <<EOT\nx\nEOT\n}\n# alone\nopen {\n  x = 1\n")
	var got []foldingRange
	e.call("textDocument/foldingRange", map[string]any{"textDocument": map[string]any{"uri": e.uri("one/default.hcl")}}, &got)
	want := []foldingRange{{0, 1, "comment"}, {4, 5, ""}, {7, 9, ""}, {3, 9, ""}}
	if !slices.Equal(got, want) {
		t.Errorf("the folds are %+v, want %+v", got, want)
	}
}

// Changes come as ranges, one after the other, in UTF-16 units.
func TestIncrementalChanges(t *testing.T) {
	e := newEditor(t)
	e.edit("base.hcl", "# ä😀x\nservices {\n  openshs { enable = true }\n}\n")
	e.changePart("base.hcl",
		map[string]any{"range": span{position{0, 3}, position{0, 5}}, "text": "\n"}, // the four bytes of the face
		map[string]any{"range": span{position{1, 0}, position{1, 1}}, "text": "# €"},
		map[string]any{"range": span{position{3, 6}, position{3, 9}}, "text": "ssh"})
	for _, d := range e.diagnosed("base.hcl") {
		if d.Severity == severityError {
			t.Errorf("after the changes there is %+v", d)
		}
	}
	var h *hover
	e.call("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": e.uri("base.hcl")}, "position": position{3, 14}}, &h)
	if h == nil || !strings.Contains(h.Contents.Value, "(base.hcl:4, template layer)") {
		t.Errorf("hover of what changed is %+v", h)
	}
	if err := e.conn.Notify(context.Background(), "textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri("base.hcl"), "version": 9},
		"contentChanges": []any{map[string]any{"range": span{position{3, 5}, position{0, 0}}, "text": "x"}},
	}); err != nil {
		t.Fatal(err)
	}
	e.changePart("base.hcl", map[string]any{"range": span{position{3, 0}, position{3, 2}}, "text": "  "})
	if got := errorsOf(e.diagnosed("base.hcl")); len(got) > 0 {
		t.Errorf("a range that runs backwards changed the text: %q", got)
	}
}

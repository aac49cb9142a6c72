package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The range of an attribute of each source is shown as is, with its carets.
func TestWriteDiagnostic(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"one line", "a {\n  x = 1\n}\n", "  x.hcl:2:3, in a\n  2 |   x = 1\n    |   ^^^^^\n"},
		{"wide value", "a {\n\tx = \"漢字\"\n}\n", "  2 |  x = \"漢字\"\n    |  ^^^^^^^^^^\n"},
		{"long", "a {\n  x = [\n1,\n2,\n3,\n4,\n]\n}\n", "  2 |   x = [\n    |   ^^^^^\n  3 | 1,\n  4 | 2,\n  5 | 3,\n  why"},
	} {
		file, diags := hclsyntax.ParseConfig([]byte(c.src), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		x := file.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes["x"]
		var b strings.Builder
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Detail: "why", Subject: x.SrcRange.Ptr()}
		if err := writeDiagnostic(&b, d, map[string]*hcl.File{"x.hcl": file}, false); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%s:\n%swant in it\n%s", c.name, b.String(), c.want)
		}
	}
}

func TestLoginsAreHidden(t *testing.T) {
	for line, want := range map[string]string{
		`url = "git+https://tok3n@example.org/x" flag = 1`: `url = "git+https://*****@example.org/x" flag = 1`,
		`"https://me:pw@h/x", "http://a@b"`:                `"https://*****@h/x", "http://*@b"`,
		`"git+ssh://git@h/x?ref=a"`:                        `"git+ssh://git@h/x?ref=a"`,
		`"git+ssh://git:pw@h/x"`:                           `"git+ssh://******@h/x"`,
		`"https://h/x?ref=m&access_token=abc&b=c"`:         `"https://h/x?ref=m&access_token=***&b=c"`,
		`content = "ada@example.org"`:                      `content = "ada@example.org"`,
	} {
		if got := string(hideLogins([]byte(line))); got != want {
			t.Errorf("%s is shown as %s, want %s", line, got, want)
		}
	}
}

// What many mistakes in one large file take is little for each.
func TestManyDiagnostics(t *testing.T) {
	src := []byte(strings.Repeat("a = \"https://me:pw@h/x\"\n", 40_000))
	files := map[string]*hcl.File{"x.hcl": {Bytes: src}}
	began := time.Now()
	for range 2000 {
		var b strings.Builder
		r := &hcl.Range{Filename: "x.hcl", Start: hcl.Pos{Line: 30_000, Column: 1, Byte: 29_999 * 24}, End: hcl.Pos{Line: 30_000, Column: 2, Byte: 29_999*24 + 1}}
		if err := writeDiagnostic(&b, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Subject: r}, files, false); err != nil {
			t.Fatal(err)
		}
		if want := "30000 | a = \"https://*****@h/x\"\n        | ^\n"; !strings.Contains(b.String(), want) {
			t.Fatalf("got\n%swant in it\n%s", b.String(), want)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("2000 diagnostics take %s", took)
	}
}

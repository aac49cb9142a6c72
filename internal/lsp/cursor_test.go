package lsp

import (
	"fmt"
	"strings"
	"testing"
)

func TestPositions(t *testing.T) {
	// a line with two-byte, three-byte and four-byte letters, CRLF, a lone CR
	tx := newText([]byte("aé€😀b\r\nx\ry\n"))
	for _, c := range []struct{ offset, line, character int }{
		{0, 0, 0}, {1, 0, 1}, {3, 0, 2}, {6, 0, 3}, {10, 0, 5}, {11, 0, 6}, {13, 1, 0}, {14, 1, 1}, {15, 2, 0}, {17, 3, 0},
	} {
		if got := tx.position(c.offset); got != (position{c.line, c.character}) {
			t.Errorf("position(%d) = %v, want %d:%d", c.offset, got, c.line, c.character)
		}
		if got := tx.offset(position{c.line, c.character}); got != c.offset {
			t.Errorf("offset(%d:%d) = %d, want %d", c.line, c.character, got, c.offset)
		}
	}
	for _, c := range []struct {
		p    position
		want int
	}{
		{position{0, 4}, 6}, // inside of a surrogate pair: before it
		{position{0, 99}, 11}, {position{1, 99}, 14}, {position{99, 0}, 17}, {position{-1, 5}, 0},
	} {
		if got := tx.offset(c.p); got != c.want {
			t.Errorf("offset(%v) = %d, want %d", c.p, got, c.want)
		}
	}
	if got := newText([]byte("\xff\xfe")).position(2); got != (position{0, 2}) {
		t.Errorf("bytes that are no UTF-8 count as %v", got)
	}
}

func TestURIs(t *testing.T) {
	for _, p := range []string{"/a/b.hcl", "/a b/ä#%?.hcl"} {
		if got := pathOf(uriOf(p)); got != p {
			t.Errorf("%s comes back as %s", p, got)
		}
	}
	if got := pathOf("untitled:Untitled-1"); got != "" {
		t.Errorf("a file that is not saved has path %q", got)
	}
}

// what writes a cursor down: the nesting, then what belongs at the place.
func what(c *cursor) string {
	var b strings.Builder
	for _, l := range c.levels {
		switch l.kind {
		case body:
			b.WriteString(strings.Join(append([]string{l.name}, l.labels...), ":") + "{")
		case object:
			b.WriteString("={")
		case list, index:
			b.WriteString("[")
		case call, paren:
			b.WriteString(l.name + "(")
		case quote:
			b.WriteString(`"`)
		case template:
			b.WriteString("${")
		}
		if l.key != "" {
			b.WriteString(l.key + "=")
		}
	}
	kind := "value"
	if _, label := c.labelling(); label {
		kind = "label"
	} else if c.naming() {
		kind = "name"
	}
	return fmt.Sprintf("%s %s %v %q", b.String(), kind, c.steps, c.word)
}

func TestCursor(t *testing.T) {
	for src, want := range map[string]string{
		"":                 `{ name [] ""`,
		"serv":             `{ name [] "serv"`,
		"services {\n  op": `{services{ name [] "op"`,
		"services {\n  openssh {\n    enable = t":    `{services{openssh{enable= value [] "t"`,
		"services {\n  openssh {\n    ena\n  }\n  x": `{services{ name [] "x"`,
		"user \"psi":                                 `{" label [] "psi"`,
		"user \"psiri\" {\n sh":                      `{user:psiri{ name [] "sh"`,
		"user = { psiri = { sh":                      `{user=={psiri=={ name [] "sh"`,
		"user = {\n \"a b\" = {\n x = 1\n y":         `{user=={a b=={ name [] "y"`,
		"x = config.services.":                       `{x= value [config services] ""`,
		"x = config.services.op":                     `{x= value [config services] "op"`,
		"x = config.user[\"a.b\"].sh":                `{x= value [config user a.b] "sh"`,
		"x = config.user[each.key].sh":               `{x= value [config user *] "sh"`,
		"x = config.user[*].sh":                      `{x= value [config user *] "sh"`,
		"x = 1 + args.":                              `{x= value [args] ""`,
		"x = \"a ${local.":                           `{x="${ value [local] ""`,
		"x = \"a ${local.b} c":                       `{x=" value [] "a ${local.b} c"`,
		"imports = [\"./mod":                         `{imports=[" value [] "./mod"`,
		"imports = [\n  \"./a\",\n  \"../":           `{imports=[" value [] "../"`,
		"x = force([\"a":                             `{x=force([" value [] "a"`,
		"x = [for u in config.us":                    `{x=[ value [config] "us"`,
		"x = { for k, v in local.":                   `{x=={ value [local] ""`,
		"x = \"unclosed\ny = \"also\nservices {\n z": `{services{ name [] "z"`,
		"a = }}})]\nb":                               `{ name [] "b"`,
		"a = [1, 2\nb = lo":                          `{a=[ value [] "lo"`,
		"# services {\nx":                            `{ name [] "x"`,
		"x = <<EOT\n services {\nEOT\ny":             `{ name [] "y"`,
		"x = a ? config.b : config.":                 `{x= value [config] ""`,
		"foo bar":                                    `{ value [] "bar"`,
		"ä = \"€":                                    `{ä=" value [] "€"`,
	} {
		if got := what(cursorAt([]byte(src), len(src))); got != want {
			t.Errorf("%q: %s, want %s", src, got, want)
		}
	}
}

// Nothing that can be typed may end the server.
func FuzzCursor(f *testing.F) {
	f.Add("services {\n openssh = { \"${config.user[\"a\"].x}\" = <<EOT\n x\nEOT\n", 9)
	f.Add("\"\n\"\n\"${\n}]})", 5)
	f.Fuzz(func(t *testing.T, src string, offset int) {
		if offset < 0 || offset > len(src) {
			return
		}
		end := wordEnd([]byte(src), offset)
		c := cursorAt([]byte(src), end)
		if c.from < 0 || c.from > end {
			t.Errorf("the word starts at %d of %d", c.from, end)
		}
		tx := newText([]byte(src))
		tx.offset(tx.position(offset))
	})
}

package render

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

const hostile = "a\x1b]0;title\x07b\x1b[31mred\u009b2Jc\x7fd\u202ee\rf\x9bg\tü\n"

func TestPrintable(t *testing.T) {
	const want = `a\x1b]0;title\x07b\x1b[31mred\x9b2Jc\x7fd\x202ee\x0df\x9bg` + "\tü"
	if got := Printable(hostile); got != want+`\x0a` {
		t.Errorf("it is %q", got)
	}
	// However the text is cut into parts.
	for size := 1; size < len(hostile); size++ {
		var f Filter
		got := ""
		for text := hostile; text != ""; {
			n := min(size, len(text))
			got, text = got+string(f.Clean([]byte(text[:n]))), text[n:]
		}
		if got += string(f.Rest()); got != want+"\n" {
			t.Errorf("in parts of %d bytes it is %q", size, got)
		}
	}
	if got := Printable("cut \xe2\x82"); got != `cut \xe2\x82` {
		t.Errorf("a character without its end is %q", got)
	}
}

func TestFilterLetsColoursPass(t *testing.T) {
	text := strings.Join(colours(), "x") + "\x1b[31;44my\x1b[2Jz\x1b["
	want := strings.Join(colours(), "x") + `\x1b[31;44my\x1b[2Jz\x1b\x5b`
	for size := 1; size < len(text); size++ {
		f := Filter{Colours: true}
		got := ""
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			got, rest = got+string(f.Clean([]byte(rest[:n]))), rest[n:]
		}
		if got += string(f.Rest()); got != want {
			t.Errorf("in parts of %d bytes it is %q", size, got)
		}
	}
}

// What a filter of JSON makes is the same document.
func TestFilterOfJSON(t *testing.T) {
	in := strings.ToValidUTF8(hostile, "?")
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	f := Filter{JSON: true}
	clean := f.Clean(b)
	var back string
	if err := json.Unmarshal(clean, &back); err != nil || back != in {
		t.Errorf("%s is %q, %v", clean, back, err)
	}
	if i := strings.IndexFunc(string(clean), IsControl); i >= 0 {
		t.Errorf("%q has a control character at %d", clean, i)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add([]byte(hostile), 3)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		var filter Filter
		var got []byte
		for rest := text; len(rest) > 0; {
			n := len(rest)
			if size > 0 {
				n = min(size, n)
			}
			got, rest = append(got, filter.Clean(rest[:n])...), rest[n:]
		}
		got = append(got, filter.Rest()...)
		if !utf8.Valid(got) || strings.ContainsFunc(string(got), func(r rune) bool { return r != '\n' && IsControl(r) }) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

package lsp

import (
	"bytes"
	"net/url"
	"path/filepath"
	"sort"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// text is a file with the places of its lines. Editors count in lines and
// UTF-16 code units, hcl in bytes.
type text struct {
	src    []byte
	starts []int
}

func newText(src []byte) *text {
	t := &text{src: src, starts: []int{0}}
	for i, c := range src {
		if c == '\n' || c == '\r' && (i+1 == len(src) || src[i+1] != '\n') {
			t.starts = append(t.starts, i+1)
		}
	}
	return t
}

// line is line n without its end.
func (t *text) line(n int) []byte {
	end := len(t.src)
	if n+1 < len(t.starts) {
		end = t.starts[n+1]
	}
	return bytes.TrimRight(t.src[t.starts[n]:end], "\r\n")
}

// offset is the byte of a position. According to the protocol, a position beyond
// the end of a line or of the file means that end.
func (t *text) offset(p position) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.starts) {
		return len(t.src)
	}
	line, at, units := t.line(p.Line), 0, 0
	for at < len(line) {
		r, size := utf8.DecodeRune(line[at:])
		if units += utf16.RuneLen(r); units > p.Character {
			break
		}
		at += size
	}
	return t.starts[p.Line] + at
}

// position is the inverse of offset.
func (t *text) position(offset int) position {
	offset = min(max(offset, 0), len(t.src))
	n := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > offset }) - 1
	units := 0
	for at := t.starts[n]; at < offset; {
		r, size := utf8.DecodeRune(t.src[at:])
		units += utf16.RuneLen(r)
		at += size
	}
	return position{Line: n, Character: units}
}

func (t *text) between(from, to int) span { return span{t.position(from), t.position(to)} }

func (t *text) span(r hcl.Range) span { return t.between(r.Start.Byte, r.End.Byte) }

// pathOf is the path in a file: URI, "" for any other URI.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return ""
	}
	return filepath.Clean(u.Path)
}

func uriOf(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

package lsp

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/syntax"
)

// bodyOf is the part of a file that parses.
func bodyOf(src []byte) *hclsyntax.Body {
	if file, _ := syntax.Parse("", src); file != nil {
		return file.Body.(*hclsyntax.Body)
	}
	return &hclsyntax.Body{}
}

// format formats a file. It leaves alone one that does not parse, since the meaning
// of its spaces is unknown. It replaces lines one by one, so that the editor keeps
// its cursor and folds.
func (q *request) format() []textEdit {
	edits := []textEdit{}
	want, mixed, diags := syntax.Format(q.path, q.text.src, map[string]*hcl.File{})
	if diags.HasErrors() {
		return edits
	}
	if bytes.Equal(want, q.text.src) {
		return edits
	}
	old, lines := q.text, newText(want)
	if mixed || len(old.starts) != len(lines.starts) {
		return []textEdit{{Range: old.between(0, len(old.src)), NewText: string(want)}}
	}
	for n := range old.starts {
		if !bytes.Equal(old.line(n), lines.line(n)) {
			from := old.starts[n]
			edits = append(edits, textEdit{Range: old.between(from, from+len(old.line(n))), NewText: string(lines.line(n))})
		}
	}
	return edits
}

// symbols is the outline of a file.
func (q *request) symbols() []documentSymbol {
	return q.outline(bodyOf(q.text.src))
}

func (q *request) outline(body *hclsyntax.Body) []documentSymbol {
	type item struct {
		at     int
		symbol documentSymbol
	}
	var items []item
	for name, a := range body.Attributes {
		items = append(items, item{a.SrcRange.Start.Byte, documentSymbol{
			Name: name, Kind: symbolProperty, Range: q.text.span(a.SrcRange), SelectionRange: q.text.span(a.NameRange),
		}})
	}
	for _, b := range body.Blocks {
		whole := hcl.RangeBetween(b.TypeRange, b.CloseBraceRange)
		items = append(items, item{b.TypeRange.Start.Byte, documentSymbol{
			Name: strings.Join(append([]string{b.Type}, b.Labels...), " "), Kind: symbolModule,
			Range: q.text.span(whole), SelectionRange: q.text.span(b.TypeRange), Children: q.outline(b.Body),
		}})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
	out := make([]documentSymbol, 0, len(items))
	for _, i := range items {
		out = append(out, i.symbol)
	}
	return out
}

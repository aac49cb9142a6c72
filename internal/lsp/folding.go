package lsp

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// folds are the parts of a file that an editor can show as one line: brackets,
// texts and comments over several lines. They come from the tokens, so a file that
// does not parse has them too.
func (q *request) folds() []foldingRange {
	tokens, _ := hclsyntax.LexConfig(q.text.src, "", hcl.InitialPos)
	out := []foldingRange{}
	var opened []hclsyntax.Token
	comment := -1 // the first line of a comment that continues
	last := -1    // its last line so far
	endComment := func() {
		if comment >= 0 && last > comment {
			out = append(out, foldingRange{StartLine: comment, EndLine: last, Kind: "comment"})
		}
		comment = -1
	}
	for _, t := range tokens {
		line := q.text.position(t.Range.Start.Byte).Line
		if t.Type == hclsyntax.TokenComment {
			if comment < 0 || line > last+1 {
				endComment()
				comment = line
			}
			last = q.text.position(max(t.Range.End.Byte-1, t.Range.Start.Byte)).Line
			continue
		}
		if t.Type != hclsyntax.TokenNewline {
			endComment()
		}
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOHeredoc:
			opened = append(opened, t)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCHeredoc:
			if len(opened) == 0 {
				continue
			}
			start := q.text.position(opened[len(opened)-1].Range.Start.Byte).Line
			opened = opened[:len(opened)-1]
			end := line
			if t.Type != hclsyntax.TokenCHeredoc {
				end-- // the closing bracket stays visible
			}
			if end > start {
				out = append(out, foldingRange{StartLine: start, EndLine: end})
			}
		}
	}
	endComment()
	return out
}

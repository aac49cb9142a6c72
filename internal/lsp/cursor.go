package lsp

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// bracket is what opens a level of nesting.
type bracket int

const (
	body     bracket = iota // of a block, or the file
	object                  // { } in a value
	list                    // [ ]
	index                   // [ ] after a name
	call                    // name( )
	paren                   // ( )
	quote                   // " " or a heredoc
	template                // ${ } or %{ }
)

// level is one level of nesting around a place, with the state of its current item.
type level struct {
	kind   bracket
	name   string   // of a block or a function
	labels []string // of a block
	start  int      // of the first byte inside
	words  []string // of the item, before = or {
	key    string   // of the item, once = is read
	value  bool     // = is read, or the whole level is a value
	args   int      // commas read, in a call
}

// cursor is what the text before a place says about it. It comes from the tokens,
// since a file that is being typed seldom parses.
type cursor struct {
	levels []level
	word   string   // the part of a name, or of a quoted text, before the place
	from   int      // where word starts
	steps  []string // the traversal before word; "*" for a computed key
}

// maxUnclosed bounds how many unclosed quotes are skipped: each one is another
// pass of the scanner.
const maxUnclosed = 50

func cursorAt(src []byte, offset int) *cursor {
	s := &scanner{src: src[:offset], cursor: cursor{levels: []level{{kind: body}}, from: offset}}
	from := 0
	for range maxUnclosed {
		from = s.scan(from)
		if from < 0 {
			break
		}
	}
	s.finish(offset)
	return &s.cursor
}

func (c *cursor) top() *level { return &c.levels[len(c.levels)-1] }

// quoted reports whether the place is in text, and not in a ${ } inside it.
func (c *cursor) quoted() bool { return c.top().kind == quote }

// naming reports whether a name of a block or an attribute belongs here.
func (c *cursor) naming() bool { t := c.top(); return !t.value && len(t.words) == 0 && t.kind != quote }

// labelling reports whether a block's label belongs here.
func (c *cursor) labelling() (block string, ok bool) {
	if !c.quoted() || len(c.levels) < 2 {
		return "", false
	}
	t := c.levels[len(c.levels)-2]
	return strings.Join(t.words, " "), t.kind == body && !t.value && len(t.words) == 1
}

// calling is the function in whose argument the place is, and the argument's
// number.
func (c *cursor) calling() (name string, arg int) {
	at := len(c.levels) - 1
	if c.quoted() {
		at--
	}
	if at >= 0 && c.levels[at].kind == call {
		return c.levels[at].name, c.levels[at].args
	}
	return "", 0
}

type scanner struct {
	cursor
	src  []byte
	path []string // the traversal that the last token belongs to
	last hclsyntax.Token
}

// scan reads tokens from a byte on. It returns -1, or where to continue after a
// quote that its line does not close.
func (s *scanner) scan(from int) int {
	start := hcl.Pos{Byte: from, Line: 1, Column: 1}
	tokens, _ := hclsyntax.LexConfig(s.src[from:], "", start)
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenEOF {
			break
		}
		if t.Type == hclsyntax.TokenQuotedNewline || s.top().kind == quote && t.Type == hclsyntax.TokenQuotedLit && strings.HasSuffix(string(t.Bytes), "\n") {
			s.closeLevel(quote)
			s.newline()
			return t.Range.End.Byte
		}
		s.token(t)
		s.last = t
	}
	return -1
}

func (s *scanner) push(l level, at hclsyntax.Token) {
	l.start = at.Range.End.Byte
	l.value = l.kind != body && l.kind != object && l.kind != quote
	s.levels = append(s.levels, l)
	s.path = nil
}

// closeLevel drops the innermost level of these kinds and everything inside it.
func (s *scanner) closeLevel(kinds ...bracket) (level, bool) {
	for i := len(s.levels) - 1; i > 0; i-- {
		for _, k := range kinds {
			if s.levels[i].kind == k {
				l := s.levels[i]
				s.levels = s.levels[:i]
				return l, true
			}
		}
	}
	return level{}, false
}

func (s *scanner) token(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		s.push(level{kind: quote}, t)
	case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		if l, ok := s.closeLevel(quote); ok {
			s.name(string(s.src[l.start:t.Range.Start.Byte]))
		}
	case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		s.push(level{kind: template}, t)
	case hclsyntax.TokenTemplateSeqEnd:
		s.closeLevel(template)
	case hclsyntax.TokenOBrace:
		s.brace(t)
	case hclsyntax.TokenOBrack:
		kind := list
		if len(s.path) > 0 && s.last.Range.End.Byte == t.Range.Start.Byte {
			kind = index
		}
		path := s.path
		s.push(level{kind: kind}, t)
		s.top().words = path
	case hclsyntax.TokenOParen:
		l := level{kind: paren}
		if s.last.Type == hclsyntax.TokenIdent && s.top().value {
			l.kind, l.name = call, string(s.last.Bytes)
		}
		s.push(l, t)
	case hclsyntax.TokenCBrace:
		s.closeLevel(body, object)
		s.path = nil
	case hclsyntax.TokenCBrack:
		s.closeIndex(t)
	case hclsyntax.TokenCParen:
		s.closeLevel(call, paren)
		s.path = nil
	case hclsyntax.TokenNewline:
		s.newline()
	case hclsyntax.TokenComment:
		if strings.HasSuffix(string(t.Bytes), "\n") {
			s.newline()
		}
	default:
		s.inside(t)
	}
}

// brace opens a block if no = came before it, or else an object.
func (s *scanner) brace(t hclsyntax.Token) {
	top := s.top()
	if top.value || len(top.words) == 0 {
		s.push(level{kind: object}, t)
		return
	}
	s.push(level{kind: body, name: top.words[0], labels: top.words[1:]}, t)
}

// closeIndex continues the traversal that the index belongs to.
func (s *scanner) closeIndex(t hclsyntax.Token) {
	l, ok := s.closeLevel(list, index)
	s.path = nil
	if !ok || l.kind != index {
		return
	}
	key := strings.TrimSpace(string(s.src[l.start:t.Range.Start.Byte]))
	if text, quoted := strings.CutPrefix(key, `"`); quoted && !strings.Contains(key, "${") {
		key = strings.TrimSuffix(text, `"`)
	} else {
		key = "*"
	}
	s.path = append(append([]string{}, l.words...), key)
}

// newline ends the item of a body or an object; brackets continue over lines.
func (s *scanner) newline() {
	s.path = nil
	if t := s.top(); t.kind == body || t.kind == object {
		t.words, t.key, t.value = nil, "", false
	}
}

// name records an identifier or a quoted text where an item's name belongs.
func (s *scanner) name(word string) {
	if t := s.top(); !t.value && (t.kind == body || t.kind == object) {
		t.words = append(t.words, word)
	}
	s.path = nil
}

func (s *scanner) inside(t hclsyntax.Token) {
	top := s.top()
	switch t.Type {
	case hclsyntax.TokenIdent, hclsyntax.TokenStar, hclsyntax.TokenNumberLit:
		word := string(t.Bytes)
		if s.last.Type == hclsyntax.TokenDot && len(s.path) > 0 {
			s.path = append(s.path, word)
			return
		}
		if t.Type == hclsyntax.TokenIdent {
			s.name(word)
			s.path = []string{word}
		}
		// { for k, v in m : k => v } has no items.
		if word == "for" && top.kind == object && len(top.words) == 1 {
			top.value, top.words = true, nil
		}
	case hclsyntax.TokenDot:
	case hclsyntax.TokenEqual, hclsyntax.TokenColon:
		if !top.value && len(top.words) > 0 && (t.Type == hclsyntax.TokenEqual || top.kind == object) {
			top.key, top.value = top.words[0], true
		}
		s.path = nil
	case hclsyntax.TokenComma:
		s.path = nil
		top.args++
		if top.kind == object {
			top.words, top.key, top.value = nil, "", false
		}
	default:
		s.path = nil
	}
}

// finish reads the word that ends at the place.
func (s *scanner) finish(offset int) {
	top := s.top()
	switch {
	case top.kind == quote:
		s.from = min(top.start, offset)
		s.word = string(s.src[s.from:offset])
	case s.last.Range.End.Byte != offset:
	case s.last.Type == hclsyntax.TokenDot:
		s.steps = s.path
	case s.last.Type == hclsyntax.TokenIdent:
		s.from = s.last.Range.Start.Byte
		s.word = string(s.last.Bytes)
		if n := len(s.path); n > 0 {
			s.steps = s.path[:n-1]
		}
		if n := len(top.words); !top.value && n > 0 {
			top.words = top.words[:n-1]
		}
	}
}

// wordEnd is the end of the name, or of the quoted text, around a place.
func wordEnd(src []byte, offset int) int {
	if cursorAt(src, offset).quoted() {
		for offset < len(src) && src[offset] != '"' && src[offset] != '\n' {
			offset++
		}
		return offset
	}
	for offset < len(src) && isNameByte(src[offset]) {
		offset++
	}
	return offset
}

func isNameByte(c byte) bool {
	return c == '_' || c == '-' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

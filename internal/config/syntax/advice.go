package syntax

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// stumbled is a file that did not parse.
type stumbled struct {
	src   []byte
	lines []string
	lexed hclsyntax.Tokens // once somebody asks: a large file takes long
}

// line is the line of the mistake. Nobody writes very long lines by hand.
func (s *stumbled) line(d *hcl.Diagnostic) string {
	if n := d.Subject.Start.Line; n <= len(s.lines) && len(s.lines[n-1]) < 1000 {
		return s.lines[n-1]
	}
	return ""
}

func (s *stumbled) tokens() hclsyntax.Tokens {
	if s.lexed == nil {
		s.lexed, _ = hclsyntax.LexConfig(s.src, "", hcl.InitialPos)
	}
	return s.lexed
}

// foreign is advice for a line in another language, or "": for what people used to
// that language type first, and where the parser then stumbles.
func (s *stumbled) foreign(d *hcl.Diagnostic) string {
	line := regexp.MustCompile(`"([^"\\]|\\.)*"`).ReplaceAllString(s.line(d), "text")
	line, _, _ = strings.Cut(line, `"`)
	line, _, _ = strings.Cut(line, "#")
	advice := inOtherWords(line)
	if advice == "" || s.inHeredoc(d.Subject.Start.Byte) {
		return ""
	}
	return advice
}

// hidden names an invisible character in the line, which the parser takes for part
// of a name.
func (s *stumbled) hidden(d *hcl.Diagnostic) string {
	line := regexp.MustCompile(`"([^"\\]|\\.)*"`).ReplaceAllString(s.line(d), "text")
	i := strings.IndexFunc(line, func(r rune) bool { return r > unicode.MaxASCII && (unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)) })
	if i < 0 || strings.ContainsAny(line[:i], `#"`) || s.inHeredoc(d.Subject.Start.Byte) {
		return ""
	}
	return strange([]byte(line), i)
}

func (s *stumbled) inHeredoc(at int) bool {
	depth := 0
	for _, t := range s.tokens() {
		switch {
		case t.Range.Start.Byte >= at:
			return depth > 0
		case t.Type == hclsyntax.TokenOHeredoc:
			depth++
		case t.Type == hclsyntax.TokenCHeredoc:
			depth--
		}
	}
	return depth > 0
}

func inOtherWords(line string) string {
	for _, f := range []struct{ pattern, advice string }{
		{`\+\+`, "Join lists with concat(a, b); hostctl joins the definitions of a list in several files by itself."},
		{`^\s*let\b`, "There is no let: write locals { x = 1 }, and read local.x."},
		{`^\s*in\b`, "There is no in: read what locals { x = 1 } defines as local.x, anywhere in the file."},
		{`^\s*inherit\b`, "There is no inherit: write the name and the source of its value, x = local.x."},
		{`\bwith\s+\w+\s*;`, `There is no with: write packages as strings, ["git"].`},
		{`\b(lib\.)?mk(Default|Force|Before|After)\b`, "There is no lib: write default(x), force(x), before(x) or after(x)."},
		{`\b(lib\.)?mkIf\b`, "There is no lib: write when = ... in the block, or COND ? x : null."},
		{`\blib\.\w`, "There is no lib: functions have plain names, such as concat(a, b)."},
		{`=\s*(if\b|\(\s*if\b)|\bthen\b`, "There is no if: write COND ? x : y."},
		{`=.*\band\b`, "There is no and: write a && b."},
		{`=.*\bor\b`, "There is no or: write a || b."},
		{`=\s*\(?\s*not\b`, "There is no not: write !a."},
		{`=\s*rec\s*\{`, "There is no rec: put values that others read into locals { x = 1 }, and read them as local.x."},
	} {
		if regexp.MustCompile(f.pattern).MatchString(line) {
			return f.advice
		}
	}
	return ""
}

// strange names a character that the language does not use. Some look like one
// that it does.
func strange(src []byte, at int) string {
	r, _ := utf8.DecodeRune(src[at:])
	plain := map[rune]string{'“': `"`, '”': `"`, '„': `"`, '«': `"`, '»': `"`, '‘': `"`, '’': `"`, '–': "-", '—': "-", '−': "-", '…': "...", '×': "*"}
	switch {
	case plain[r] != "":
		return fmt.Sprintf("%c (U+%04X) is not a character of the language. Write %s", r, r, plain[r])
	case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
		name := map[rune]string{0xA0: "a no-break space, ", 0x202F: "a narrow no-break space, ", 0x200B: "a zero-width space, ", 0xFEFF: "a byte order mark, "}[r]
		return fmt.Sprintf("Here is %sU+%04X, which is invisible and not a blank. Replace it with a blank.", name, r)
	case r > unicode.MaxASCII:
		return fmt.Sprintf("%c (U+%04X) is not a character of the language: outside quotes and comments, use letters, digits and signs.", r, r)
	}
	return ""
}

// around is the name of the innermost block, or map, that is open at a byte.
func (s *stumbled) around(at int) string {
	var open []string
	first := ""
	for _, t := range s.tokens() {
		if t.Range.Start.Byte >= at {
			break
		}
		switch t.Type {
		case hclsyntax.TokenOBrace:
			open, first = append(open, first), ""
		case hclsyntax.TokenCBrace:
			open, first = open[:max(0, len(open)-1)], ""
		case hclsyntax.TokenNewline:
			first = ""
		case hclsyntax.TokenIdent:
			if first == "" {
				first = string(t.Bytes)
			}
		}
	}
	if len(open) == 0 {
		return ""
	}
	return open[len(open)-1]
}

var keyInBlock = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|\{)\s*("[^"$%]+"|[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+)\s*=\s*([^={}][^{}]*)`)
})

// adviseKey is for a key that a block cannot contain, since it has dots or quotes.
func (s *stumbled) adviseKey(d *hcl.Diagnostic) bool {
	line := s.line(d)
	at := keyInBlock().FindStringSubmatchIndex(line)
	if at == nil {
		return false
	}
	// A line that has such a key may stumble over something else.
	if stumbles := d.Subject.Start.Byte - 1 - bytes.LastIndexByte(s.src[:d.Subject.Start.Byte], '\n'); stumbles < at[2] || stumbles > at[3] {
		return false
	}
	key, value := line[at[2]:at[3]], line[at[4]:at[5]]
	outer := s.around(d.Subject.Start.Byte)
	if outer == "" {
		return false
	}
	name := strings.Trim(key, `"`)
	// Settings of other programs have such keys, options do not.
	data := slices.Contains([]string{"sysctl", "settings", "properties", "options", "session_variables", "policies"}, outer)
	if !data && !strings.HasPrefix(key, `"`) {
		return false
	}
	d.Summary = "Key of a map"
	d.Detail = fmt.Sprintf("Names in a block have no dots and quotes; put other keys into a map: %s = { %q = %s }.", outer, name, strings.Trim(value, " \t\r;"))
	return true
}

// slashes matches Nix's operator that joins maps.
var slashes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[})]\s*//\s*(\{|[a-z_]+[.(])`)
})

// suspicions are warnings about what parses and may mean something else.
func suspicions(name string, src []byte) hcl.Diagnostics {
	joined := bytes.Contains(src, []byte("//")) && slashes().Match(src)
	windows := bytes.Contains(src, []byte("\r\n")) && bytes.Contains(src, []byte("<<"))
	if !joined && !windows {
		return nil
	}
	var diags hcl.Diagnostics
	warn := func(summary, detail string, at hcl.Range) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: &at})
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	operator := regexp.MustCompile(`^//\s*(\{|(config|local|args|each|self|input|merge)[.(])`)
	for i, t := range tokens {
		switch {
		case i > 0 && t.Type == hclsyntax.TokenComment && operator.Match(t.Bytes):
			before := tokens[i-1]
			if before.Range.End.Line == t.Range.Start.Line && (before.Type == hclsyntax.TokenCBrace || before.Type == hclsyntax.TokenCParen) {
				at := t.Range
				at.End = hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + 2, Byte: at.Start.Byte + 2}
				warn("Comment", "// begins a comment, so what follows does not count. Join maps with merge(a, b); to join the options of a group, write both. For a comment, write #.", at)
			}
		case windows && t.Type == hclsyntax.TokenOHeredoc && bytes.HasSuffix(t.Bytes, []byte("\r\n")):
			at := t.Range
			at.End = hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + len(bytes.TrimSpace(t.Bytes)), Byte: at.Start.Byte + len(bytes.TrimSpace(t.Bytes))}
			warn("Windows line ends", `The lines of this file end with \r\n, and so do those of the text, which a shell or a service does not expect. Save the file with Unix line ends.`, at)
			windows = false // once is enough
		}
	}
	return diags
}

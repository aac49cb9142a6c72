// Package syntax reads and formats the text of files of the language, and says of what
// does not parse how it is written here. It knows nothing of what the text means.
package syntax

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parser and the evaluator recurse on the Go stack, whose overflow ends the
// process. No real configuration comes near these limits (language rule 9).
const (
	maxNesting   = 200
	maxOperators = 5000
	// A token takes up to a quarter of a kilobyte in the syntax tree. A flake.hcl
	// with 10,000 hosts has 220,000 tokens.
	maxTokens = 400_000
	// The parser joins the lines of a text one by one, which takes time
	// proportional to lines times bytes: this is about a second.
	maxTextLines = 2000
	maxTextWork  = 1 << 29
	// Nobody reads more, and each one searches the whole file.
	maxParseErrors = 50
)

// Parse reads one file of the language. It refuses what would overflow the stack,
// and adds to the parser's messages what a newcomer needs (language rules 5, 25).
func Parse(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if diags := legible(name, src); diags.HasErrors() {
		return nil, diags
	}
	if diags := guard(name, src); diags.HasErrors() {
		return nil, diags
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if !diags.HasErrors() {
		return file, append(diags, suspicions(name, src)...)
	}
	return file, reworded(diags, src)
}

// legible refuses what is not UTF-8 text, at its first wrong byte. The parser would
// complain about every one.
func legible(name string, src []byte) hcl.Diagnostics {
	at := bytes.IndexByte(src, 0)
	what := "a NUL byte"
	if !utf8.Valid(src) {
		for i, r := range string(src) {
			if _, size := utf8.DecodeRune(src[i:]); r == utf8.RuneError && size == 1 {
				if at < 0 || i < at {
					at, what = i, fmt.Sprintf("the byte 0x%02x, which is not UTF-8", src[i])
				}
				break
			}
		}
	}
	if at < 0 {
		return nil
	}
	line := bytes.Count(src[:at], []byte("\n")) + 1
	column := utf8.RuneCount(src[bytes.LastIndexByte(src[:at], '\n')+1:at]) + 1
	start := hcl.Pos{Line: line, Column: column, Byte: at}
	end := hcl.Pos{Line: line, Column: column + 1, Byte: at + 1}
	return refused("Not a text file", fmt.Sprintf("The file contains %s. Save it as UTF-8.", what), &hcl.Range{Filename: name, Start: start, End: end})
}

// guard reads the tokens of a file only if it has enough brackets or operators to
// exceed a limit, which hardly any file has.
func guard(name string, src []byte) hcl.Diagnostics {
	open, operators, lines := 0, 0, 0
	for _, c := range src {
		switch c {
		case '(', '[', '{':
			open++
		case '-', '!', '+', '*', '/', '%', '<', '>', '=', '&', '|', '?', ':', '.':
			operators++
		case '\n':
			lines++
		}
	}
	if open <= maxNesting && operators <= maxOperators && lines <= maxTextLines && len(src) <= maxTokens && !longExponent().Match(src) {
		return nil
	}
	// All tokens at once may take hundreds of megabytes, so read them piece by piece.
	for end := maxTokens; ; {
		end = min(end, len(src))
		tokens, _ := hclsyntax.LexConfig(src[:end], name, hcl.InitialPos)
		if end < len(src) { // the last word may be cut in two
			tokens = tokens[:max(len(tokens)-2, 0)]
		}
		if diags := guardTokens(tokens); diags.HasErrors() || end == len(src) {
			return diags
		}
		end += max(maxTokens-len(tokens), end/2)
	}
}

func guardTokens(tokens hclsyntax.Tokens) hcl.Diagnostics {
	depth, operators := 0, 0
	directives := 0     // open %{ if } and %{ for }
	lines, size := 0, 0 // of the text around t
	for i, t := range tokens {
		if i == maxTokens {
			return refused("Too much in one file", fmt.Sprintf("A file can have %d words, signs and lines, which end here. Put large data into a JSON, YAML or CSV file.", maxTokens), t.Range.Ptr())
		}
		if t.Type == hclsyntax.TokenStringLit || t.Type == hclsyntax.TokenQuotedLit {
			lines, size = lines+1, size+len(t.Bytes)
		} else {
			lines, size = 0, 0
		}
		if t.Type == hclsyntax.TokenNumberLit && hugeExponent(string(t.Bytes)) {
			return refused("Number too large", "A number cannot have so many digits.", t.Range.Ptr())
		}
		if lines > maxTextLines && lines*size > maxTextWork {
			return hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Text too long",
				Detail:  "Put a text of so many lines into its own file, and name it with source, or read it with file(...).",
				Subject: t.Range.Ptr(),
			}}
		}
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			operators = 0
		case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenOQuote, hclsyntax.TokenCQuote, hclsyntax.TokenComment:
		default:
			operators++
		}
		if i > 0 && tokens[i-1].Type == hclsyntax.TokenTemplateControl {
			directives += opens(string(t.Bytes))
		}
		if depth > maxNesting || directives > maxNesting || operators > maxOperators {
			return hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Nested too deeply",
				Detail:  fmt.Sprintf("A file can nest %d levels deep and chain %d operators in one expression.", maxNesting, maxOperators),
				Subject: t.Range.Ptr(),
			}}
		}
	}
	return nil
}

// opens is 1 for the word of a directive that needs an end, -1 for an end.
func opens(word string) int {
	switch word {
	case "if", "for":
		return 1
	case "endif", "endfor":
		return -1
	}
	return 0
}

// longExponent matches a number whose digits would fill the memory, and anything
// that looks like one.
var longExponent = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9.][eE][-+]?[0-9]{5}`)
})

// hugeExponent reports a number whose digits would fill the memory.
func hugeExponent(number string) bool {
	_, exponent, found := strings.Cut(strings.ToLower(number), "e")
	return found && len(strings.TrimLeft(exponent, "+-0")) > 4
}

// reworded keeps the first error of each line, since one mistake causes more
// errors, and adds what a newcomer needs to know (language rules 5, 25).
func reworded(diags hcl.Diagnostics, src []byte) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Byte - b.Subject.Start.Byte })
	s := &stumbled{src: src, lines: strings.Split(string(src), "\n")}
	seen := map[int]bool{}
	var out hcl.Diagnostics
	for _, d := range diags {
		if seen[d.Subject.Start.Line] {
			continue
		}
		seen[d.Subject.Start.Line] = true
		s.advise(d)
		out = append(out, d)
		if len(out) == maxParseErrors {
			break
		}
	}
	return out
}

func (s *stumbled) advise(d *hcl.Diagnostic) {
	line := s.line(d)
	const shell = " For a shell's own ${HOME} write $${HOME}, for %{ write %%{, or move the text to a file and use source or file()."
	switch words := s.foreign(d); {
	case d.Summary == "Invalid character" && strange(s.src, d.Subject.Start.Byte) != "":
		d.Detail = strange(s.src, d.Subject.Start.Byte)
	case s.hidden(d) != "":
		d.Summary, d.Detail = "Invalid character", s.hidden(d)
	case s.adviseKey(d):
	case words != "":
		d.Summary, d.Detail = "Another language", words
	case dotted(line):
		name, value, _ := strings.Cut(line, "=")
		d.Summary = "Dotted name"
		d.Detail = fmt.Sprintf("A name has no dots: nest it, one block per line.\n%s", asBlocks(strings.Split(strings.TrimSpace(name), "."), strings.Trim(value, " \t\r;")))
	case strings.Contains(d.Summary, "single-argument block") || d.Summary == "Argument definition required":
		d.Summary = "Too much on one line"
		d.Detail = "A block on one line takes one argument and no block, and } must follow the value: break the line after {, and put each argument and each block on its own line."
	case d.Summary == "Unclosed configuration block":
		d.Detail = "This block has no closing brace. A } is missing between here and the end of the file."
	case strings.HasPrefix(d.Summary, "Unterminated ") && strings.Contains(d.Summary, "constructor"):
		d.Summary = "Unclosed bracket"
		d.Detail = "This has no closing bracket. A ] or } is missing between here and the end of the file."
	case d.Summary == "Missing item separator":
		d.Detail = "A comma is missing before this, or a bracket or a quote on the line before."
	case d.Summary == "Attribute redefined":
		d.Summary = "Given twice"
		d.Detail = strings.Replace(d.Detail, "Each argument may be set only once.", "A block sets an argument once: remove one.", 1)
	case d.Summary == "Invalid string literal" && strings.Contains(d.Detail, "Template sequences"):
		d.Summary = "Computed label"
		d.Detail = "A label is a plain string. For a computed name, leave out the label and set name: user { name = args.user }."
	case d.Summary == "Ambiguous attribute key":
		d.Detail = "Write a key with dots in quotes: \"net.ipv4.ip_forward\" = 1."
	case d.Summary == "Argument or block definition required":
		d.Detail = "Expected an argument, NAME = VALUE, or a block, NAME { ... }."
		name, value, colon := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "}":
			d.Detail += " This brace closes nothing: there is one } too many, here or above."
		case strings.HasPrefix(name, "--"), strings.HasPrefix(name, ";"):
			d.Detail += " A comment begins with #."
		case colon && hclsyntax.ValidIdentifier(name) && strings.TrimSpace(value) != "":
			d.Detail += fmt.Sprintf(" Write: %s = %s", name, literal(strings.TrimSpace(value)))
		}
	case d.Summary == "Unterminated template string":
		d.Summary = "Unclosed string"
		d.Detail = "A string or heredoc that starts above has no end. A heredoc ends with its marker alone on a line."
	case d.Summary == "Invalid expression" && strings.Contains(d.Detail, "Expected the start"), d.Summary == "Missing expression":
		d.Detail = "Expected a value."
	case strings.Contains(strings.ToLower(d.Summary), "template") || strings.Contains(strings.ToLower(d.Detail), "template interpolation"):
		d.Detail = strings.Split(d.Detail, " Did you intend")[0] + shell
	}
}

// literal is a value that lacks the quotes that it needs.
func literal(value string) string {
	if word := value != "true" && value != "false" && value != "null" && hclsyntax.ValidIdentifier(value); word {
		return fmt.Sprintf("%q", value)
	}
	return value
}

// asBlocks writes a dotted definition as the blocks that it means.
func asBlocks(names []string, value string) string {
	var b strings.Builder
	for i, name := range names[:len(names)-1] {
		b.WriteString(strings.Repeat("  ", i+1) + name + " {\n")
	}
	last := len(names) - 1
	b.WriteString(strings.Repeat("  ", last+1) + names[last] + " = " + value)
	for i := last - 1; i >= 0; i-- {
		b.WriteString("\n" + strings.Repeat("  ", i+1) + "}")
	}
	return b.String()
}

// dotted reports whether a line starts like services.openssh.enable =.
func dotted(line string) bool {
	name, _, found := strings.Cut(line, "=")
	name = strings.TrimSpace(name)
	return found && strings.Contains(name, ".") && hclsyntax.ValidIdentifier(strings.ReplaceAll(name, ".", "_"))
}

// maxTemplate is the largest template, in bytes; the same as for a module.
const maxTemplate = 1 << 20

// GuardTemplate is the guard of Parse for the text of a template.
func GuardTemplate(name, text string) error {
	if len(text) > maxTemplate {
		return fmt.Errorf("cannot read template %s: it is larger than %d MB, the limit for a template", name, maxTemplate>>20)
	}
	tokens, _ := hclsyntax.LexTemplate([]byte(text), name, hcl.InitialPos)
	if diags := guardTokens(tokens); diags.HasErrors() {
		return fmt.Errorf("cannot read template %s: %s", name, diags[0].Summary)
	}
	return nil
}

// ParseExpression reads one expression, as Parse reads a file.
func ParseExpression(name string, src []byte) (hclsyntax.Expression, hcl.Diagnostics) {
	if diags := guard(name, src); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseExpression(src, name, hcl.InitialPos)
}

func refused(summary, detail string, at *hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at}}
}

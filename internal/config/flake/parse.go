package flake

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The parser and the evaluator recurse on the Go stack, whose overflow ends
// the process; no real configuration comes near these (rule 9).
const (
	maxNesting   = 200
	maxOperators = 5000
)

// Parse reads one file of the language. It refuses what would overflow the
// stack, and adds to the parser's words what a newcomer needs (rules 5, 25).
func Parse(name string, src []byte) (*hcl.File, hcl.Diagnostics) {
	if diags := guard(name, src); diags.HasErrors() {
		return nil, diags
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	for _, d := range diags {
		advise(d, src)
	}
	return file, diags
}

// guard reads the tokens of what has enough brackets or operators to be in
// question at all, which hardly any file has.
func guard(name string, src []byte) hcl.Diagnostics {
	open, operators := 0, 0
	for _, c := range src {
		switch c {
		case '(', '[', '{':
			open++
		case '-', '!', '+', '*', '/', '%', '<', '>', '=', '&', '|', '?', ':', '.':
			operators++
		}
	}
	if open <= maxNesting && operators <= maxOperators {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return guardTokens(tokens)
}

func guardTokens(tokens hclsyntax.Tokens) hcl.Diagnostics {
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			operators = 0
		case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenOQuote, hclsyntax.TokenCQuote:
		default:
			operators++
		}
		if depth > maxNesting || operators > maxOperators {
			return hcl.Diagnostics{{
				Severity: hcl.DiagError, Summary: "Nested too deeply",
				Detail:  fmt.Sprintf("A file may nest %d levels deep and chain %d operators in one expression.", maxNesting, maxOperators),
				Subject: t.Range.Ptr(),
			}}
		}
	}
	return nil
}

func advise(d *hcl.Diagnostic, src []byte) {
	if d.Subject == nil {
		return
	}
	switch {
	case strings.Contains(d.Summary, "single-argument block"):
		d.Detail += " A one-line block holds one argument and no block: break the line."
	case dotted(src, d.Subject):
		d.Detail += " A dotted name is no definition: nest it, services { openssh { ... } }, one block to a line."
	case strings.Contains(d.Summary, "template") || strings.Contains(d.Detail, "template"):
		d.Detail += " For a shell's own ${HOME} write $${HOME}, for %{ write %%{, or move the text to a file and use source or file()."
	}
}

// dotted reports whether a line starts like services.openssh.enable =.
func dotted(src []byte, r *hcl.Range) bool {
	lines := strings.Split(string(src), "\n")
	if r.Start.Line < 1 || r.Start.Line > len(lines) {
		return false
	}
	name, _, found := strings.Cut(lines[r.Start.Line-1], "=")
	name = strings.TrimSpace(name)
	return found && strings.Contains(name, ".") && hclsyntax.ValidIdentifier(strings.ReplaceAll(name, ".", "_"))
}

// GuardTemplate is the guard of Parse for the text of a template.
func GuardTemplate(name, text string) error {
	tokens, _ := hclsyntax.LexTemplate([]byte(text), name, hcl.InitialPos)
	if diags := guardTokens(tokens); diags.HasErrors() {
		return fmt.Errorf("cannot read template %s: it is nested too deeply", name)
	}
	return nil
}

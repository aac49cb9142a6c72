package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/text/width"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/render"
)

// snippetLines is how much of a long range is shown.
const snippetLines = 4

// writeDiagnostic shows one diagnostic: what, where, the lines themselves
// with carets below what is meant, and why.
func writeDiagnostic(w io.Writer, d *hcl.Diagnostic, files map[string]*hcl.File, colour bool) error {
	bold, tint, end := "", "", ""
	if colour {
		bold, tint, end = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"
	}
	word := "Error"
	if d.Severity == hcl.DiagWarning {
		word = "Warning"
		if colour {
			tint = "\x1b[1;33m"
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s:%s %s%s%s\n", tint, word, end, bold, render.Printable(d.Summary), end)
	if d.Subject != nil {
		place(&b, d.Subject, files, tint, end)
	}
	for _, other := range others(d) {
		place(&b, &other, files, tint, end)
	}
	for line := range strings.Lines(d.Detail) {
		b.WriteString("  " + render.Printable(strings.TrimRight(line, "\n")) + "\n")
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// others are the places that a diagnostic is about beside its subject.
func others(d *hcl.Diagnostic) []hcl.Range {
	at, _ := d.Extra.(option.Others)
	return at
}

// place names a range and shows its lines.
func place(b *strings.Builder, r *hcl.Range, files map[string]*hcl.File, tint, end string) {
	block := blockAround(r, files)
	if block != "" {
		block = ", in " + render.Printable(block)
	}
	fmt.Fprintf(b, "  %s:%d:%d%s\n", render.Printable(r.Filename), r.Start.Line, r.Start.Column, block)
	if f := files[r.Filename]; f != nil {
		snippet(b, f.Bytes, r, tint, end)
	}
}

// blockAround names the block that a range stands in, as far as it is not too
// long to print, or "".
func blockAround(r *hcl.Range, files map[string]*hcl.File) string {
	f := files[r.Filename]
	if f == nil || f.Nav == nil {
		return ""
	}
	nav, ok := f.Nav.(interface{ ContextString(offset int) string })
	if !ok {
		return ""
	}
	return firstOf(nav.ContextString(r.Start.Byte))
}

func snippet(b *strings.Builder, src []byte, r *hcl.Range, tint, end string) {
	margin := len(fmt.Sprint(r.End.Line))
	at := 0 // where line n starts
	for n := 1; n <= r.End.Line && at <= len(src) && n < r.Start.Line+snippetLines; n++ {
		next := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			next = at + i
		}
		if n < r.Start.Line {
			at = next + 1
			continue
		}
		line := string(hideLogins(src[at:next]))
		switch {
		case n > r.Start.Line && line != "":
			fmt.Fprintf(b, "  %*d | %s\n", margin, n, printable(firstOf(line)))
		case n == r.Start.Line:
			to := len(line)
			if r.End.Line == n {
				to = r.End.Byte - at
			}
			firstLine(b, line, r.Start.Byte-at, to, margin, n, tint, end)
		}
		at = next + 1
	}
}

// firstLine shows line n, with carets below what is meant of it.
func firstLine(b *strings.Builder, line string, from, to, margin, n int, tint, end string) {
	from = min(max(from, 0), len(line))
	to = min(max(to, from), len(line))
	before, marked, after := window(line, from, to)
	marks := strings.Repeat("^", max(1, columns(printable(marked))))
	fmt.Fprintf(b, "  %*d | %s%s%s\n", margin, n, printable(before), printable(marked), printable(after))
	fmt.Fprintf(b, "  %*s | %s%s%s%s\n", margin, "", strings.Repeat(" ", columns(printable(before))), tint, marks, end)
}

// logins are what hideLogins hides.
func logins() *regexp.Regexp {
	return regexp.MustCompile(`([a-z+]*)://([^/@\s"]+)@|(?i)[?&][a-z_.-]*(?:token|passw|secret|key)[a-z_.-]*=([^&"\s]+)`)
}

// hideLogins puts asterisks over what an url has before an @, and over what it
// gives for a token: a configuration that holds one by mistake is not to have it
// in the log of a CI, too. The length stays.
func hideLogins(src []byte) []byte {
	out := bytes.Clone(src)
	for _, at := range logins().FindAllSubmatchIndex(src, -1) {
		from, to := at[4], at[5]
		if from < 0 {
			from, to = at[6], at[7]
		} else if bytes.HasSuffix(src[at[2]:at[3]], []byte("ssh")) && !bytes.Contains(src[from:to], []byte(":")) {
			continue // an account
		}
		for i := from; i < to; i++ {
			out[i] = '*'
		}
	}
	return out
}

// lineBytes is how much of a line is shown on either side of where the caret
// starts; a file in one line is not printed whole.
const lineBytes = 120

// window is the part of a line to show, split at what is meant.
func window(line string, from, to int) (before, marked, after string) {
	before, marked, after = line[:from], line[from:to], line[to:]
	if len(before) > lineBytes {
		before = "..." + before[len(before)-lineBytes:]
	}
	if len(marked) > lineBytes {
		return before, firstOf(marked), ""
	}
	return before, marked, firstOf(after)
}

func firstOf(s string) string {
	if len(s) > lineBytes {
		return s[:lineBytes] + "..."
	}
	return s
}

// printable keeps a file from doing things to the terminal that shows it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\r':
			return -1
		case render.IsControl(r):
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// columns is how wide a terminal shows s.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

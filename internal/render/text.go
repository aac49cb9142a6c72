package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/hostctl/hostctl/internal/spec"
)

// text collects the lines of one plan.
type text struct {
	Options
	flush bool // signs in the first column, where a diff viewer expects them
	b     strings.Builder
}

// The colours are those of diff(1) and of terraform.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	faint  = "2"
)

func (t *text) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format, args...)
	t.b.WriteByte('\n')
}

func (t *text) paint(color, s string) string {
	if !t.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (t *text) changes(p *spec.Plan) {
	for _, kind := range spec.Kinds() {
		changes := p.Of(kind)
		if len(changes) == 0 {
			continue
		}
		t.line("")
		deps := map[spec.Action]int{}
		var explained []spec.Change
		for _, c := range changes {
			if c.Why != "" {
				explained = append(explained, c)
				continue
			}
			if !t.Verbose && isDependency(c) {
				deps[c.Action]++
				continue
			}
			t.change(c)
		}
		t.dependencies(deps)
		t.removals(explained)
		if kind == spec.KindPackage {
			t.keep(p)
		}
	}
}

// isDependency: a package that nobody asked for by name. Removals and packages that
// may convert data are never one, so that they are always shown.
func isDependency(c spec.Change) bool {
	return c.ID.Kind == spec.KindPackage && c.Origin.File == "" && c.Action != spec.Delete && c.Data == ""
}

func (t *text) dependencies(count map[spec.Action]int) {
	for _, a := range []spec.Action{spec.Create, spec.Upgrade, spec.Downgrade} {
		if n := count[a]; n > 0 {
			what := spec.Count(n, "dependency", "dependencies")
			if a != spec.Create {
				what += " to " + string(a)
			}
			t.head(a, what, "")
		}
	}
}

// head is the first line of a change.
func (t *text) head(a spec.Action, what, comment string) {
	sign, color := "~", yellow
	switch a {
	case spec.Create:
		sign, color = "+", green
	case spec.Delete:
		sign, color = "-", red
	}
	indent := "  "
	if t.flush {
		indent = ""
	}
	line := indent + t.paint(color, sign) + " " + what
	if comment != "" {
		line += "  " + t.paint(faint, "# "+Printable(comment))
	}
	t.line("%s", line)
}

func (t *text) change(c spec.Change) {
	what := Printable(c.ID.String())
	if c.Action == spec.Downgrade {
		what += " (downgrade)"
	}
	if c.ID.Kind == spec.KindPackage && len(c.Fields) == 1 {
		t.head(c.Action, what+" "+transition(c.Action, c.Fields[0]), c.Origin.String())
		if c.Data != "" {
			t.line("      data may migrate: %s", Printable(c.Data))
		}
		return
	}
	t.head(c.Action, what, c.Origin.String())
	for _, f := range c.Fields {
		t.field(c.Action, f)
	}
}

func (t *text) field(a spec.Action, f spec.Field) {
	name := Printable(f.Name)
	multiline := strings.Contains(f.Before+f.After, "\n")
	switch {
	case !multiline:
		t.line("      %s: %s", name, transition(a, f))
	case a == spec.Update || t.Verbose:
		t.line("      %s:", name)
		t.some(t.diff(f), mostLines)
	case f.Before == "":
		t.line("      %s:", name)
		t.some(t.painted(added(f.After)), firstLines)
	default:
		t.line("      %s: %s", name, spec.Count(len(lines(f.Before)), "line", "lines"))
	}
}

const (
	mostLines  = 20 // of the diff of a file
	firstLines = 5  // of a new file, enough to see what it is
)

// some prints the first lines and counts the others, or prints all if the count
// would take as much space.
func (t *text) some(all []string, most int) {
	if t.Verbose || len(all) <= most+1 {
		most = len(all)
	}
	indent := "        "
	if t.flush {
		indent = ""
	}
	for _, line := range all[:most] {
		t.line("%s%s", indent, line)
	}
	if left := len(all) - most; left > 0 {
		t.line("%s%s", indent, t.paint(faint, fmt.Sprintf("... and %s, which -v shows", spec.Count(left, "more line", "more lines"))))
	}
}

// added is a text as the lines of a diff that adds it.
func added(text string) string {
	return "+" + strings.TrimSuffix(strings.Join(lines(text), "+"), "\n") + "\n"
}

// transition is "before -> after", or the only side of a create or a delete.
func transition(a spec.Action, f spec.Field) string {
	before, after := shorten(f.Name, f.Before), shorten(f.Name, f.After)
	switch a {
	case spec.Create:
		return after
	case spec.Delete:
		return before
	default:
		return before + " -> " + after
	}
}

// shorten makes a value fit a line: it quotes free text and cuts a digest.
func shorten(field, value string) string {
	switch {
	case value == "":
		return "(none)"
	case strings.HasSuffix(field, "digest") && len(value) == 64:
		return "sha256:" + value[:12]
	case strings.ContainsFunc(value, unicode.IsSpace) || value != Printable(value):
		return fmt.Sprintf("%q", value)
	default:
		return value
	}
}

// diff is the diff of a field, line by line.
func (t *text) diff(f spec.Field) []string {
	// The library fails only if its writer does, and it writes to memory.
	diff, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: lines(f.Before), B: lines(f.After), Context: 3})
	return t.painted(diff)
}

// painted are the lines of a diff in their colours, without what controls a
// terminal.
func (t *text) painted(diff string) []string {
	var out []string
	for line := range strings.Lines(diff) {
		line = Printable(strings.TrimSuffix(line, "\n"))
		color := ""
		switch {
		case strings.HasPrefix(line, "@@"):
			color = faint
		case strings.HasPrefix(line, "+"):
			color = green
		case strings.HasPrefix(line, "-"):
			color = red
		}
		if color != "" {
			line = t.paint(color, line)
		}
		out = append(out, line)
	}
	return out
}

// lines splits text for the diff. A last line without a newline is marked as
// diff(1) does, or it would seem equal to one with.
func lines(s string) []string {
	split := slices.Collect(strings.Lines(s))
	if n := len(split); n > 0 && !strings.HasSuffix(split[n-1], "\n") {
		split[n-1] += "\n\\ No newline at end of file\n"
	}
	return split
}

func (t *text) notes(p *spec.Plan) {
	if len(p.Extras) > 0 {
		t.line("")
		t.line("%s installed that the configuration does not ask for: %s",
			spec.Count(len(p.Extras), "package is", "packages are"), Printable(strings.Join(p.Extras, " ")))
	}
	if len(p.Kept) > 0 {
		t.line("")
		t.line("%s installed until another kernel runs: %s", spec.Count(len(p.Kept), "package stays", "packages stay"), Printable(strings.Join(p.Kept, " ")))
	}
	for i, w := range p.Warnings {
		if i == 0 {
			t.line("")
		}
		t.line("%s %s", t.paint(yellow, "Warning:"), Printable(w))
	}
}

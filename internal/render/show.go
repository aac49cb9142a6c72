package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Show is the outline of a flake: the hosts and what they have, the applications
// and where they are.
type Show struct {
	Hosts        []ShowHost     `json:"hosts"`
	Applications []ShowFunction `json:"applications"`
}

// ShowHost is a row of the table of hosts.
type ShowHost struct {
	Name        string `json:"name"`
	Disks       bool   `json:"disks"`
	Secrets     bool   `json:"secrets"`
	Persistence bool   `json:"persistence"`
	Home        bool   `json:"home"`
	Template    string `json:"template,omitempty"`
	Hardware    string `json:"hardware,omitempty"`
}

// ShowFunction is a row of the table of applications: those with one function.
type ShowFunction struct {
	Function  string            `json:"function"`
	Apps      []ShowApplication `json:"apps"`
	Templates []string          `json:"templates"` // that ask for one of them
	Hosts     []string          `json:"hosts"`     // that have one of them, or want it
}

// ShowApplication is one application on the hosts whose configuration has it.
type ShowApplication struct {
	Name    string            `json:"name"`
	Hosts   []string          `json:"hosts"`
	Missing map[string]string `json:"missing,omitempty"` // host: why it lacks it
}

// notes say what the row itself leaves out: applications that are only on some of
// its hosts, and those that a host lacks.
func (f *ShowFunction) notes() [][]string {
	out := make([][]string, len(f.Apps))
	for i, a := range f.Apps {
		if len(a.Hosts) < len(f.Hosts) {
			out[i] = append(out[i], fmt.Sprintf("%s: %s only.", a.Name, strings.Join(a.Hosts, ", ")))
		}
		var reasons []string
		lacking := map[string][]string{}
		for _, h := range a.Hosts {
			if why := a.Missing[h]; why != "" {
				if lacking[why] == nil {
					reasons = append(reasons, why)
				}
				lacking[why] = append(lacking[why], h)
			}
		}
		for _, why := range reasons {
			where := ""
			if len(lacking[why]) < len(a.Hosts) {
				where = " on " + strings.Join(lacking[why], ", ")
			}
			out[i] = append(out[i], fmt.Sprintf("%s: missing%s: %s.", a.Name, where, strings.TrimSuffix(why, ".")))
		}
	}
	return out
}

// ShowText writes both tables for a terminal.
func ShowText(w io.Writer, s *Show) error {
	hosts, applications, notes := s.tables("yes", "-", func(n int) string { return fmt.Sprintf(" [%d]", n) })
	var b strings.Builder
	columns(&b, hosts, "", "  ", "")
	if len(s.Applications) > 0 {
		b.WriteString("\n")
		columns(&b, applications, "", "  ", "")
	}
	for i, n := range notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "[%d] %s\n", i+1, n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ShowMarkdown writes both tables as Markdown, with footnotes.
func ShowMarkdown(w io.Writer, s *Show) error {
	hosts, applications, notes := s.tables("✓", "✗", func(n int) string { return fmt.Sprintf("[^%d]", n) })
	var b strings.Builder
	columns(&b, ruled(hosts), "| ", " | ", " |")
	if len(s.Applications) > 0 {
		b.WriteString("\n")
		columns(&b, ruled(applications), "| ", " | ", " |")
	}
	for i, n := range notes {
		fmt.Fprintf(&b, "\n[^%d]: %s\n", i+1, n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tables are the cells of both tables, headings first, and the footnotes that
// mark refers to.
func (s *Show) tables(yes, no string, mark func(n int) string) (hosts, applications [][]string, notes []string) {
	tick := func(b bool) string {
		if b {
			return yes
		}
		return no
	}
	hosts = [][]string{{"Host", "Disks", "Secrets", "Persistence", "Home", "Template", "Hardware"}}
	for _, h := range s.Hosts {
		hosts = append(hosts, []string{h.Name, tick(h.Disks), tick(h.Secrets), tick(h.Persistence), tick(h.Home), h.Template, h.Hardware})
	}
	applications = [][]string{{"Function", "Application", "Source template", "Hosts"}}
	for _, f := range s.Applications {
		var apps []string
		for i, said := range f.notes() {
			name := f.Apps[i].Name
			for _, n := range said {
				notes = append(notes, n)
				name += mark(len(notes))
			}
			apps = append(apps, name)
		}
		applications = append(applications, []string{f.Function, strings.Join(apps, ", "), strings.Join(f.Templates, ", "), strings.Join(f.Hosts, ", ")})
	}
	return hosts, applications, notes
}

// ruled puts Markdown's rule below the headings, and keeps cells in theirs.
func ruled(rows [][]string) [][]string {
	out := [][]string{}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
		}
		out = append(out, cells)
	}
	return slices.Insert(out, 1, slices.Repeat([]string{"---"}, len(rows[0])))
}

func columns(b *strings.Builder, rows [][]string, first, between, last string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := first
		for i, cell := range row {
			if i > 0 {
				line += between
			}
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		}
		b.WriteString(strings.TrimRight(line+last, " ") + "\n")
	}
}

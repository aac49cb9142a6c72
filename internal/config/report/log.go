// Package report turns mistakes into diagnostics: the log of one host, the merged
// diagnostics of several, and hints for names from other tools. It evaluates
// nothing.
package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Log is the diagnostics of one host.
type Log struct {
	diags hcl.Diagnostics
	said  map[string]bool
}

// All returns them, in order.
func (l *Log) All() hcl.Diagnostics { return l.diags }

// Count returns how many there are.
func (l *Log) Count() int { return len(l.diags) }

// Since returns those after the first n.
func (l *Log) Since(n int) hcl.Diagnostics { return l.diags[n:] }

// Forget drops those after the first n; they are not reported again.
func (l *Log) Forget(n int) { l.diags = l.diags[:n:n] }

// Apart returns what do reports, even if it was reported before, and keeps it out
// of the log.
func (l *Log) Apart(do func()) hcl.Diagnostics {
	before, said := len(l.diags), l.said
	l.said = nil
	do()
	l.said = said
	diags := l.diags[before:]
	l.diags = l.diags[:before:before]
	return diags
}

// Sort orders diagnostics by place.
func (l *Log) Sort() { slices.SortStableFunc(l.diags, byPlace) }

// Fail adds an error.
func (l *Log) Fail(at *hcl.Range, summary, detail string) {
	l.Add(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at}})
}

// Add keeps each diagnostic once: an option may be evaluated many times.
func (l *Log) Add(diags hcl.Diagnostics) {
	for _, d := range diags {
		key := d.Summary + d.Detail
		if d.Subject != nil {
			key += d.Subject.String()
		}
		if l.said == nil {
			l.said = map[string]bool{}
		}
		if !l.said[key] {
			l.said[key] = true
			// The expression and its context would make the writer print
			// values, including the placeholders of an evaluation. Other
			// hosts may have the same diagnostic.
			own := *d
			own.Expression, own.EvalContext = nil, nil
			l.diags = append(l.diags, &own)
		}
	}
}

func byPlace(a, b *hcl.Diagnostic) int {
	if a.Subject == nil || b.Subject == nil {
		return cmp.Compare(len(subjectName(a)), len(subjectName(b)))
	}
	return cmp.Or(strings.Compare(a.Subject.Filename, b.Subject.Filename), cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte))
}

func subjectName(d *hcl.Diagnostic) string {
	if d.Subject == nil {
		return ""
	}
	return d.Subject.Filename
}

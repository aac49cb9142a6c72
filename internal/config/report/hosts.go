package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// HostDiagnostics collects diagnostics that hosts have in common, so that a
// mistake in a template is reported once.
type HostDiagnostics struct {
	hosts int
	order []string
	byKey map[string]*hcl.Diagnostic
	named map[string][]string
}

// NewHostDiagnostics is for n hosts.
func NewHostDiagnostics(hosts int) *HostDiagnostics {
	return &HostDiagnostics{hosts: hosts, byKey: map[string]*hcl.Diagnostic{}, named: map[string][]string{}}
}

// Add adds the diagnostics of a host; "" is the flake itself.
func (h *HostDiagnostics) Add(host string, diags hcl.Diagnostics) {
	for _, d := range diags {
		key := d.Summary
		if d.Subject != nil {
			key += d.Subject.String()
		} else {
			key += d.Detail
		}
		if h.byKey[key] == nil {
			h.byKey[key] = d
			h.order = append(h.order, key)
		}
		if host != "" && !slices.Contains(h.named[key], host) {
			h.named[key] = append(h.named[key], host)
		}
	}
}

// Merged are all diagnostics by place. If only some hosts have one, it names them.
func (h *HostDiagnostics) Merged() hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, key := range h.order {
		d := *h.byKey[key]
		if hosts := h.named[key]; h.hosts > 1 && len(hosts) > 0 && len(hosts) < h.hosts {
			d.Detail += fmt.Sprintf(" (On %s.)", strings.Join(hosts, ", "))
		}
		out = append(out, &d)
	}
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil || a.Subject.Filename != b.Subject.Filename {
			return strings.Compare(subjectName(a), subjectName(b))
		}
		return a.Subject.Start.Byte - b.Subject.Start.Byte
	})
	return out
}

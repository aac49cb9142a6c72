package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Identity is what tells a host from the others of its flake beside its name.
type Identity struct {
	Host   string
	HostID string     // networking.host_id, "" where nothing says it
	at     *hcl.Range // what decides it
}

// Identity is that of the host.
func (r *Result) Identity() Identity {
	if r.Spec == nil || r.Spec.Boot == nil || r.Spec.Boot.HostID == "" {
		return Identity{}
	}
	return Identity{Host: r.Spec.Name, HostID: r.Spec.Boot.HostID, at: r.eval.leafAt(option.Path{"networking", "host_id"}).strongest()}
}

// CheckIdentities refuses a host id that several hosts have: each would take
// the other's pools for its own (zpool-import(8)).
func CheckIdentities(hosts []Identity) hcl.Diagnostics {
	byID := map[string][]Identity{}
	for _, h := range hosts {
		if h.HostID != "" && h.at != nil {
			byID[h.HostID] = append(byID[h.HostID], h)
		}
	}
	var diags hcl.Diagnostics
	for _, id := range sortedKeys(byID) {
		if len(byID[id]) < 2 {
			continue
		}
		var names []string
		var places []hcl.Range
		for _, h := range byID[id] {
			names = append(names, h.Host)
			if !slices.Contains(places, *h.at) {
				places = append(places, *h.at)
			}
		}
		last := len(places) - 1
		where := ""
		for _, p := range places[:last] {
			where += ", " + option.At(p)
		}
		if where != "" {
			where = " It stands at " + strings.TrimPrefix(where, ", ") + " as well."
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Same host id", Subject: &places[last], Extra: option.Others(places[:last]),
			Detail: fmt.Sprintf("Hosts %s have the same networking.host_id, %q. ZFS tells by it whose pool it is, so each would import the other's without asking.%s Give each its own: openssl rand -hex 4.", strings.Join(names, ", "), id, where),
		})
	}
	return diags
}

// HostDiagnostics collects what hosts have in common, so that one mistake in
// a template is reported once.
type HostDiagnostics struct {
	hosts int
	order []string
	byKey map[string]*hcl.Diagnostic
	named map[string][]string
}

// NewHostDiagnostics is for that many hosts.
func NewHostDiagnostics(hosts int) *HostDiagnostics {
	return &HostDiagnostics{hosts: hosts, byKey: map[string]*hcl.Diagnostic{}, named: map[string][]string{}}
}

// Add takes the diagnostics of a host; "" is the flake itself.
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

// Merged are all diagnostics by place; those of some hosts only name them.
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

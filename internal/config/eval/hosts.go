package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Identity is what must be unique among the hosts of a flake, besides the name.
type Identity struct {
	Host   string
	HostID string     // networking.host_id, "" if not set
	at     *hcl.Range // what decides it
}

// Identity returns the host's.
func (r *Result) Identity() Identity {
	if r.Spec == nil || r.Spec.Boot == nil || r.Spec.Boot.HostID == "" {
		return Identity{}
	}
	return Identity{Host: r.Spec.Name, HostID: r.Spec.Boot.HostID, at: r.eval.leafAt(option.Path{"networking", "host_id"}).strongest()}
}

// CheckIdentities refuses a host id that several hosts share: each would take the
// other's pools for its own (zpool-import(8)).
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
			where = " It is also set at " + strings.TrimPrefix(where, ", ") + "."
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Same host id", Subject: &places[last], Extra: option.Others(places[:last]),
			Detail: fmt.Sprintf("Hosts %s have the same networking.host_id, %q. ZFS tells by it which host a pool belongs to, so each would import the other's pools without asking.%s Give each its own: openssl rand -hex 4.", strings.Join(names, ", "), id, where),
		})
	}
	return diags
}

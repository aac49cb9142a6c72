package eval

import (
	"fmt"
	"path"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

// checkPaths refuses paths that no switch can write, and paths that two resources
// would write. The plan checks links that only the machine has.
func (d *decoder) checkPaths() {
	bad := map[spec.ID]bool{}
	for _, m := range d.host.Managed() {
		if !path.IsAbs(m.Path) {
			bad[m.By] = true // reported here
			continue
		}
		at := d.host.Leads(m.Path)
		why := d.host.Reserved(at, d.host.Files[m.Path])
		if why == "" {
			continue
		}
		bad[m.By] = true
		if at != m.Path {
			why = fmt.Sprintf("%s leads to %s, and %s", m.Path, at, why)
		}
		d.failAt(idPath(m.By), "Path that no switch can set", why)
	}
	for _, c := range d.host.Clashes(d.host.Leads) {
		if bad[c.First.By] || bad[c.Second.By] {
			continue
		}
		summary, remedy := "Same path twice", "Keep one of the two."
		if c.Below {
			summary, remedy = "Below a file", "Rename one of the two."
		}
		first := d.e.entryRange(idPath(c.First.By))
		where := ""
		if first != nil {
			where = " (" + option.At(*first) + ")"
		}
		diag := &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: summary, Subject: d.e.entryRange(idPath(c.Second.By)),
			Detail: fmt.Sprintf("%s: %s%s. %s", idPath(c.Second.By), c.Why(), where, remedy),
		}
		if first != nil {
			diag.Extra = option.Others{*first}
		}
		d.e.report(hcl.Diagnostics{diag})
	}
}

// idPath is the option path of a resource.
func idPath(id spec.ID) option.Path { return option.Path{string(id.Kind), id.Name} }

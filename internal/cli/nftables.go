package cli

import (
	"strings"

	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// sayTables names the tables of others that a plan takes from the kernel: Debian's
// nftables.service flushes all of them when it stops, not those alone that it loaded.
func (s *session) sayTables(p *spec.Plan) error {
	if !s.live() || !s.stopsNftables(p) {
		return nil
	}
	tables, err := inventory.Tables()
	delete(tables, spec.FirewallTable)
	if len(tables) > 0 {
		s.say("warning: nftables.service stops, and every table of nftables goes with it: %s", strings.Join(sortedKeys(tables), ", "))
	}
	return err
}

// stopsNftables reports whether a plan stops nftables.service, which has run at
// boot until now.
func (s *session) stopsNftables(p *spec.Plan) bool {
	was := s.seen.Units["nftables.service"].Enabled
	for _, c := range p.Of(spec.KindUnit) {
		for _, f := range c.Fields {
			off := f.Name == "enabled" && f.Before == "true" && f.After == "false" || f.Name == "masked" && f.After == "true" && was != nil && *was
			if c.ID.Name == "nftables.service" && off {
				return true
			}
		}
	}
	return false
}

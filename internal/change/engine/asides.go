package engine

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// SayAsides says what is to be known of a plan's accounts and of the packet filter
// and is no part of it: that moves by itself.
func (m *Machine) SayAsides(p *spec.Plan) error {
	return errors.Join(m.sayLeavers(p), m.sayIDs(p), m.sayTables(p))
}

// sayLeavers names who is at work while the account is removed.
func (m *Machine) sayLeavers(p *spec.Plan) error {
	if !m.Live() {
		return nil
	}
	leavers, err := activate.Leavers(p)
	for _, name := range slices.Sorted(maps.Keys(leavers)) {
		m.say("warning: user %q %s; all of that ends when the account goes", name, leavers[name])
	}
	return err
}

// sayIDs says of accounts that are made with an id that the configuration gives
// what files of earlier accounts that means.
func (m *Machine) sayIDs(p *spec.Plan) error {
	given := map[string]int{}
	for _, c := range p.Of(spec.KindUser) {
		for _, f := range c.Fields {
			if uid, err := strconv.Atoi(f.After); c.Action == spec.Create && f.Name == "uid" && err == nil {
				given[c.ID.Name] = uid
			}
		}
	}
	if len(given) == 0 || !m.begun {
		return nil
	}
	tombs, err := m.store.Tombs()
	if err != nil {
		return err
	}
	for _, line := range idNotes(given, tombs) {
		m.say("warning: %s", line)
	}
	return nil
}

func idNotes(given map[string]int, tombs account.Tombs) []string {
	var out []string
	for name, uid := range given {
		if old, was := tombs.Users[name]; was && old != uid {
			out = append(out, "user "+strconv.Quote(name)+" had uid "+strconv.Itoa(old)+" when it was here before, and gets "+strconv.Itoa(uid)+
				"; files of then keep the old one: find / -xdev -uid "+strconv.Itoa(old))
		}
		for other, old := range tombs.Users {
			if other != name && old == uid {
				out = append(out, "user "+strconv.Quote(name)+" gets uid "+strconv.Itoa(uid)+", which was user "+strconv.Quote(other)+"'s; it owns what that one left")
			}
		}
	}
	slices.Sort(out)
	return out
}

// sayTables names the tables of others that a plan takes from the kernel: Debian's
// nftables.service flushes all of them when it stops, not those alone that it loaded.
func (m *Machine) sayTables(p *spec.Plan) error {
	if !m.Live() || !m.stopsNftables(p) {
		return nil
	}
	tables, err := inventory.Tables()
	delete(tables, spec.FirewallTable)
	if len(tables) > 0 {
		m.say("warning: nftables.service stops, and every table of nftables goes with it: %s", strings.Join(slices.Sorted(maps.Keys(tables)), ", "))
	}
	return err
}

// stopsNftables reports whether a plan stops nftables.service, which has run at
// boot until now.
func (m *Machine) stopsNftables(p *spec.Plan) bool {
	was := m.seen.Units["nftables.service"].Enabled
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

package cli

import (
	"errors"
	"slices"
	"strconv"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/spec"
)

// show prints a plan, and what is to be known of its accounts and of the packet
// filter and is no part of it: that moves by itself.
func (s *session) show(p *spec.Plan, verbose bool) error {
	return errors.Join(s.env.show(p, verbose), s.sayAsides(p))
}

// announce is show for what is about to be done.
func (s *session) announce(p *spec.Plan, verbose bool) error {
	return errors.Join(s.env.announce(p, verbose), s.sayAsides(p))
}

func (s *session) sayAsides(p *spec.Plan) error {
	if s.shownBefore() {
		return nil
	}
	return errors.Join(s.sayLeavers(p), s.sayIDs(p), s.sayTables(p))
}

// sayLeavers names who is at work while the account is removed.
func (s *session) sayLeavers(p *spec.Plan) error {
	if !s.live() {
		return nil
	}
	leavers, err := activate.Leavers(p)
	for _, name := range sortedKeys(leavers) {
		s.say("warning: user %q %s; all of that ends when the account goes", name, leavers[name])
	}
	return err
}

// sayIDs says of accounts that are made with an id that the configuration gives
// what files of earlier accounts that means.
func (s *session) sayIDs(p *spec.Plan) error {
	given := map[string]int{}
	for _, c := range p.Of(spec.KindUser) {
		for _, f := range c.Fields {
			if uid, err := strconv.Atoi(f.After); c.Action == spec.Create && f.Name == "uid" && err == nil {
				given[c.ID.Name] = uid
			}
		}
	}
	if len(given) == 0 || !s.begun {
		return nil
	}
	tombs, err := s.store.Tombs()
	if err != nil {
		return err
	}
	for _, line := range idNotes(given, tombs) {
		s.say("warning: %s", line)
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

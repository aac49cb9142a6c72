package cli

import (
	"errors"

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
	return s.SayAsides(p)
}

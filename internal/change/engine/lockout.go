package engine

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/spec"
)

// Lockout are the ways in which a plan may keep somebody from logging in.
func (m *Machine) Lockout(ctx context.Context, p *spec.Plan, want *spec.Host, person guard.Person) ([]string, error) {
	in := m.guarding(p, want)
	in.Person = person
	return guard.Lockout(ctx, in)
}

// stillLetsIn looks again before a commit: what the machine had when somebody agreed
// to the plan, a key for instance, may be gone since.
func (m *Machine) stillLetsIn(ctx context.Context, p *spec.Plan, want *spec.Host, a Agreement) error {
	if p.Empty() || !m.Live() || os.Geteuid() != 0 || a.Any {
		return nil
	}
	return m.noWorse(ctx, p, want, a)
}

// noWorse refuses ways to lock people out that nobody has agreed to.
func (m *Machine) noWorse(ctx context.Context, p *spec.Plan, want *spec.Host, a Agreement) error {
	again := *p // its warnings have been said
	found, err := m.Lockout(ctx, &again, want, a.By)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(found, func(way string) bool { return slices.Contains(a.Lockout, way) })
	if len(fresh) == 0 {
		return nil
	}
	return &Error{Refused, fmt.Errorf("refused: since the plan was made this machine has changed, and it may keep people from logging in:\n  %s\nlook at a new plan",
		strings.Join(fresh, "\n  "))}
}

package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// first is what nobody must miss in a plan: another release, people who can no
// longer log in, and why the plan is refused.
func (t *text) first(p *spec.Plan) {
	if r := p.Release; r != nil {
		t.line("%s this moves %s from Debian %s to Debian %s.", t.paint(yellow, "Another release:"), p.Host, Printable(r.From), Printable(r.To))
	}
	for _, l := range p.Lockout {
		t.line("%s %s.", t.paint(red, "Lock-out:"), Printable(l))
	}
	for _, r := range p.Refused {
		t.line("%s %s.", t.paint(red, "Refused:"), Printable(r))
	}
	if p.Release != nil || len(p.Lockout)+len(p.Refused) > 0 {
		t.line("")
	}
}

// removals are the packages to remove, grouped by why they are installed.
func (t *text) removals(changes []spec.Change) {
	slices.SortStableFunc(changes, func(a, b spec.Change) int {
		of := func(c spec.Change) string { reason, _, _ := strings.Cut(c.Why, ": "); return reason }
		return strings.Compare(of(a), of(b))
	})
	last := ""
	for _, c := range changes {
		reason, what, particular := strings.Cut(c.Why, ": ")
		if reason != last {
			t.line("  %s", t.paint(faint, "# "+Printable(reason)+":"))
			last = reason
		}
		comment := ""
		if particular {
			comment = what
		}
		t.head(c.Action, fmt.Sprintf("%s %s", Printable(c.ID.String()), transition(c.Action, c.Fields[0])), comment)
	}
}

// keep is the line of a configuration that keeps what would be removed unasked.
func (t *text) keep(p *spec.Plan) {
	if len(p.Keep) > 0 {
		t.line("      to keep what nobody asked to go: packages = [%s]", Printable(`"`+strings.Join(p.Keep, `", "`)+`"`))
	}
}

package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hostctl/hostctl/internal/spec"
)

// Refuse says why a machine is not brought to a spec, though its plan can be
// made: somebody would lose what is theirs. The way back is refused nobody.
func Refuse(p *spec.Plan, want, prev *spec.Host, st *spec.State) error {
	return errors.Join(append(checkPaths(p, want, st), checkHosts(want, prev, st))...)
}

// checkPaths refuses, by the links that the machine has, what validate refuses
// by those of every Debian. A link that the plan takes away leads nowhere.
func checkPaths(p *spec.Plan, want *spec.Host, st *spec.State) (errs []error) {
	diverted := p.Diverted()
	at := func(id spec.ID) string {
		if o := want.Origins[id].String(); o != "" {
			return " (" + o + ")"
		}
		return ""
	}
	lead := func(path string) string {
		if spec.Below(path, diverted) {
			return want.Leads(path)
		}
		return cmp.Or(st.Leads[path], want.Leads(path))
	}
	for _, path := range slices.Sorted(maps.Keys(st.Leads)) {
		f, wanted := want.Files[path]
		if why := want.Reserved(lead(path), f); wanted && why != "" {
			errs = append(errs, fmt.Errorf("cannot set file %q%s: it leads to %s on this machine, and %s", path, at(spec.ID{Kind: spec.KindFile, Name: path}), lead(path), why))
		}
	}
	for _, c := range want.Clashes(lead) {
		errs = append(errs, fmt.Errorf("cannot set %s%s: %s%s, on this machine; remove one of the two", c.Second.By, at(c.Second.By), c.Why(), at(c.First.By)))
	}
	return errs
}

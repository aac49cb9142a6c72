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
	return errors.Join(slices.Concat(checkPaths(p, want, st), checkMasks(want, prev, st), []error{checkHosts(want, prev, st)})...)
}

// checkMasks refuses what is to run from now on and somebody has masked
// (systemctl(1)): nothing would start it, and a switch to it would go back.
func checkMasks(want, prev *spec.Host, st *spec.State) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(want.Units)) {
		w, was, has := want.Units[name], prev.Units[name], st.Units[name]
		if !spec.On(w.Enabled) || spec.On(was.Enabled) || w.Masked != nil || spec.On(was.Masked) || w.Content != "" || !spec.On(has.Masked) {
			continue
		}
		errs = append(errs, fmt.Errorf("cannot enable %s%s: it is masked on this machine, and nothing starts it; unit %q { masked = false } takes the mask away",
			name, want.At(spec.ID{Kind: spec.KindUnit, Name: name}), name))
	}
	return errs
}

// checkPaths refuses, by the links that the machine has, what validate refuses
// by those of every Debian. A link that the plan takes away leads nowhere.
func checkPaths(p *spec.Plan, want *spec.Host, st *spec.State) (errs []error) {
	diverted := p.Diverted()
	lead := func(path string) string {
		if spec.Below(path, diverted) {
			return want.Leads(path)
		}
		return cmp.Or(st.Leads[path], want.Leads(path))
	}
	for _, path := range slices.Sorted(maps.Keys(st.Leads)) {
		f, wanted := want.Files[path]
		if why := want.Reserved(lead(path), f); wanted && why != "" {
			errs = append(errs, fmt.Errorf("cannot set file %q%s: it leads to %s on this machine, and %s", path, want.At(spec.ID{Kind: spec.KindFile, Name: path}), lead(path), why))
		}
	}
	for _, c := range want.Clashes(lead) {
		errs = append(errs, fmt.Errorf("cannot set %s%s: %s%s, on this machine; remove one of the two", c.Second.By, want.At(c.Second.By), c.Why(), want.At(c.First.By)))
	}
	return errs
}

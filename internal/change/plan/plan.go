// Package plan compares what a host should be with what it is and lists the
// changes between. It is a pure function of its input: it reads nothing, runs
// nothing, and gives the same plan for the same input.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// Version of a plan's JSON form.
const Version = 1

// Input is all that a plan depends on.
type Input struct {
	Want           *spec.Host
	Prev           *spec.Host // what the current generation asked for; nil before the first
	Lock, PrevLock []spec.Locked
	State          *spec.State
	PrevKept       []string        // packages that the current generation kept although it was to remove them
	Adopted        map[string]bool // packages that were on the machine before hostctl
	Found          spec.Found      // what Prev found where it set something
	Generation     int             // the one that the plan starts from
	Recorded       *Recorded       // Want is a generation's, to which its record leads; nil: it is to be staged
	SpecDigest     string          // of Want
	LockDigest     string
	Compare        func(a, b string) int // order of Debian versions
}

// Recorded is a way along records. Its files come back as they were, shipped ones
// too, and accounts become what the records did to them, whatever a spec says:
// one that a spec had removed comes back, though no spec asks for it.
type Recorded struct {
	Before, After Accounts // of all that are there, or will be
}

// Accounts are users and groups by name.
type Accounts struct {
	Users  map[string]spec.User
	Groups map[string]spec.Group
}

// Make lists the changes that turn the State into Want, kinds in stage order
// and names in byte order within a kind. It fails when the input contradicts
// itself; every contradiction is in the error.
func Make(in Input) (*spec.Plan, error) {
	if in.Prev == nil {
		in.Prev = &spec.Host{}
	}
	m := maker{Input: in, plan: &spec.Plan{
		Version:    Version,
		Host:       in.Want.Name,
		Generation: in.Generation,
		SpecDigest: in.SpecDigest,
		LockDigest: in.LockDigest,
	}}
	m.packages()
	if m.Recorded == nil {
		m.groups()
		m.users()
	} else {
		m.recordedAccounts()
	}
	m.secrets()
	m.files()
	m.sysctls()
	m.kernelModules()
	m.units()
	m.settings()
	m.notApplied()
	if len(m.errs) > 0 {
		return nil, errors.Join(m.errs...)
	}
	m.sort()
	m.plan.Release = release(m.plan.Of(spec.KindPackage))
	return m.plan, nil
}

// release finds a move to another release of Debian: the version of base-files
// begins with the release's number.
func release(packages []spec.Change) *spec.Release {
	for _, c := range packages {
		if c.ID.Name != "base-files" || c.Action == spec.Create || c.Action == spec.Delete {
			continue
		}
		before, _, _ := strings.Cut(c.Fields[0].Before, ".")
		after, _, _ := strings.Cut(c.Fields[0].After, ".")
		if before != after {
			return &spec.Release{From: before, To: after}
		}
	}
	return nil
}

// maker collects a plan, kind by kind.
type maker struct {
	Input
	plan *spec.Plan
	errs []error
}

func (m *maker) sort() {
	rank := map[spec.Kind]int{}
	for i, k := range spec.Kinds() {
		rank[k] = i
	}
	slices.SortFunc(m.plan.Changes, func(a, b spec.Change) int {
		return cmp.Or(cmp.Compare(rank[a.ID.Kind], rank[b.ID.Kind]), cmp.Compare(a.ID.Name, b.ID.Name))
	})
	slices.Sort(m.plan.Extras)
	slices.Sort(m.plan.Warnings)
}

// add puts a change into the plan; the origin of what nobody asks for any more is
// where it was asked for.
func (m *maker) add(kind spec.Kind, name string, action spec.Action, fields []spec.Field) {
	id := spec.ID{Kind: kind, Name: name}
	origin, wanted := m.Want.Origins[id]
	if was, had := m.Prev.Origins[id]; had && (action == spec.Delete || !wanted) {
		origin = was
	}
	m.plan.Changes = append(m.plan.Changes, spec.Change{ID: id, Action: action, Fields: fields, Origin: origin})
}

// set adds a create or an update, if there is anything to do.
func (m *maker) set(kind spec.Kind, name string, exists bool, fields []spec.Field) {
	switch {
	case !exists:
		m.add(kind, name, spec.Create, fields)
	case len(fields) > 0:
		m.add(kind, name, spec.Update, fields)
	}
}

func (m *maker) warn(format string, args ...any) {
	m.plan.Warnings = append(m.plan.Warnings, fmt.Sprintf(format, args...))
}

func (m *maker) fail(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf(format, args...))
}

// gone calls drop for each live resource that the previous spec had and the
// wanted one has not.
func gone[W, H any](prev, want map[string]W, have map[string]H, drop func(name string, prev W, have H)) {
	for name, p := range prev {
		_, wanted := want[name]
		if h, exists := have[name]; exists && !wanted {
			drop(name, p, h)
		}
	}
}

// lookup is m[name] as a pointer, nil where it is absent.
func lookup[V any](m map[string]V, name string) *V {
	if v, ok := m[name]; ok {
		return &v
	}
	return nil
}

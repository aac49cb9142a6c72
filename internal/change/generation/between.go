package generation

import (
	"slices"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/spec"
)

// Edges does something with each recorded edge on the way from one generation to
// another, in order: those that are undone, then those that are done.
func (s Store) Edges(from, to int, do func(n int, undone bool) error) error {
	undo, apply, err := s.Route(from, to)
	if err != nil {
		return err
	}
	for i, n := range slices.Concat(undo, apply) {
		if err := do(n, i < len(undo)); err != nil {
			return err
		}
	}
	return nil
}

// Config are the digests of the configuration files along the recorded edges from one
// generation to another, as they are at the other; "" is none.
func (s Store) Config(from, to int) (map[string]string, error) {
	out := map[string]string{}
	err := s.Edges(from, to, func(n int, undone bool) error {
		changes, err := s.Changeset(n)
		if err != nil {
			return err
		}
		for _, e := range changes.Entries {
			is := e.After
			if undone {
				is = e.Before
			}
			switch {
			case e.Class != node.Config:
			case is == nil:
				out[e.Path] = ""
			case is.Digest != "":
				out[e.Path] = is.Digest
			default: // a link, or a folder
				delete(out, e.Path)
			}
		}
		return nil
	})
	return out, err
}

// AccountsBetween is what happens to accounts along the recorded edges from one
// generation to another.
func (s Store) AccountsBetween(from, to int) ([]account.Delta, error) {
	var deltas []account.Delta
	err := s.Edges(from, to, func(n int, undone bool) error {
		accounts, err := s.Accounts(n)
		if !undone {
			deltas = append(deltas, accounts...)
			return err
		}
		for _, d := range slices.Backward(accounts) {
			deltas = append(deltas, d.Invert())
		}
		return err
	})
	return deltas, err
}

// ServicesBetween is what maintainer scripts asked of services when the
// generations on the way were staged. It holds in both directions: a service
// that a package started comes with the package's return, and one that was
// restarted, or stood still while its files were replaced, wants the same when
// they are put back. Activation leaves out units that are gone.
func (s Store) ServicesBetween(from, to int) ([]spec.ServiceRequest, error) {
	var out []spec.ServiceRequest
	err := s.Edges(from, to, func(n int, _ bool) error {
		services, err := s.Services(n)
		out = append(out, services...)
		return err
	})
	return out, err
}

// StateLeft lists the data that the generations made which are undone on the way from
// one to another.
func (s Store) StateLeft(from, to int) ([]string, error) {
	undo, _, err := s.Route(from, to)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range undo {
		meta, err := s.Meta(n)
		if err != nil {
			return nil, err
		}
		out = append(out, meta.StatePaths...)
	}
	return out, nil
}

// ByHand is what somebody did by hand of which a generation was made; nothing
// of another one.
func (s Store) ByHand(n int) (Meta, []spec.Change, error) {
	meta, err := s.Meta(n)
	if err != nil || !meta.Absorbed {
		return meta, nil, err
	}
	p, err := s.Plan(n)
	if err != nil {
		return meta, nil, err
	}
	return meta, p.Changes, nil
}

// Made are the paths that a generation and its ancestors brought,
// maintainer scripts included.
func (s Store) Made(n int) ([]string, error) {
	_, all, err := s.Route(0, n)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range all {
		r, err := s.Load(n)
		if err != nil {
			return nil, err
		}
		if r.Meta.Absorbed {
			continue
		}
		for _, e := range r.Changeset.Entries {
			if e.After != nil {
				out = append(out, e.Path)
			}
		}
	}
	return out, nil
}

// BootBetween is what maintainer scripts asked of what the machine boots from when the
// generations on the way were staged.
func (s Store) BootBetween(from, to int) (asked []string, err error) {
	err = s.Edges(from, to, func(n int, _ bool) error {
		more, err := s.Boot(n)
		asked = append(asked, more...)
		return err
	})
	return asked, err
}

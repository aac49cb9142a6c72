package generation

import (
	"errors"
	"io/fs"

	"github.com/hostctl/hostctl/internal/spec"
)

// Found reads what the spec of generation n found where it set something. A record
// of an older hostctl does not say: then only what a recorded plan created, and no
// later one deleted, counts as the spec's own.
func (s Store) Found(n int) (found spec.Found, err error) {
	err = s.read(n, foundFile, &found)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	h, err := s.Spec(n)
	if err != nil {
		return found, err
	}
	found = spec.FoundAll(h)
	made, err := s.made(n)
	for id, is := range made {
		switch {
		case !is:
		case id.Kind == spec.KindUser:
			delete(found.Users, id.Name)
		case id.Kind == spec.KindGroup:
			delete(found.Groups, id.Name)
		}
	}
	return found, err
}

// made says of what the recorded plans up to generation n created or deleted
// whether the last of them to speak of it created it.
func (s Store) made(n int) (map[spec.ID]bool, error) {
	line, err := s.ancestry(n)
	if err != nil {
		return nil, err
	}
	out := map[spec.ID]bool{}
	for _, n := range line {
		p, err := s.Plan(n)
		if err != nil {
			return nil, err
		}
		for _, c := range p.Changes {
			if _, said := out[c.ID]; !said && (c.Action == spec.Create || c.Action == spec.Delete) {
				out[c.ID] = c.Action == spec.Create
			}
		}
	}
	return out, nil
}

const foundFile = "found.json"

package kind

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// installs are the [Install] sections that enable a unit: its own, and those of the
// units in its Also=. It leaves out units that are masked or that the spec wants
// disabled, and those for which only systemd knows what enabling does.
func installs(root system.Root, links *systemd.Links, want *spec.Host, name string) (map[string]systemd.Install, error) {
	out := map[string]systemd.Install{}
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		unit := todo[0]
		if _, known := out[unit]; known {
			continue
		}
		w, other := want.Units[unit], unit != name
		if other && (off(w.Enabled) || spec.On(w.Masked) || links.Masked(unit) || systemd.Fragment(root, unit) == "") {
			continue
		}
		in, err := systemd.ReadInstall(root, unit)
		if err != nil {
			return nil, err
		}
		if other && in.Unsure {
			continue
		}
		out[unit] = in
		todo = append(todo, in.Also...)
	}
	return out, nil
}

// enabledBy are the installs of the units that are on in either spec, by their
// names, while links are there; those that the wanted one turns off or masks are
// left out.
func (s *stage) enabledBy(links *systemd.Links, names []string) (out map[string]map[string]systemd.Install, err error) {
	out = map[string]map[string]systemd.Install{}
	for _, name := range names {
		want := s.Want.Units[name]
		if spec.On(want.Masked) || off(want.Enabled) || !spec.On(want.Enabled) && !spec.On(s.Prev.Units[name].Enabled) {
			continue
		}
		if out[name], err = installs(s.root, links, s.Want, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// relink removes the links that no [Install] section names any longer, and returns
// the units to enable that lack one. former is enabledBy from before any unit was
// written: it distinguishes a link that is no longer right from a link for an
// instance, or for somebody else's unit, that somebody enabled.
func (s *stage) relink(names []string, former map[string]map[string]systemd.Install) (lacking []string, err error) {
	live, err := observeUnits(s.root, s.names, s.Want, names)
	if err != nil {
		return nil, err
	}
	links, err := systemd.ReadLinks(s.root)
	if err != nil {
		return nil, err
	}
	present, err := s.enabledBy(links, names)
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, of := range present {
		for _, in := range of {
			for _, path := range in.Links {
				keep[path] = true
			}
		}
	}
	s.foundAlso(present)
	for _, name := range names {
		gone := slices.Clone(live[name].Stray)
		for unit, in := range former[name] {
			if unit == name || s.Want.Units[unit].Content+s.Prev.Units[unit].Content != "" || s.offBefore(unit) {
				gone = append(gone, in.Links...)
			}
		}
		gone = slices.DeleteFunc(gone, func(path string) bool {
			_, declared := s.Want.Files[path]
			return declared || keep[path]
		})
		if err := s.unlink(name, gone); err != nil {
			return nil, err
		}
	}
	return s.lacking(names, former, present)
}

// foundAlso records the former state of somebody else's units that Also= enables.
// If the spec later names such a unit itself, the record stays the same.
func (s *stage) foundAlso(present map[string]map[string]systemd.Install) {
	for name, of := range present {
		for unit := range of {
			if unit == name || !spec.On(s.Want.Units[name].Enabled) || s.Want.Units[unit].Enabled != nil || s.Want.Units[unit].Content+s.Prev.Units[unit].Content != "" {
				continue
			}
			u := s.found.Units[unit]
			if u.Enabled = s.Found.Units[unit].Enabled; u.Enabled == nil {
				enabled := s.enabled.Enabled(unit)
				u.Enabled = &enabled
			}
			s.found.Units[unit] = u
		}
	}
	for unit, was := range s.Found.Units {
		if u := s.found.Units[unit]; u.Enabled != nil && s.Prev.Units[unit].Enabled == nil && was.Enabled != nil {
			u.Enabled = was.Enabled
			s.found.Units[unit] = u
		}
	}
}

// offBefore says of somebody else's unit that it was not enabled before Also=
// had it so, and that no spec has said anything of it.
func (s *stage) offBefore(unit string) bool {
	return off(s.Found.Units[unit].Enabled) && s.Want.Units[unit].Enabled == nil && s.Prev.Units[unit].Enabled == nil
}

// lacking are the units that are to be enabled and are not, or not by all their
// links. One whose section went is among them: it is refused for that.
func (s *stage) lacking(names []string, former, present map[string]map[string]systemd.Install) ([]string, error) {
	live, err := observeUnits(s.root, s.names, s.Want, names)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		want, in := s.Want.Units[name], present[name][name]
		if !spec.On(want.Enabled) || spec.On(want.Masked) {
			continue
		}
		had := want.Content != "" || !former[name][name].Empty()
		if had && in.Empty() || !*live[name].Enabled || len(live[name].Missing) > 0 {
			out = append(out, name)
		}
	}
	return out, nil
}

// ofInstance reports whether a link enables an instance that the spec enables by
// its own name, whatever happens to the template.
func ofInstance(want *spec.Host, template, path string) bool {
	unit := filepath.Base(path)
	return strings.Contains(template, "@.") && unit != template && spec.On(want.Units[unit].Enabled)
}

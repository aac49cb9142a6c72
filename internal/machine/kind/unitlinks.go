package kind

import (
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/systemd"
)

// templateLinks are the links that the templates' [Install] sections name before
// any unit is written: of a template, none but these tell a link that is no
// longer right from that of an instance which somebody enabled.
func (s *stage) templateLinks(names []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, name := range names {
		if !strings.Contains(name, "@.") {
			continue
		}
		in, err := systemd.ReadInstall(s.root, name)
		if err != nil {
			return nil, err
		}
		out[name] = in.Links
	}
	return out, nil
}

// relink takes away the links of units, as they are by now, that no [Install]
// section names any more, and returns the units that lack one. Those that must
// not be enabled are none of its business.
func (s *stage) relink(names []string, former map[string][]string) (lacking []string, err error) {
	live, err := observeUnits(s.root, s.names, s.Want, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		want := s.Want.Units[name]
		if !on(want.Enabled) || on(want.Masked) {
			continue
		}
		in, err := systemd.ReadInstall(s.root, name)
		if err != nil {
			return nil, err
		}
		gone := slices.DeleteFunc(slices.Clone(former[name]), func(path string) bool { return slices.Contains(in.Links, path) })
		switch {
		case want.Content != "" && in.Empty(), len(live[name].Missing) > 0:
			lacking = append(lacking, name) // the first is refused for it
		}
		if err := s.unlink(name, append(gone, live[name].Stray...)); err != nil {
			return nil, err
		}
	}
	return lacking, nil
}

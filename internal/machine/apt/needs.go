package apt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Needs reads from dpkg's database which installed packages each installed package
// depends on (deb-control(5): Depends and Pre-Depends), by name and without the
// architecture. It names all installed alternatives and providers: it says why a
// package may be installed, not whether it could be removed.
func Needs(root system.Root) (map[string][]string, error) {
	status, err := root.Read(statusPath)
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	depends, by := map[string]string{}, map[string][]string{}
	for s := range stanzas(status) {
		if words := strings.Fields(s.get("Status")); len(words) != 3 || words[2] != "installed" {
			continue
		}
		name := s.get("Package")
		depends[name] = s.get("Pre-Depends") + "," + s.get("Depends")
		by[name] = append(by[name], name)
		for _, provided := range relations(s.get("Provides")) {
			by[provided] = append(by[provided], name)
		}
	}
	out := make(map[string][]string, len(depends))
	for name, text := range depends {
		for _, wanted := range relations(text) {
			for _, p := range by[wanted] {
				if p != name && !slices.Contains(out[name], p) {
					out[name] = append(out[name], p)
				}
			}
		}
	}
	return out, nil
}

// relations are the names in a list of relations, without versions and
// architectures.
func relations(text string) []string {
	var out []string
	for _, r := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '|' }) {
		if words := strings.Fields(r); len(words) > 0 {
			name, _, _ := strings.Cut(words[0], ":")
			name, _, _ = strings.Cut(name, "(")
			out = append(out, name)
		}
	}
	return out
}

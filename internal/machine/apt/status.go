package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

const (
	statusPath         = "/var/lib/dpkg/status"
	extendedStatesPath = "/var/lib/apt/extended_states"
)

// Installed reads dpkg's database: every package whose status is "installed",
// by name. A package of another architecture than the machine's own is called
// name:arch, as dpkg --list does (dpkg-query(1)).
func Installed(root system.Root) (map[string]spec.Installed, error) {
	status, err := root.Read(statusPath)
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	states, err := root.Read(extendedStatesPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read apt's marks: %w", err)
	}
	installed, err := parseStatus(status)
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's database: %w", err)
	}
	native := installed["dpkg"].Arch
	for fields := range stanzas(states) {
		name, arch := fields.get("Package"), fields.get("Architecture")
		p, ok := installed[name]
		if !ok || arch != native {
			name += ":" + arch
			p, ok = installed[name]
		}
		if ok {
			p.Auto = fields.get("Auto-Installed") == "1"
			installed[name] = p
		}
	}
	return installed, nil
}

// parseStatus reads /var/lib/dpkg/status (deb822(5), dpkg-query(1) for the
// three words of Status).
func parseStatus(data []byte) (map[string]spec.Installed, error) {
	type entry struct {
		name, version, arch string
		essential, held     bool
	}
	var entries []entry
	native := ""
	for fields := range stanzas(data) {
		e := entry{fields.get("Package"), fields.get("Version"), fields.get("Architecture"), essential(fields), false}
		words := strings.Fields(fields.get("Status"))
		if e.name == "" || len(words) != 3 {
			return nil, fmt.Errorf("the stanza %q has no Package or no Status of three words; repair it with the copies in /var/backups", firstLine(fields.raw))
		}
		if words[2] != "installed" {
			continue
		}
		e.held = words[0] == "hold"
		if e.name == "dpkg" {
			native = e.arch
		}
		entries = append(entries, e)
	}
	installed := make(map[string]spec.Installed, len(entries))
	for _, e := range entries {
		if e.arch != native && e.arch != "all" && native != "" {
			e.name += ":" + e.arch
		}
		installed[e.name] = spec.Installed{Version: e.version, Arch: e.arch, Essential: e.essential, Held: e.held}
	}
	return installed, nil
}

// essential says whether dpkg itself would refuse to remove the package
// (deb-control(5): Essential and Protected; apt's Important is the latter's
// older name).
func essential(s stanza) bool {
	return s.get("Essential") == "yes" || s.get("Protected") == "yes" || s.get("Important") == "yes"
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(line)
}

// stanza is one paragraph of a deb822 file. It searches for a field: a package has
// about twenty, and a reader here needs three to nine.
type stanza struct{ raw []byte }

// get returns the first line of a field, trimmed, or "".
func (s stanza) get(field string) string {
	rest := s.raw
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		if len(line) > len(field) && line[len(field)] == ':' && strings.EqualFold(string(line[:len(field)]), field) {
			return string(bytes.TrimSpace(line[len(field)+1:]))
		}
	}
	return ""
}

// stanzas yields the paragraphs of a deb822 file.
func stanzas(data []byte) iter.Seq[stanza] {
	return func(yield func(stanza) bool) {
		for len(data) > 0 {
			var raw []byte
			raw, data, _ = bytes.Cut(data, []byte("\n\n"))
			raw = bytes.Trim(raw, "\n")
			if len(raw) > 0 && !yield(stanza{raw}) {
				return
			}
		}
	}
}

// mark writes apt's automatic marks: names in auto came as a dependency,
// those of manual were asked for. Marks of other packages stay.
func mark(root system.Root, manual, auto []string) error {
	old, err := root.Read(extendedStatesPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read apt's marks: %w", err)
	}
	installed, err := Installed(root)
	if err != nil {
		return err
	}
	said := make(map[string]bool, len(manual)+len(auto))
	for _, name := range append(append([]string{}, manual...), auto...) {
		said[name] = true
	}
	var out bytes.Buffer
	native := installed["dpkg"].Arch
	for s := range stanzas(old) {
		if s.get("Architecture") != native || !said[s.get("Package")] {
			fmt.Fprintf(&out, "%s\n\n", s.raw)
		}
	}
	for _, name := range auto {
		fmt.Fprintf(&out, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", name, native)
	}
	if bytes.Equal(out.Bytes(), old) {
		return nil
	}
	return system.StageFile(root.Path(extendedStatesPath), out.Bytes(), 0o644, os.Getuid(), os.Getgid())
}

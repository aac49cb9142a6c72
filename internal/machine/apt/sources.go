package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one "deb" source of the machine's apt (sources.list(5)).
type entry struct {
	uris     []string
	suites   []string
	signedBy string
}

// machineSources reads sources.list, sources.list.d/*.list and *.sources
// below etc (/etc/apt), in the order in which apt does.
func machineSources(etc string) ([]entry, error) {
	names, err := filepath.Glob(filepath.Join(etc, "sources.list.d", "*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var entries []entry
	for _, name := range append([]string{filepath.Join(etc, "sources.list")}, names...) {
		parse := parseSourcesList
		switch filepath.Ext(name) {
		case ".list":
		case ".sources":
			parse = parseDeb822Sources
		default:
			continue
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read this machine's apt sources: %w", err)
		}
		entries = append(entries, parse(data)...)
	}
	return entries, nil
}

// parseSourcesList reads the one-line style: deb [options] uri suite components.
// Lines that are not so are apt's to complain about.
func parseSourcesList(data []byte) []entry {
	var entries []entry
	for line := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(line), "#")
		rest, ok := strings.CutPrefix(strings.Join(strings.Fields(text), " "), "deb ")
		if !ok {
			continue
		}
		var e entry
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				continue
			}
			for _, o := range strings.Fields(options) {
				if value, ok := strings.CutPrefix(strings.ToLower(o), "signed-by="); ok {
					e.signedBy = o[len(o)-len(value):]
				}
			}
			rest = after
		}
		if words := strings.Fields(rest); len(words) >= 2 {
			e.uris, e.suites = words[:1], words[1:2]
			entries = append(entries, e)
		}
	}
	return entries
}

// parseDeb822Sources reads the style of *.sources files.
func parseDeb822Sources(data []byte) []entry {
	var kept bytes.Buffer
	for line := range bytes.Lines(data) {
		if !bytes.HasPrefix(line, []byte("#")) {
			kept.Write(line)
		}
	}
	var entries []entry
	for s := range stanzas(kept.Bytes()) {
		enabled := strings.ToLower(s.get("Enabled"))
		off := slices.Contains([]string{"no", "false", "without", "off", "disable", "0"}, enabled)
		e := entry{uris: s.words("URIs"), suites: s.words("Suites"), signedBy: strings.Join(s.words("Signed-By"), " ")}
		if off || !slices.Contains(s.words("Types"), "deb") || len(e.uris) == 0 || len(e.suites) == 0 {
			continue
		}
		entries = append(entries, e)
	}
	return entries
}

// words splits a field that may go on over indented lines.
func (s stanza) words(field string) []string {
	var words []string
	in := false
	for line := range bytes.Lines(s.raw) {
		text := string(line)
		if name, value, ok := strings.Cut(text, ":"); ok && text[0] != ' ' && text[0] != '\t' {
			if in = strings.EqualFold(name, field); in {
				words = append(words, strings.Fields(value)...)
			}
		} else if in {
			words = append(words, strings.Fields(text)...)
		}
	}
	return words
}

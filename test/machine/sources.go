package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one archive of this machine's apt set-up: a line of a .list file
// or a stanza of a .sources file (sources.list(5)).
type entry struct {
	uris, suites []string
	main         bool // it takes the component main
}

// debianSources returns apt lines for the given suite, its updates and its security
// updates, on the mirror that this machine's own Debian comes from.
func debianSources(suite string) ([]string, error) {
	own, err := codename()
	if err != nil {
		return nil, err
	}
	entries, err := aptEntries("/etc/apt")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, pocket := range []string{"", "-updates", "-security"} {
		i := slices.IndexFunc(entries, func(e entry) bool { return e.main && slices.Contains(e.suites, own+pocket) })
		if i >= 0 {
			lines = append(lines, fmt.Sprintf("deb %s %s%s main", entries[i].uris[0], suite, pocket))
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("cannot find a Debian mirror: no source in /etc/apt has the suite %s with main", own)
	}
	return lines, nil
}

// codename reads VERSION_CODENAME of this machine's os-release(5).
func codename() (string, error) {
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", fmt.Errorf("cannot tell this machine's Debian release: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(v, `"`), nil
		}
	}
	return "", fmt.Errorf("cannot tell this machine's Debian release: /etc/os-release has no VERSION_CODENAME")
}

func aptEntries(dir string) ([]entry, error) {
	files, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, file := range append(files, filepath.Join(dir, "sources.list")) {
		b, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read apt's sources: %w", err)
		}
		switch filepath.Ext(file) {
		case ".list":
			entries = append(entries, oneLine(string(b))...)
		case ".sources":
			entries = append(entries, deb822(string(b))...)
		}
	}
	return entries, nil
}

func oneLine(text string) []entry {
	var out []entry
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "deb" {
			continue
		}
		fields = fields[1:]
		if strings.HasPrefix(fields[0], "[") {
			end := slices.IndexFunc(fields, func(f string) bool { return strings.HasSuffix(f, "]") })
			fields = fields[end+1:]
		}
		if len(fields) > 2 {
			out = append(out, entry{uris: fields[:1], suites: fields[1:2], main: slices.Contains(fields[2:], "main")})
		}
	}
	return out
}

func deb822(text string) []entry {
	var out []entry
	for stanza := range strings.SplitSeq(text, "\n\n") {
		var e entry
		for line := range strings.Lines(stanza) {
			key, value, _ := strings.Cut(line, ":")
			switch strings.ToLower(key) {
			case "uris":
				e.uris = strings.Fields(value)
			case "suites":
				e.suites = strings.Fields(value)
			case "components":
				e.main = slices.Contains(strings.Fields(value), "main")
			}
		}
		if len(e.uris) > 0 {
			out = append(out, e)
		}
	}
	return out
}

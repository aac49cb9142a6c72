package systemd

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// unitDirs is where unit files stand, strongest first (systemd.unit(5), "Unit
// File Load Path"; Debian adds nothing to it).
func unitDirs() []string {
	return []string{AdminDir, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}
}

// Fragment is the path of the unit's main file, or that of its template; empty
// if there is none. A mask is no fragment.
func Fragment(root system.Root, unit string) string {
	for _, name := range []string{unit, Template(unit)} {
		for _, dir := range unitDirs() {
			path := filepath.Join(dir, name)
			if target, err := os.Readlink(root.Path(path)); err == nil && target == os.DevNull {
				continue
			}
			if st, err := os.Stat(root.Path(path)); err == nil && st.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// Install is what the [Install] section of a unit says.
type Install struct {
	Links bool     // WantedBy, RequiredBy, UpheldBy or Alias: there is something to link
	Also  []string // units that are enabled with it
}

// ReadInstall reads the [Install] section of the unit's main file and of its
// drop-ins.
func ReadInstall(root system.Root, unit string) (Install, error) {
	s, err := ReadSettings(root, unit)
	in := Install{Also: s.words("Install.Also")}
	for _, key := range []string{"WantedBy", "RequiredBy", "UpheldBy", "Alias"} {
		in.Links = in.Links || len(s["Install."+key]) > 0
	}
	return in, err
}

// Settings are what a unit's main file and its drop-ins say: section and key,
// "Service.ExecStart", to the values in the order in which systemd reads them.
// An assignment of nothing takes the values before it away (systemd.syntax(7)).
type Settings map[string][]string

// Sources are the files that make a unit: the main one first, if there is one,
// then the drop-ins in the order in which they are read.
func Sources(root system.Root, unit string) ([]string, error) {
	var paths []string
	if f := Fragment(root, unit); f != "" {
		paths = append(paths, f)
	}
	dropIns := map[string]string{} // by base name: the strongest folder's wins
	for _, dir := range unitDirs() {
		for _, name := range slices.Compact([]string{unit, Template(unit)}) {
			folder := filepath.Join(dir, name+".d")
			found, err := filepath.Glob(filepath.Join(root.Path(folder), "*.conf"))
			if err != nil {
				return nil, err
			}
			for _, f := range found {
				if base := filepath.Base(f); dropIns[base] == "" {
					dropIns[base] = filepath.Join(folder, base)
				}
			}
		}
	}
	for _, base := range slices.Sorted(maps.Keys(dropIns)) {
		paths = append(paths, dropIns[base])
	}
	return paths, nil
}

// ReadSettings reads a unit of the root. A unit that is not there has none.
func ReadSettings(root system.Root, unit string) (Settings, error) {
	paths, err := Sources(root, unit)
	if err != nil {
		return nil, err
	}
	s := Settings{}
	for _, path := range paths {
		b, err := root.Read(path)
		if err != nil {
			return nil, err
		}
		s.parse(string(b))
	}
	return s, nil
}

// parse is not the parser of go-systemd, which refuses lines of more than 2,048
// bytes; systemd takes a megabyte.
func (s Settings) parse(content string) {
	section, joined := "", ""
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if line == "" && joined == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if rest, more := strings.CutSuffix(line, "\\"); more {
			joined += rest + " "
			continue
		}
		line, joined = joined+line, ""
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if key = section + "." + strings.TrimSpace(key); !found {
			continue
		}
		if value = strings.TrimSpace(value); value == "" {
			delete(s, key)
		} else {
			s[key] = append(s[key], value)
		}
	}
}

func (s Settings) words(key string) []string {
	var out []string
	for _, value := range s[key] {
		out = append(out, strings.Fields(value)...)
	}
	return out
}

// Last is the value of a key that can have one, "" where it has none.
func (s Settings) Last(key string) string {
	if v := s[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// Yes reads a boolean, systemd.syntax(7).
func (s Settings) Yes(key string) bool {
	switch strings.ToLower(s.Last(key)) {
	case "1", "yes", "y", "true", "t", "on":
		return true
	}
	return false
}

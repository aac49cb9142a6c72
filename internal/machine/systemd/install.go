package systemd

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// unitDirs are the folders of unit files, strongest first (systemd.unit(5), "Unit
// File Load Path"; Debian adds nothing to it).
func unitDirs() []string {
	return []string{AdminDir, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}
}

// Fragment is the path of the unit's main file, or that of its template; empty
// if there is none. A mask is not a fragment.
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
	Links []string // that enabling it makes, below AdminDir; sorted
	Also  []string // units that are enabled with it
	// Unsure says that it makes others, which only systemd knows.
	Unsure bool
}

// Empty says that there is nothing to enable.
func (in Install) Empty() bool { return len(in.Links)+len(in.Also) == 0 && !in.Unsure }

// ReadInstall reads the [Install] section of the unit's main file and of its
// drop-ins, systemd.unit(5).
func ReadInstall(root system.Root, unit string) (Install, error) {
	s, err := ReadSettings(root, unit)
	in := Install{Also: s.words("Install.Also"), Unsure: aliased(root, unit)}
	template := unit == Template(unit) && strings.Contains(unit, "@.")
	name := unit
	if instance := s.Last("Install.DefaultInstance"); template && instance != "" {
		name = strings.Replace(unit, "@.", "@"+instance+".", 1)
	}
	for _, alias := range s.words("Install.Alias") {
		path, sure := specifiers(alias, unit)
		// Only systemd knows which instances an alias has, and what one below a .wants is.
		if !sure || strings.Contains(alias, "/") || strings.Contains(unit, "@") || alias == unit {
			in.Unsure = true
			continue
		}
		in.Links = append(in.Links, filepath.Join(AdminDir, path))
	}
	for key, ext := range map[string]string{"WantedBy": ".wants", "RequiredBy": ".requires", "UpheldBy": ".upholds"} {
		for _, other := range s.words("Install." + key) {
			by, sure := specifiers(other, name)
			if !sure || strings.Contains(name, "%") || template && name == unit {
				in.Unsure = true
				continue
			}
			in.Links = append(in.Links, filepath.Join(AdminDir, by+ext, name))
		}
	}
	slices.Sort(in.Links)
	in.Links = slices.Compact(in.Links)
	return in, err
}

// aliased says whether the unit is one in name only, a link to another's file.
func aliased(root system.Root, unit string) bool {
	target, err := os.Readlink(root.Path(Fragment(root, unit)))
	return err == nil && filepath.Base(target) != unit && filepath.Base(target) != Template(unit)
}

// specifiers replaces those of systemd.unit(5) that are parts of the unit's name,
// unescaped as they are; sure is false where others are in text.
func specifiers(text, unit string) (out string, sure bool) {
	stem := strings.TrimSuffix(unit, filepath.Ext(unit))
	prefix, instance, _ := strings.Cut(stem, "@")
	out = strings.NewReplacer("%n", unit, "%N", stem, "%p", prefix, "%i", instance).Replace(text)
	return out, !strings.Contains(out, "%")
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

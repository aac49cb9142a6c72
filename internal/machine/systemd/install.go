package systemd

import (
	"os"
	"path/filepath"
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
	paths := []string{Fragment(root, unit)}
	for _, dir := range unitDirs() {
		for _, name := range []string{unit, Template(unit)} {
			found, err := filepath.Glob(filepath.Join(root.Path(filepath.Join(dir, name+".d")), "*.conf"))
			if err != nil {
				return Install{}, err
			}
			for _, f := range found {
				paths = append(paths, filepath.Join(dir, name+".d", filepath.Base(f)))
			}
		}
	}
	var in Install
	for _, path := range paths {
		if path == "" {
			continue
		}
		b, err := root.Read(path)
		if err != nil {
			return Install{}, err
		}
		in.parse(string(b))
	}
	return in, nil
}

func (in *Install) parse(content string) {
	section := ""
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found || section != "[Install]" || strings.TrimSpace(value) == "" {
			continue
		}
		switch strings.TrimSpace(key) {
		case "WantedBy", "RequiredBy", "UpheldBy", "Alias":
			in.Links = true
		case "Also":
			in.Also = append(in.Also, strings.Fields(value)...)
		}
	}
}

package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	infoDir        = "/var/lib/dpkg/info"
	diversionsPath = "/var/lib/dpkg/diversions"
)

// Owned lists every path that an installed package brought, folders too, and
// says for each whether it is a conffile. Paths are those of a merged /usr
// where the root has one: dpkg's lists still name /bin/x what is /usr/bin/x.
// The places to which files were diverted (dpkg-divert(1)) count as brought.
func Owned(root system.Root) (map[string]bool, error) {
	entries, err := os.ReadDir(root.Path(infoDir))
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's file lists: %w", err)
	}
	merged := mergedFolders(root)
	owned := make(map[string]bool, 1<<16)
	var conffiles []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if ext != ".list" && ext != ".conffiles" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root.Path(infoDir), e.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's file lists: %w", err)
		}
		for line := range bytes.Lines(data) {
			path := strings.TrimSuffix(string(line), "\n")
			if ext == ".conffiles" {
				// "remove-on-upgrade /path" names a conffile that is gone (deb-conffiles(5)).
				if strings.HasPrefix(path, "/") {
					conffiles = append(conffiles, merged.canonical(path))
				}
				continue
			}
			owned[merged.canonical(path)] = false
		}
	}
	for _, path := range conffiles {
		owned[path] = true
	}
	return owned, addDiversions(root, merged, owned)
}

// Owners names for every path of Owned one package that has it. Folders belong
// to many; which of them is named does not matter, they all have to go first.
func Owners(root system.Root) (map[string]string, error) {
	lists, err := filepath.Glob(root.Path(infoDir) + "/*.list")
	if err != nil {
		return nil, err
	}
	diverted, err := diverted(root)
	if err != nil {
		return nil, err
	}
	merged := mergedFolders(root)
	out := make(map[string]string, 1<<16)
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's file lists: %w", err)
		}
		pkg, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":")
		for line := range bytes.Lines(data) {
			path := merged.canonical(strings.TrimSuffix(string(line), "\n"))
			if d, ok := diverted[path]; ok && d.by != pkg {
				path = d.to
			}
			out[path] = pkg
		}
	}
	return out, nil
}

// addDiversions reads triples of lines: the path, where it goes, the package.
func addDiversions(root system.Root, merged mergedUsr, owned map[string]bool) error {
	data, err := root.Read(diversionsPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read dpkg's diversions: %w", err)
	}
	lines := strings.Split(string(data), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		from, to := merged.canonical(lines[i]), merged.canonical(lines[i+1])
		if conffile, ok := owned[from]; ok {
			owned[to] = conffile
		}
	}
	return nil
}

// mergedUsr holds the top folders that are links into /usr.
type mergedUsr []string

func mergedFolders(root system.Root) mergedUsr {
	var merged mergedUsr
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		target, err := os.Readlink(root.Path(dir))
		if err == nil && strings.TrimPrefix(target, "/") == "usr"+dir {
			merged = append(merged, dir)
		}
	}
	return merged
}

// Canonical is the path by which Owned knows a path of a package's lists.
func Canonical(root system.Root, path string) string { return mergedFolders(root).canonical(path) }

func (m mergedUsr) canonical(path string) string {
	if path == "/." {
		return "/"
	}
	for _, dir := range m {
		if rest, ok := strings.CutPrefix(path, dir); ok && (rest == "" || rest[0] == '/') {
			return "/usr" + path
		}
	}
	return path
}

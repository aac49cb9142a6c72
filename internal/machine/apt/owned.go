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

// Owned lists every path that an installed package ships, including folders, and
// says for each whether it is a conffile. If the root has a merged /usr, paths are
// those of it: dpkg's lists still have /bin/x for /usr/bin/x. The places of diverted
// files (dpkg-divert(1)) count as shipped.
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

// Owners maps every path of Owned to one package that has it. Many packages have
// the same folder; it does not matter which one is named, since all of them must be
// removed first.
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

// mergedUsr lists the top folders that are links into /usr.
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

// Canonical is Owned's form of a path in a package's lists.
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

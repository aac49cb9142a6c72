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

// Shipped is a file as its package ships it.
type Shipped struct {
	Package string
	MD5     string // hex, from the package's md5sums (deb-md5sums(5)); conffiles have none there
}

// ShippedFiles lists every file of installed packages whose checksum dpkg knows. It
// leaves out files that were excluded from installation (dpkg.cfg's path-exclude)
// or taken over by another package. Diverted files are at their new places.
func ShippedFiles(root system.Root) (map[string]Shipped, error) {
	entries, err := os.ReadDir(root.Path(infoDir))
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's sums: %w", err)
	}
	diverted, err := diverted(root)
	if err != nil {
		return nil, err
	}
	excluded, err := exclusions(root)
	if err != nil {
		return nil, err
	}
	merged := mergedFolders(root)
	out := make(map[string]Shipped, 1<<16)
	for _, e := range entries {
		pkg, ok := strings.CutSuffix(e.Name(), ".md5sums")
		if !ok {
			continue
		}
		sums, err := os.ReadFile(filepath.Join(root.Path(infoDir), e.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's sums: %w", err)
		}
		has, err := listed(root, pkg, merged)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(pkg, ":")
		for line := range bytes.Lines(sums) {
			sum, path, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  ")
			path = merged.canonical("/" + path)
			if !ok || len(sum) != 32 || !has[path] || excluded.match(path) {
				continue
			}
			if d, ok := diverted[path]; ok && d.by != name {
				path = d.to
			}
			out[path] = Shipped{name, sum}
		}
	}
	return out, nil
}

// listed are the paths that dpkg still counts as pkg's: one that another package
// replaced is missing from the list, but not from the sums.
func listed(root system.Root, pkg string, merged mergedUsr) (map[string]bool, error) {
	b, err := os.ReadFile(filepath.Join(root.Path(infoDir), pkg+".list"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	out := map[string]bool{}
	for line := range bytes.Lines(b) {
		out[merged.canonical(strings.TrimSuffix(string(line), "\n"))] = true
	}
	return out, err
}

type diversion struct{ to, by string }

func diverted(root system.Root) (map[string]diversion, error) {
	lines, err := databaseLines(root, diversionsPath)
	merged := mergedFolders(root)
	out := map[string]diversion{}
	for i := 0; i+2 < len(lines); i += 3 {
		out[merged.canonical(lines[i])] = diversion{merged.canonical(lines[i+1]), lines[i+2]}
	}
	return out, err
}

// exclusion is one path-exclude or path-include of dpkg.cfg(5), in order: the
// last that matches counts.
type exclusion struct {
	pattern string
	include bool
}

type pathFilter []exclusion

func exclusions(root system.Root) (pathFilter, error) {
	files, err := filepath.Glob(root.Path("/etc/dpkg/dpkg.cfg.d") + "/*")
	if err != nil {
		return nil, err
	}
	var out pathFilter
	for _, file := range append([]string{root.Path("/etc/dpkg/dpkg.cfg")}, files...) {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's configuration: %w", err)
		}
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			switch strings.TrimLeft(strings.TrimSpace(key), "-") {
			case "path-exclude":
				out = append(out, exclusion{value, false})
			case "path-include":
				out = append(out, exclusion{value, true})
			}
		}
	}
	return out, nil
}

func (f pathFilter) match(path string) bool {
	excluded := false
	for _, e := range f {
		if glob(e.pattern, path) {
			excluded = !e.include
		}
	}
	return excluded
}

// glob is fnmatch(3) without flags, as dpkg calls it: * and ? match slashes
// too.
func glob(pattern, s string) bool {
	const slash = "\x01"
	ok, err := filepath.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(s, "/", slash))
	return ok && err == nil
}

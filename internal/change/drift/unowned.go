package drift

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// UnownedAreas are the folders in which every file should be somebody's.
func UnownedAreas() []string { return []string{"/etc", "/opt", "/usr", "/var/lib"} }

// Known is who accounts for paths.
type Known struct {
	Owners map[string]string         // dpkg's
	Spec   *spec.Host                // the current generation's
	Paths  []string                  // that the spec, hostctl itself, or a maintainer script in a generation's stage made
	Files  map[string]inventory.File // of the areas as they are now
}

// FindUnowned lists those of the paths that nobody accounts for. A
// folder that is nobody's stands for the files in it; one without files is not
// worth a word.
func FindUnowned(paths []string, k Known) []spec.DriftItem {
	ours := map[string]bool{}
	for _, p := range k.Paths {
		for ; !ours[p] && p != "/"; p = filepath.Dir(p) {
			ours[p] = true
		}
	}
	paths = slices.SortedFunc(slices.Values(paths), byTree)
	ignore := Debian()
	var out []spec.DriftItem
	below := ""
	for i, path := range paths {
		if k.Owners[path] != "" || ours[path] || ignore.somebodys(path) || enables(path, k.Spec.Units) ||
			strings.HasPrefix(k.Files[path].Target, "/etc/alternatives/") {
			continue
		}
		folder := i+1 < len(paths) && strings.HasPrefix(paths[i+1], path+"/") || k.Files[path].Mode&unix.S_IFMT == unix.S_IFDIR
		switch {
		case below != "" && strings.HasPrefix(path, below+"/"):
			if !folder {
				out[len(out)-1].Count++
			}
			continue
		case folder:
			below = path
		}
		kind := kindOf(path, false, false)
		if kind == kindFile {
			kind = kindUnowned
		}
		item := spec.DriftItem{Kind: kind, Name: path, Where: path, Change: spec.Unowned, Now: "present", Switch: spec.Leaves}
		if folder {
			item.Now = string(spec.Directory)
		}
		out = append(out, item)
	}
	return slices.DeleteFunc(out, func(i spec.DriftItem) bool { return i.Count == 0 && i.Now == string(spec.Directory) })
}

// enables says whether path is a link, or the folder of links, that enables a
// unit of the spec.
func enables(path string, units map[string]spec.Unit) bool {
	if !strings.HasPrefix(path, "/etc/systemd/") {
		return false
	}
	u, ok := units[filepath.Base(path)]
	return ok && (u.Enabled != nil || u.Masked != nil)
}

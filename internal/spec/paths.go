package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Managed is a path that a resource of a spec has.
type Managed struct {
	Path string
	By   ID
}

// unitDir is the folder of a spec's units (systemd.unit(5)).
const unitDir = "/etc/systemd/system/"

// Managed lists the paths of a host's files and units, sorted. A unit has a path if
// the spec writes or masks it; one of hostctl's own units always has. It leaves out
// the lists of keys that hostctl keeps in its own files: Reserved names those.
func (h *Host) Managed() []Managed {
	var out []Managed
	for p := range h.Files {
		out = append(out, Managed{p, ID{KindFile, p}})
	}
	for name, u := range h.Units {
		id := ID{KindUnit, name}
		if u.Content != "" || u.Masked != nil && *u.Masked || slices.Contains(ownUnits(), name) {
			out = append(out, Managed{unitDir + name, id})
		}
		for file := range u.DropIns {
			out = append(out, Managed{unitDir + name + ".d/" + file, id})
		}
	}
	slices.SortFunc(out, func(a, b Managed) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// debianLinks are the folders that are links on every Debian: those of the merged
// /usr, and the parts of /var that a boot empties (file-hierarchy(7)).
func debianLinks() map[string]string {
	return map[string]string{
		"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib32": "usr/lib32", "/lib64": "usr/lib64", "/libx32": "usr/libx32",
		"/var/run": "/run", "/var/lock": "/run/lock",
	}
}

// Leads is where a path leads if its folders are links: those of Debian, and those
// that the spec makes. It does not follow the last name.
func (h *Host) Leads(p string) string {
	known := debianLinks()
	done, rest := "/", strings.Split(strings.Trim(path.Clean("/"+p), "/"), "/")
	for links := 0; len(rest) > 1; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		target := known[next]
		if f := h.Files[next]; f.Type == Symlink {
			target = f.Target
		}
		if target == "" || links == maxLinks {
			done = next
			continue
		}
		links++
		if path.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(strings.Trim(path.Clean(target), "/"), "/"), rest...)
	}
	return path.Join(done, rest[0])
}

// maxLinks is the kernel's own limit of links in one path (path_resolution(7)).
const maxLinks = 40

// Clash says that two resources cannot both have what they ask for.
type Clash struct {
	Path          string // to which both lead, or the path of First if Second is below it
	First, Second Managed
	Below         bool
}

// Why says what is wrong with the second, to whoever wrote it.
func (c Clash) Why() string {
	switch {
	case c.Below:
		return fmt.Sprintf("%s is below %s, which is not a folder", c.Second.Path, c.First.Path)
	case c.Second.Path == c.First.Path:
		return fmt.Sprintf("%s also has %s", c.First.By, c.Path)
	case c.Second.Path == c.Path:
		return fmt.Sprintf("%s also leads to %s", c.First.Path, c.Path)
	case c.First.Path == c.Path:
		return fmt.Sprintf("%s leads to %s", c.Second.Path, c.Path)
	}
	return fmt.Sprintf("%s and %s both lead to %s", c.Second.Path, c.First.Path, c.Path)
}

// Clashes are the paths that two resources share, and those below something that
// the spec does not make a folder. Lead says where a path leads.
func (h *Host) Clashes(lead func(string) string) []Clash {
	var out []Clash
	at := map[string]Managed{}
	managed := h.Managed()
	for _, m := range managed {
		p := lead(m.Path)
		first, taken := at[p]
		switch {
		case !taken:
			at[p] = m
		case first.By != m.By:
			out = append(out, Clash{Path: p, First: first, Second: m})
		}
	}
	for _, m := range managed {
		if c, ok := h.enabledTwice(m, lead(m.Path)); ok {
			out = append(out, c)
		}
		for dir := path.Dir(lead(m.Path)); dir != "/"; dir = path.Dir(dir) {
			if above, ok := at[dir]; ok && above.By != m.By && (above.By.Kind != KindFile || h.Files[above.By.Name].Type == Regular) {
				out = append(out, Clash{Path: dir, First: above, Second: m, Below: true})
			}
		}
	}
	return out
}

// enabledTwice reports a file at the path of a link that systemctl makes and
// removes (systemd.unit(5)), if the spec says whether the unit is enabled.
func (h *Host) enabledTwice(m Managed, at string) (Clash, bool) {
	folder, name := path.Split(at)
	inUnits, ok := strings.CutPrefix(folder, unitDir)
	if m.By.Kind != KindFile || !ok || h.Units[name].Enabled == nil {
		return Clash{}, false
	}
	if !slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(strings.TrimSuffix(inUnits, "/"))) {
		return Clash{}, false
	}
	return Clash{Path: at, First: Managed{at, ID{KindUnit, name}}, Second: m}, true
}

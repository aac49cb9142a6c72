package drift

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// byTree orders paths so that what is below a folder follows it at once.
func byTree(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			switch {
			case a[i] == '/':
				return -1
			case b[i] == '/':
				return 1
			}
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// union are the keys of both maps, sorted.
func union[V any](a, b map[string]V) []string {
	all := make(map[string]bool, len(b))
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// files compares every path with the baseline. A path of a package that is
// itself another than it was is that package's.
func (f *finder) files() {
	below := "" // an added folder, which speaks for what is in it
	counted := -1
	paths := union(f.Base.Files, f.Now.Files)
	slices.SortFunc(paths, byTree)
	for _, path := range paths {
		was, before := f.Base.Files[path]
		is, now := f.Now.Files[path]
		if _, ours := f.Spec.Files[path]; ours || f.explained[path] || f.foreign[was.Package] || f.foreign[is.Package] || f.ignore.volatile(path) {
			continue
		}
		switch {
		case before && now:
			f.compare(path, was, is)
		case before:
			f.link(spec.DriftItem{Kind: f.kindOf(path), Name: path, Where: path, Change: spec.Removed, Before: f.describe(f.Base, was)}, was)
		case is.Package != "", dependencies(path):
		case below != "" && strings.HasPrefix(path, below+"/"):
			f.items[counted].Count++
		default:
			f.added(path, is)
			if is.Mode&unix.S_IFMT == unix.S_IFDIR {
				below, counted = path, len(f.items)-1
			}
		}
	}
}

// dependencies says whether path is a folder of systemd's for links that
// enable units. The links tell.
func dependencies(path string) bool {
	return strings.HasPrefix(path, "/etc/systemd/") && slices.Contains([]string{".wants", ".requires", ".upholds"}, filepath.Ext(path))
}

func (f *finder) added(path string, is inventory.File) {
	item := spec.DriftItem{Kind: f.kindOf(path), Name: path, Where: path, Change: spec.Added, Now: f.describe(f.Now, is)}
	switch {
	case is.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && is.Mode&unix.S_IFMT == unix.S_IFREG:
		item.Kind = kindSetuid
	case is.Xattrs[capabilities] != "":
		item.Kind = kindCapability
	}
	f.link(item, is)
}

// capabilities is the attribute of capabilities(7).
const capabilities = "security.capability"

// link adds an item and calls a link by what it means to systemd.
func (f *finder) link(item spec.DriftItem, node inventory.File) {
	if node.Mode&unix.S_IFMT == unix.S_IFLNK && strings.HasPrefix(item.Name, "/etc/systemd/") {
		unit := filepath.Base(item.Name)
		switch {
		case node.Target == "/dev/null":
			item.Kind, item.Name, item.Field = "mask", unit, "masked"
		case strings.HasSuffix(filepath.Dir(item.Name), ".wants"), strings.HasSuffix(filepath.Dir(item.Name), ".requires"):
			item.Name, item.Field = unit, "enabled"
		}
		if item.Field != "" {
			flags := map[bool]string{true: "true", false: "false"}
			item.Before, item.Now = flags[item.Change == spec.Removed], flags[item.Change == spec.Added]
			item.Change = spec.Changed
		}
	}
	f.add(item)
}

// compare adds an item for each respect in which a path differs.
func (f *finder) compare(path string, was, is inventory.File) {
	item := spec.DriftItem{Kind: f.kindOf(path), Name: path, Where: path, Change: spec.Changed}
	if owner := is.Package; owner != "" {
		item.Origin = f.Spec.Origins[spec.ID{Kind: spec.KindPackage, Name: owner}]
	}
	add := func(kind, field, before, now string) {
		if before == now {
			return
		}
		i := item
		i.Field, i.Before, i.Now = field, before, now
		if kind != "" {
			i.Kind = kind
		}
		f.add(i)
	}
	if was.Mode&unix.S_IFMT != is.Mode&unix.S_IFMT {
		add("", "type", typeName(was.Mode), typeName(is.Mode))
		return
	}
	add("", "target", was.Target, is.Target)
	if is.Package == "" || is.Digest != "" { // dpkg's sums speak for the rest
		before, now := content(was), content(is)
		add("", "content", before, now)
	}
	kind := ""
	if (was.Mode^is.Mode)&(unix.S_ISUID|unix.S_ISGID) != 0 && was.Mode&unix.S_IFMT == unix.S_IFREG {
		kind = kindSetuid
	}
	if was.Mode&unix.S_IFMT != unix.S_IFLNK {
		add(kind, "mode", octal(was.Mode), octal(is.Mode))
	}
	if was.UID != is.UID {
		add("", "owner", userName(f.Base, was.UID), userName(f.Now, is.UID))
	}
	if was.GID != is.GID {
		add("", "group", groupName(f.Base, was.GID), groupName(f.Now, is.GID))
	}
	for _, name := range union(was.Xattrs, is.Xattrs) {
		kind = ""
		if name == capabilities {
			kind = kindCapability
		}
		add(kind, "xattr "+name, was.Xattrs[name], is.Xattrs[name])
	}
}

// content is what tells the bytes of a file: their digest where they were
// read, otherwise size and time.
func content(n inventory.File) string {
	switch {
	case n.Mode&unix.S_IFMT != unix.S_IFREG:
		return ""
	case n.Digest != "":
		return "sha256:" + n.Digest
	case n.MTime == 0:
		return "" // of the account database, compared by entry
	}
	return fmt.Sprintf("%d bytes of %d", n.Size, n.MTime)
}

func octal(mode uint32) string { return fmt.Sprintf("%04o", mode&0o7777) }

func typeName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return string(spec.Directory)
	case unix.S_IFLNK:
		return string(spec.Symlink)
	}
	return string(spec.Regular)
}

func (f *finder) describe(inv *inventory.Inventory, n inventory.File) string {
	if n.Target != "" {
		return "-> " + n.Target
	}
	return fmt.Sprintf("%s %s %s:%s", typeName(n.Mode), octal(n.Mode), userName(inv, n.UID), groupName(inv, n.GID))
}

func userName(inv *inventory.Inventory, id uint32) string {
	for _, name := range slices.Sorted(maps.Keys(inv.Users)) {
		if id != 0 && inv.Users[name].UID == int(id) {
			return name
		}
	}
	return rootOr(id)
}

func groupName(inv *inventory.Inventory, id uint32) string {
	for _, name := range slices.Sorted(maps.Keys(inv.Groups)) {
		if id != 0 && inv.Groups[name].GID == int(id) {
			return name
		}
	}
	return rootOr(id)
}

// rootOr: many may have root's id, and its name tells more.
func rootOr(id uint32) string {
	if id == 0 {
		return "root"
	}
	return strconv.Itoa(int(id))
}

package drift

import (
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// Input is all that the answer depends on.
type Input struct {
	// Base is the baseline, nil before the first generation.
	Base, Now *inventory.Inventory
	// Plan is from the host as it is to the current generation's own spec.
	Plan      *spec.Plan
	Spec      *spec.Host
	Conffiles map[string]bool
	Altered   []Altered
	Rules     Rules // of the firewall
}

// Rules are those of the firewall's table, a line each: as its file means them,
// and as the kernel has them. Both are nil where nobody has looked.
type Rules struct{ Meant, Now []string }

// Altered is a file of a package with other bytes than the package brought.
type Altered struct {
	Path, Package string
	Before, Now   string // hex MD5; Now is empty where the file is gone
}

// finder collects items.
type finder struct {
	Input
	ignore IgnoreList
	items  []spec.DriftItem
	// explained are paths that an item of the plan or of dpkg's sums is about.
	explained map[string]bool
	foreign   map[string]bool // packages that are not as the baseline has them
}

// Find lists everything that differs. It is a pure function of its input.
func Find(in Input) []spec.DriftItem {
	f := &finder{Input: in, ignore: Debian(), explained: map[string]bool{
		whereOf(spec.ID{Kind: spec.KindSysctl}): true, whereOf(spec.ID{Kind: spec.KindKernelModule}): true, // compared by key
	}, foreign: map[string]bool{}}
	if f.Base == nil {
		f.Base = in.Now
	}
	f.declared()
	f.packages()
	f.altered()
	f.files()
	f.accounts()
	f.overrides()
	f.kernel()
	return f.items
}

func (f *finder) add(i spec.DriftItem) {
	if i.Switch == "" {
		i.Switch = spec.Leaves
	}
	f.items = append(f.items, i)
}

// declared turns the plan around: what it would do is what somebody undid.
func (f *finder) declared() {
	for _, c := range f.Plan.Changes {
		if c.ID.Kind == spec.KindPackage {
			continue
		}
		item := spec.DriftItem{
			Kind: string(c.ID.Kind), Name: c.ID.Name, Where: whereOf(c.ID), Change: spec.Changed,
			Origin: f.Spec.Origins[c.ID], Switch: spec.Restores,
		}
		switch c.ID.Kind {
		case spec.KindFile:
			item.Kind = f.kindOf(c.ID.Name)
			f.explained[c.ID.Name] = true
		case spec.KindKernelModule:
			item.Kind = "module"
		case spec.KindUnit:
			item.Kind = unitKind(c.ID.Name)
		}
		switch {
		case c.Action == spec.Create:
			item.Change, item.Before, item.Now = spec.Removed, "present", "absent"
			f.add(item)
		case c.Action == spec.Delete:
			item.Change, item.Before, item.Now, item.Switch = spec.Added, "absent", "present", spec.Removes
			f.add(item)
		default:
			f.fields(c, item)
		}
		if c.ID.Kind == spec.KindUnit {
			f.explainUnit(c)
		}
	}
}

// fields makes one item of each field of an update.
func (f *finder) fields(c spec.Change, item spec.DriftItem) {
	for _, field := range c.Fields {
		i := item
		i.Field, i.Before, i.Now = field.Name, field.After, field.Before
		switch {
		case c.ID.Kind == spec.KindUnit && field.Name == "content" && field.Before == "":
			i.Change, i.Field, i.Before, i.Now = spec.Removed, "", "present", "absent"
		case c.ID.Kind == spec.KindUser && field.Name == "groups":
			i.Kind, i.Where = "membership", account.Group
		case strings.HasPrefix(field.Name, "drop_ins/"):
			name := strings.TrimPrefix(field.Name, "drop_ins/")
			i.Kind, i.Where = "drop_in", i.Where+".d/"+name
		case field.Name == "masked":
			i.Kind = "mask"
		}
		if i.Field == "content" || field.Name == "digest" || strings.HasPrefix(field.Name, "drop_ins/") {
			i.Before, i.Now = sum(i.Before), sum(i.Now)
		}
		if i.Field == "digest" {
			i.Field = "content"
		}
		f.add(i)
	}
}

// sum is how an item shows a content: it may be long, or not for everybody.
func sum(content string) string {
	switch {
	case content == "" || spec.IsUnread(content):
		return content
	case len(content) == 64 && strings.Trim(content, "0123456789abcdef") == "":
		return "sha256:" + content
	}
	return "sha256:" + spec.Sum([]byte(content))
}

// explainUnit takes the files and links of a unit out of the comparison with
// the baseline: the plan has said how they differ.
func (f *finder) explainUnit(c spec.Change) {
	links := false
	for _, field := range c.Fields {
		links = links || field.Name == "enabled" || field.Name == "masked"
		if name, ok := strings.CutPrefix(field.Name, "drop_ins/"); ok {
			f.explained["/etc/systemd/system/"+c.ID.Name+".d/"+name] = true
			f.explained["/etc/systemd/system/"+c.ID.Name+".d"] = true
		}
	}
	f.explained["/etc/systemd/system/"+c.ID.Name] = true
	if !links {
		return
	}
	for _, files := range []map[string]inventory.File{f.Base.Files, f.Now.Files} {
		for path := range files {
			if strings.HasPrefix(path, "/etc/systemd/system/") && strings.HasSuffix(path, "/"+c.ID.Name) {
				f.explained[path] = true
			}
		}
	}
}

func whereOf(id spec.ID) string {
	switch id.Kind {
	case spec.KindUser:
		return account.Passwd
	case spec.KindGroup:
		return account.Group
	case spec.KindSecret:
		return spec.Secret{}.Path(id.Name)
	case spec.KindSysctl:
		return "/etc/sysctl.d/60-hostctl.conf"
	case spec.KindKernelModule:
		return "/etc/modules-load.d/hostctl.conf"
	case spec.KindUnit:
		return "/etc/systemd/system/" + id.Name
	}
	return id.Name
}

// packages compares versions with the baseline and with the lock: what the
// plan changes, and what it does not.
func (f *finder) packages() {
	remedy := map[string]spec.Remedy{}
	locked := map[string]string{}
	for _, c := range f.Plan.Of(spec.KindPackage) {
		remedy[c.ID.Name] = spec.Restores
		if c.Action == spec.Delete {
			remedy[c.ID.Name] = spec.Removes
		} else if len(c.Fields) > 0 {
			locked[c.ID.Name] = c.Fields[0].After
		}
	}
	extra := map[string]bool{}
	for _, name := range f.Plan.Extras {
		extra[name] = true
	}
	for _, name := range union(f.Base.Packages, f.Now.Packages) {
		before, now := f.Base.Packages[name].Version, f.Now.Packages[name].Version
		if v, ok := locked[name]; ok {
			before = v
		}
		if (extra[name] || remedy[name] == spec.Removes) && now != "" {
			before = ""
		}
		base, _, _ := strings.Cut(name, ":")
		if before == now {
			f.marks(name, base)
			continue
		}
		f.foreign[base] = true
		f.add(spec.DriftItem{
			Kind: "package", Name: name, Where: "/var/lib/dpkg/status", Change: changeOf(before != "", now != ""), Field: "version",
			Before: before, Now: now, Origin: f.Spec.Origins[spec.ID{Kind: spec.KindPackage, Name: base}], Switch: remedy[name],
		})
	}
}

// marks compares what apt-mark(8) was told of a package that is as it was.
func (f *finder) marks(name, base string) {
	was, is := f.Base.Packages[name], f.Now.Packages[name]
	for _, mark := range []struct {
		field, where string
		was, is      bool
	}{{"hold", "/var/lib/dpkg/status", was.Held, is.Held}, {"auto", "/var/lib/apt/extended_states", was.Auto, is.Auto}} {
		if mark.was != mark.is {
			f.add(spec.DriftItem{
				Kind: "package", Name: name, Where: mark.where, Change: spec.Changed, Field: mark.field,
				Before: strconv.FormatBool(mark.was), Now: strconv.FormatBool(mark.is), Origin: f.Spec.Origins[spec.ID{Kind: spec.KindPackage, Name: base}],
			})
		}
	}
}

func changeOf(before, now bool) spec.DriftChange {
	switch {
	case !before:
		return spec.Added
	case !now:
		return spec.Removed
	}
	return spec.Changed
}

// altered are program files that are not as dpkg's sums have them.
func (f *finder) altered() {
	for _, a := range f.Altered {
		if _, ours := f.Spec.Files[a.Path]; ours || f.Conffiles[a.Path] {
			continue // dpkg makes sums of conffiles, too, where a package has none of its own
		}
		f.explained[a.Path] = true
		item := spec.DriftItem{
			Kind: kindProgramFile, Name: a.Path, Where: "package " + a.Package, Change: changeOf(true, a.Now != ""), Field: "content",
			Before: "md5:" + a.Before, Origin: f.Spec.Origins[spec.ID{Kind: spec.KindPackage, Name: a.Package}],
		}
		if item.Now = a.Now; len(a.Now) == len(a.Before) { // else it says what else stands there
			item.Now = "md5:" + a.Now
		}
		f.add(item)
	}
}

func (f *finder) kindOf(path string) string {
	owned := f.Base.Files[path].Package != "" || f.Now.Files[path].Package != ""
	return kindOf(path, owned, f.Conffiles[path])
}

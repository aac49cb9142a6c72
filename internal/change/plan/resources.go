package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

func (m *maker) secrets() {
	for name, want := range m.Want.Secrets {
		have := lookup(m.State.Secrets, name)
		m.set(spec.KindSecret, name, have != nil, spec.DiffSecret(have, want))
	}
	gone(m.Prev.Secrets, m.Want.Secrets, m.State.Secrets, func(name string, _, have spec.Secret) {
		m.add(spec.KindSecret, name, spec.Delete, nil)
	})
}

// files counts what is below a link that goes, or a folder that makes way, as
// absent: it is not where its path will lead.
func (m *maker) files() {
	diverted := map[string]bool{}
	gone(m.Prev.Files, m.Want.Files, m.State.Files, func(path string, _, have spec.File) {
		switch {
		case m.Recorded != nil && (m.State.Shipped[path] || path == hostsPath):
			m.add(spec.KindFile, path, spec.Update, []spec.Field{{Name: "content", Before: "what the configuration says", After: "what it was in that generation"}})
			return
		case m.State.Shipped[path]:
			m.warn("file %q stays as it is, though the spec no longer has it: a package ships it too; reinstall that package for its own version", path)
			return
		case have.Type == spec.Hidden:
			m.warn("file %q stays as it is, though the spec no longer has it: %s", path, hides(&have))
			return
		case path == hostsPath:
			m.warn("file %q stays as it is, though the spec no longer has it: no machine is without one", path)
			return
		}
		fields := before(spec.DiffFile(path, nil, have))
		diverted[path] = spec.Diverts(path, fields)
		m.add(spec.KindFile, path, spec.Delete, fields)
	})
	for _, path := range slices.Sorted(maps.Keys(m.Want.Files)) { // parents first
		want, have := m.Want.Files[path], lookup(m.State.Files, path)
		if have != nil && spec.Below(path, diverted) && (have.Type != spec.Hidden || m.Want.Files[have.Target].Type != spec.Symlink) {
			have = nil
		}
		if have != nil && have.Type == spec.Hidden {
			m.warn("file %q cannot be set: %s, so that a switch is refused; put a folder in its place, or name in the configuration where it leads", path, hides(have))
		}
		fields := spec.DiffFile(path, have, want)
		diverted[path] = spec.Diverts(path, fields)
		if prev := lookup(m.Prev.Files, path); len(want.Secrets) > 0 && prev != nil {
			fields = append(fields, spec.DiffRendered(*prev, want)...)
		}
		m.set(spec.KindFile, path, have != nil, fields)
	}
}

// hides says what keeps a path from being reached.
func hides(have *spec.File) string {
	return have.Target + " is a link, or has a file system, that another than root could have made, and hostctl does not follow it"
}

func (m *maker) sysctls() {
	for key, want := range m.Want.Sysctls {
		have, exists := m.State.Sysctls[key]
		var fields []spec.Field
		if have != want {
			fields = append(fields, spec.Field{Name: "value", Before: have, After: want})
		}
		if live, known := m.State.LiveSysctls[key]; known && exists && live != strings.Join(strings.Fields(want), " ") {
			fields = append(fields, spec.Field{Name: "live value", Before: live, After: want})
		}
		if as := m.State.SysctlFile; as != "" && exists {
			fields = append(fields, spec.Field{Name: "mode", Before: as, After: spec.PlainFile})
		}
		m.set(spec.KindSysctl, key, exists, fields)
	}
	// The file is hostctl's own: whoever wrote a key there, it goes.
	for key, have := range m.State.Sysctls {
		if _, wanted := m.Want.Sysctls[key]; !wanted {
			m.add(spec.KindSysctl, key, spec.Delete, append([]spec.Field{{Name: "value", Before: have}}, m.formerValue(key)...))
		}
	}
}

// formerValue is what a parameter that the spec no longer sets goes back to,
// unless somebody else has set it since.
func (m *maker) formerValue(key string) []spec.Field {
	was, found := m.Found.Sysctls[key]
	live, known := m.State.LiveSysctls[key]
	if !found || !known || live == was || live != strings.Join(strings.Fields(m.Prev.Sysctls[key]), " ") {
		return nil
	}
	return []spec.Field{{Name: "live value", Before: live, After: was}}
}

func (m *maker) kernelModules() {
	for _, name := range m.Want.KernelModules {
		if !slices.Contains(m.State.Modules, name) {
			m.add(spec.KindKernelModule, name, spec.Create, nil)
		} else if as := m.State.ModuleFile; as != "" {
			m.add(spec.KindKernelModule, name, spec.Update, []spec.Field{{Name: "mode", Before: as, After: spec.PlainFile}})
		}
	}
	for _, name := range m.State.Modules {
		if !slices.Contains(m.Want.KernelModules, name) {
			m.add(spec.KindKernelModule, name, spec.Delete, nil)
		}
	}
}

// units treats a unit as one resource, whoever ships its main file. It is
// created when hostctl brings that file; links and drop-ins alone are updates
// of somebody else's unit.
func (m *maker) units() {
	units := m.Found.UnitsBack(m.Want.Units, m.Prev.Units, m.State.Units)
	for name := range m.Want.Units {
		want := units[name]
		prev, have := m.Prev.Units[name], m.State.Units[name]
		fresh := want.Content != "" && have.Content == "" && prev.Content == ""
		if fields := spec.DiffUnit(have, want, prev); len(fields) > 0 {
			m.set(spec.KindUnit, name, !fresh, fields)
		}
	}
	gone(m.Prev.Units, m.Want.Units, m.State.Units, func(name string, prev, have spec.Unit) {
		if fields := spec.DiffUnit(have, units[name], prev); len(fields) > 0 {
			m.add(spec.KindUnit, name, spec.Delete, fields)
		}
	})
}

// settings are what the record of a generation says of hostctl: its boot units
// read them there. Generation 0 says nothing.
func (m *maker) settings() {
	if m.Prev.Settings.Hostctl == "" {
		return
	}
	if fields := spec.DiffSettings(m.Prev.Settings, m.Want.Settings); len(fields) > 0 && m.Want.Settings.Hostctl != "" {
		m.add(spec.KindSettings, "hostctl", spec.Update, fields)
	}
}

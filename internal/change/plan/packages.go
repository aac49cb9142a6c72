package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
)

// packages compares the closure with dpkg's database. In strict mode what is
// not in the closure goes; in additive mode only what an earlier closure
// brought, and the rest is listed.
func (m *maker) packages() {
	lock, prev := closure(m.Lock, m.Want.System), closure(m.PrevLock, m.Want.System)
	m.contradictions(lock)
	for name, l := range lock {
		m.lockedPackage(name, l)
	}
	for name, have := range m.State.Installed {
		if _, locked := lock[name]; !locked {
			_, ours := prev[name]
			m.unlockedPackage(name, have, ours || slices.Contains(m.PrevKept, name))
		}
	}
}

// closure is keyed as State.Installed is: by name, with the architecture
// where that is foreign to the host.
func closure(lock []spec.Locked, system string) map[string]spec.Locked {
	out := make(map[string]spec.Locked, len(lock))
	for _, l := range lock {
		name := l.Name
		if l.Arch != "all" && l.Arch != system {
			name += ":" + l.Arch
		}
		out[name] = l
	}
	return out
}

// contradictions finds wishes that the lock does not answer.
func (m *maker) contradictions(lock map[string]spec.Locked) {
	for _, name := range slices.Sorted(maps.Keys(m.Want.Packages)) {
		_, locked := lock[name]
		switch absent := m.Want.Packages[name].Absent; {
		case absent && locked:
			m.fail("cannot plan package %q: the spec wants it absent (%s), but the closure in packages.lock needs it; drop what depends on it or run hostctl update",
				name, m.origin(spec.KindPackage, name))
		case !absent && !locked:
			m.fail("cannot plan package %q (%s): packages.lock does not hold it; run hostctl update",
				name, m.origin(spec.KindPackage, name))
		}
	}
}

func (m *maker) origin(kind spec.Kind, name string) string {
	if s := m.Want.Origins[spec.ID{Kind: kind, Name: name}].String(); s != "" {
		return s
	}
	return "origin unknown"
}

func (m *maker) lockedPackage(name string, l spec.Locked) {
	have, installed := m.State.Installed[name]
	version := []spec.Field{{Name: "version", Before: have.Version, After: l.Version}}
	switch {
	case !installed:
		m.add(spec.KindPackage, name, spec.Create, version)
	case have.Version == l.Version:
	case m.Compare(have.Version, l.Version) < 0:
		m.add(spec.KindPackage, name, spec.Upgrade, version)
	default:
		m.add(spec.KindPackage, name, spec.Downgrade, version)
	}
	if installed && upstream(have.Version) != upstream(l.Version) {
		m.plan.Changes[len(m.plan.Changes)-1].Data = m.State.Data[name]
	}
}

// upstream is a version without Debian's revision (deb-version(7)).
func upstream(version string) string {
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		return version[:i]
	}
	return version
}

// unlockedPackage decides about an installed package outside of the closure;
// ours says that the current generation's closure held it, or kept it. The kernel
// that runs stays, with its modules and its entry in the boot menu, until another
// one has booted (engine rule 6).
func (m *maker) unlockedPackage(name string, have spec.Installed, ours bool) {
	strict := m.Want.Settings.PackageMode == "strict"
	absent := m.Want.Packages[name].Absent
	switch {
	case m.State.Protected[name]:
		if absent {
			m.fail("cannot remove package %q (%s): it is essential or the running kernel", name, m.origin(spec.KindPackage, name))
		}
		switch {
		case name == m.State.Kernel && !m.Adopted[name] && (ours || strict):
			m.plan.Kept = append(m.plan.Kept, name)
		case strict:
			m.plan.Extras = append(m.plan.Extras, name)
		}
	case absent, strict, ours && !m.Adopted[name]:
		m.add(spec.KindPackage, name, spec.Delete, []spec.Field{{Name: "version", Before: have.Version}})
	case !m.Adopted[name]:
		m.plan.Extras = append(m.plan.Extras, name)
	}
}

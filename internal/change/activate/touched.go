package activate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// touched is what the changed paths mean for the parts of the system that are
// not units.
type touched struct {
	paths    map[string]bool // canonical
	tmpfiles []string        // base names in tmpfiles.d
	reload   bool            // systemd reads its units anew
	units    map[string]bool // what is defined by them: units, and what drop-ins are for
	reexec   bool            // systemd itself, or a library of it, is another
	udev     bool
	dbus     bool
	hostname bool
	kernel   []string // why only a reboot brings all of it: parts of what booted
	users    []string // files of the managers of users
}

// look is a pure function of the request.
func look(req Request) touched {
	t := touched{paths: map[string]bool{}, units: map[string]bool{}}
	for _, p := range req.Replaced {
		t.add(canonical(p))
	}
	for _, c := range req.Plan.Changes {
		switch c.ID.Kind {
		case spec.KindFile:
			t.add(canonical(c.ID.Name))
		case spec.KindUnit, spec.KindPackage:
			t.reload = true
		case spec.KindGroup, spec.KindUser, spec.KindSecret, spec.KindSysctl, spec.KindKernelModule:
		}
	}
	slices.Sort(t.tmpfiles)
	t.tmpfiles = slices.Compact(t.tmpfiles)
	slices.Sort(t.kernel)
	t.kernel = slices.Compact(t.kernel)
	return t
}

func (t *touched) add(path string) {
	t.paths[path] = true
	dir, base := filepath.Split(path)
	if stoppable(base) { // wherever it is: 'systemctl link' takes any
		t.units[base] = true
	}
	in := func(dirs ...string) bool {
		return slices.ContainsFunc(dirs, func(d string) bool { return strings.HasPrefix(path, d+"/") })
	}
	switch {
	case path == "/etc/hostname":
		t.hostname = true
	case in("/etc/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system"):
		t.reload = true
		if named, ok := strings.CutSuffix(filepath.Base(dir), ".d"); ok {
			t.units[named] = true
		}
	case path == "/etc/fstab" || path == "/etc/crypttab" || in("/etc/init.d", "/etc/systemd/system-generators", "/usr/lib/systemd/system-generators"):
		t.reload = true
	case strings.HasSuffix(base, ".conf") && (dir == "/etc/tmpfiles.d/" || dir == "/usr/lib/tmpfiles.d/" || dir == "/usr/local/lib/tmpfiles.d/"):
		t.tmpfiles = append(t.tmpfiles, base)
	case in("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/usr/local/lib/udev/rules.d", "/etc/udev/hwdb.d", "/usr/lib/udev/hwdb.d"):
		t.udev = true
	case in("/etc/dbus-1", "/usr/share/dbus-1"):
		t.dbus = true
	case dir == "/boot/" && (strings.HasPrefix(base, "vmlinuz-") || strings.HasPrefix(base, "initrd.img-")):
		t.kernel = append(t.kernel, "the kernel: "+path+" is another")
	case in("/etc/systemd/user", "/usr/lib/systemd/user", "/usr/local/lib/systemd/user") || strings.Contains(path, "/.config/systemd/user/"):
		t.users = append(t.users, path)
	case path == "/usr/lib/systemd/systemd", in("/usr/lib", "/usr/lib64") && slices.ContainsFunc([]string{
		"libc.so.", "libsystemd.so.", "libsystemd-shared-", "libsystemd-core-"}, func(lib string) bool { return strings.HasPrefix(base, lib) }):
		t.reexec = true
	}
}

// defines says whether a unit's own file or a drop-in for it is among what was
// touched: one of its name, of its template, of a prefix of it (a-.socket.d) or of
// all of its type (socket.d), systemd.unit(5).
func (t *touched) defines(name string) bool {
	ext := filepath.Ext(name)
	if t.units[name] || t.units[systemd.Template(name)] || t.units[strings.TrimPrefix(ext, ".")] {
		return true
	}
	for i, c := range name {
		if c == '-' && t.units[name[:i+1]+ext] {
			return true
		}
	}
	return false
}

// canonical is path as it is called since /usr was merged.
func canonical(path string) string {
	for _, dir := range []string{"/bin/", "/sbin/", "/lib/", "/lib64/"} {
		if strings.HasPrefix(path, dir) {
			return "/usr" + path
		}
	}
	return path
}

// unitsOfRemoved are the unit files in the lists of packages that the plan
// removes (dpkg's info folder, one path per line).
func unitsOfRemoved(plan *spec.Plan) ([]string, error) {
	removed := map[string]bool{}
	for _, c := range plan.Of(spec.KindPackage) {
		if c.Action == spec.Delete {
			name, _, _ := strings.Cut(c.ID.Name, ":")
			removed[name] = true
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	info := root.Path("/var/lib/dpkg/info")
	entries, err := os.ReadDir(info)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot tell which units the packages brought that go: %w", err)
	}
	var units []string
	for _, e := range entries {
		base, list := strings.CutSuffix(e.Name(), ".list")
		name, _, _ := strings.Cut(base, ":")
		if !list || !removed[name] {
			continue
		}
		b, err := os.ReadFile(filepath.Join(info, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot tell which units package %s brought: %w", name, err)
		}
		units = append(units, unitsIn(string(b))...)
	}
	return units, nil
}

// unitsIn picks the units out of a package's file list.
func unitsIn(list string) []string {
	var units []string
	for line := range strings.Lines(list) {
		dir, base := filepath.Split(canonical(strings.TrimSpace(line)))
		switch {
		case dir == "/usr/lib/systemd/system/" && stoppable(base):
			units = append(units, base)
		case dir == "/etc/init.d/":
			units = append(units, base+".service")
		}
	}
	return units
}

// stoppable leaves out slices, targets and what else is not a daemon or a
// thing that starts one.
func stoppable(name string) bool {
	switch filepath.Ext(name) {
	case ".service", ".socket", ".timer", ".path", ".mount", ".automount", ".swap":
		return true
	}
	return false
}

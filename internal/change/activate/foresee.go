package activate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
)

// Foreseen is what an activation would do to units.
type Foreseen struct {
	Stop    []string `json:"stop"` // before the commit, or to free a socket
	Reload  []string `json:"reload"`
	Restart []string `json:"restart"`
	Start   []string `json:"start"`
	Reboot  []string `json:"reboot"` // what would run as it is until a reboot, and why
	Notes   []string `json:"notes"`
}

// NothingForeseen is a change that moves no unit.
func NothingForeseen() *Foreseen {
	return &Foreseen{Stop: []string{}, Reload: []string{}, Restart: []string{}, Start: []string{}, Reboot: []string{}, Notes: []string{}}
}

// Foresee decides as Before and After would, and does nothing. After is a root
// that holds the unit folders and the accounts as the commit would leave them;
// of units that the change does not touch systemd is asked.
func Foresee(ctx context.Context, req Request, after system.Root) (*Foreseen, error) {
	out := NothingForeseen()
	if !booted() {
		out.Notes = append(out.Notes, "systemd does not run here: units are as the next boot finds them")
		return out, nil
	}
	stop, err := toStop(ctx, req)
	if err != nil {
		return nil, err
	}
	installed := &secret.Installed{}
	if len(req.Want.Secrets) > 0 {
		keys, err := secret.LoadKeys(root, req.Want.Settings.AgeKeyFile)
		if err != nil {
			return nil, err
		}
		if installed, err = secret.Foresee(root, after, req.Want, req.Blob, keys); err != nil {
			return nil, err
		}
	}
	code := findStale(req.Replaced, false)
	in := situation{Request: req, touched: look(req), secrets: installed, stale: code.units, own: ownUnit()}
	if in.units, err = showUnits(ctx, in.concerned()); err != nil {
		return nil, err
	}
	if err := in.foresee(after, stop); err != nil {
		return nil, err
	}
	do := in.decide()
	out.Stop = append(out.Stop, union(stop, do.stop)...)
	out.Reload, out.Restart, out.Start = append(out.Reload, do.reload...), append(out.Restart, do.restart...), append(out.Start, do.start...)
	out.Reboot = append(append(out.Reboot, do.reboot...), code.sessions...)
	out.Reboot = append(out.Reboot, in.touched.kernel...)
	out.Notes = append(out.Notes, do.notes...)
	return out, nil
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// foresee turns what systemd has now into what it will have when the commit is
// done and the units of stop stand still.
func (s *situation) foresee(after system.Root, stop []string) error {
	links, err := systemd.ReadLinks(after)
	if err != nil {
		return err
	}
	for name, u := range s.units {
		if s.redefined(name, u, after) {
			if u, err = define(after, links, name, u); err != nil {
				return err
			}
		}
		if slices.Contains(stop, name) || slices.Contains(stop, u.id) {
			u.active, u.sub = "inactive", "dead"
		}
		s.units[name] = u
	}
	return nil
}

// redefined says whether the change touches a file of the unit, those that it
// has and those that it will have.
func (s *situation) redefined(name string, u unit, after system.Root) bool {
	will, err := systemd.Sources(after, name)
	if err != nil {
		return true // define says why
	}
	hit := func(path string) bool { return s.touched.paths[canonical(path)] }
	link := func(path string) bool {
		dir, base := filepath.Split(path)
		return base == name && strings.HasPrefix(dir, systemd.AdminDir+"/")
	}
	for path := range s.touched.paths {
		if link(path) {
			return true
		}
	}
	if base, ok := strings.CutSuffix(name, ".service"); ok && s.touched.paths["/etc/init.d/"+base] {
		return true
	}
	return slices.ContainsFunc(u.sources, hit) || slices.ContainsFunc(will, hit)
}

// define is what systemd will make of the unit's files; how it fares stays as
// it is.
func define(after system.Root, links *systemd.Links, name string, now unit) (unit, error) {
	u := now
	if u.id == "" {
		u.id = name
	}
	set, err := systemd.ReadSettings(after, name)
	if err != nil {
		return u, err
	}
	if u.sources, err = systemd.Sources(after, name); err != nil {
		return u, err
	}
	switch {
	case links.Masked(name):
		u.load, u.file = "masked", "masked"
		return u, nil
	case systemd.Fragment(after, name) == "" && !legacy(after, name):
		u.load, u.file = "not-found", ""
		return u, nil
	}
	u.load = "loaded"
	if u.active == "" {
		u.active, u.sub = "inactive", "dead"
	}
	u.file = "disabled"
	if links.Enabled(name) || systemd.Fragment(after, name) == "" && linkedToStart(after, name) {
		u.file = "enabled"
	}
	u.remain = set.Yes("Service.RemainAfterExit")
	u.canStart, u.cannotStop = !set.Yes("Unit.RefuseManualStart"), set.Yes("Unit.RefuseManualStop")
	u.exec = nil
	for _, line := range set["Service.ExecStart"] {
		if fields := strings.Fields(strings.TrimLeft(line, "-@:+!|")); len(fields) > 0 {
			u.exec = append(u.exec, programs(fields[0])...)
		}
	}
	switch filepath.Ext(name) {
	case ".service":
		u.kind = serviceType(set)
		u.canReload = len(set["Service.ExecReload"]) > 0 || u.kind == "notify-reload"
	case ".mount", ".automount", ".swap":
		u.canReload = filepath.Ext(name) == ".mount"
	case ".socket":
		u.triggers = []string{strings.TrimSuffix(name, ".socket") + ".service"}
		if service := set.Last("Socket.Service"); service != "" {
			u.triggers = []string{service}
		}
		if set.Yes("Socket.Accept") { // an instance for each connection
			u.triggers = nil
		}
	}
	return u, nil
}

// serviceType is the default of Type=, systemd.service(5).
func serviceType(set systemd.Settings) string {
	switch {
	case set.Last("Service.Type") != "":
		return set.Last("Service.Type")
	case set.Last("Service.BusName") != "":
		return "dbus"
	case len(set["Service.ExecStart"]) == 0:
		return "oneshot"
	}
	return "simple"
}

// legacy says whether systemd-sysv-generator(8) makes the unit.
func legacy(after system.Root, name string) bool {
	base, isService := strings.CutSuffix(name, ".service")
	_, err := os.Stat(after.Path(filepath.Join("/etc/init.d", base)))
	return isService && err == nil
}

// programs are a program's path and where its links lead.
func programs(path string) []string {
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		return []string{path, real}
	}
	return []string{path}
}

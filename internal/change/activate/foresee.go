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
	if !systemd.Booted() {
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
	in := situation{Request: req, touched: look(req), secrets: installed, stale: code.units, own: systemd.OwnUnit()}
	if in.units, err = systemd.PID1().Show(ctx, in.concerned()); err != nil {
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
		if slices.Contains(stop, name) || slices.Contains(stop, u.ID) {
			u.Active, u.Sub = "inactive", "dead"
		}
		s.units[name] = u
	}
	return nil
}

// redefined says whether the change touches a file of the unit, those that it
// has and those that it will have.
func (s *situation) redefined(name string, u systemd.Unit, after system.Root) bool {
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
	return slices.ContainsFunc(u.Sources, hit) || slices.ContainsFunc(will, hit)
}

// define is what systemd will make of the unit's files; how it fares stays as
// it is.
func define(after system.Root, links *systemd.Links, name string, now systemd.Unit) (systemd.Unit, error) {
	u := now
	if u.ID == "" {
		u.ID = name
	}
	set, err := systemd.ReadSettings(after, name)
	if err != nil {
		return u, err
	}
	if u.Sources, err = systemd.Sources(after, name); err != nil {
		return u, err
	}
	switch {
	case links.Masked(name):
		u.Load, u.FileState = "masked", "masked"
		return u, nil
	case systemd.Fragment(after, name) == "" && !legacy(after, name):
		u.Load, u.FileState = "not-found", ""
		return u, nil
	}
	u.Load = "loaded"
	if u.Active == "" {
		u.Active, u.Sub = "inactive", "dead"
	}
	u.FileState = "disabled"
	if links.Enabled(name) || systemd.Fragment(after, name) == "" && systemd.LinkedToStart(after, name) {
		u.FileState = "enabled"
	}
	u.RemainAfterExit = set.Yes("Service.RemainAfterExit")
	u.CanStart, u.CannotStop = !set.Yes("Unit.RefuseManualStart"), set.Yes("Unit.RefuseManualStop")
	u.Exec = nil
	for _, line := range set["Service.ExecStart"] {
		if fields := strings.Fields(strings.TrimLeft(line, "-@:+!|")); len(fields) > 0 {
			u.Exec = append(u.Exec, systemd.Programs(fields[0])...)
		}
	}
	switch filepath.Ext(name) {
	case ".service":
		u.Type = serviceType(set)
		u.CanReload = len(set["Service.ExecReload"]) > 0 || u.Type == "notify-reload"
	case ".mount", ".automount", ".swap":
		u.CanReload = filepath.Ext(name) == ".mount"
	case ".socket":
		u.Triggers = []string{strings.TrimSuffix(name, ".socket") + ".service"}
		if service := set.Last("Socket.Service"); service != "" {
			u.Triggers = []string{service}
		}
		if set.Yes("Socket.Accept") { // an instance for each connection
			u.Triggers = nil
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

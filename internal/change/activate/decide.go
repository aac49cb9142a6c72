package activate

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// situation is everything that the decision depends on.
type situation struct {
	Request
	touched touched
	secrets *secret.Installed
	stale   map[string]bool         // units that execute replaced code
	own     string                  // the unit that hostctl runs in
	units   map[string]systemd.Unit // as systemd has them now, by the name in concerned
}

// decision is what to do with units, each list sorted; a unit is in one list,
// but for a service that stops and starts around its socket.
type decision struct {
	stop, reload, restart, start []string
	forget                       []string // failed units whose definition is gone
	reboot                       []string
	notes                        []string
}

// stopSet are the units to stop before the commit: those that the plan takes
// away, disables or masks, those in packages that it removes (shipped), and
// those that a maintainer script asked to stop before its package is replaced.
// With a template its instances go. Only what is active is stopped.
func stopSet(req Request, shipped []string, own string) []string {
	set, gone := map[string]bool{}, map[string]bool{}
	for _, name := range shipped {
		gone[name] = true
	}
	for _, r := range req.Record {
		if r.Action == "stop" {
			set[unitName(r.Unit)] = true
		}
	}
	for _, c := range req.Plan.Of(spec.KindUnit) {
		for _, f := range c.Fields {
			if f.Name == "content" && f.After == "" {
				gone[c.ID.Name] = true
			}
			if f.Name == "enabled" && f.After == "false" || f.Name == "masked" && f.After == "true" {
				set[c.ID.Name] = true
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(req.Healthy)) {
		if (set[name] || gone[name] || gone[systemd.Template(name)]) && stoppable(name) && !spared(name, own) {
			out = append(out, name)
		}
	}
	return out
}

// spared are units that are never stopped or restarted: that would end the
// sessions of people, the bus that everything is connected to, or hostctl.
func spared(name, own string) bool {
	switch systemd.Template(name) {
	case "dbus.service", "dbus-broker.service", "dbus.socket", "systemd-logind.service",
		"systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald-audit.socket",
		"user@.service", "user-runtime-dir@.service", "getty@.service", "serial-getty@.service", "console-getty.service", "container-getty@.service",
		"display-manager.service", "gdm.service", "gdm3.service", "sddm.service", "lightdm.service", "greetd.service", own:
		return true
	}
	return false
}

// unitName is the unit of what policy-rc.d is told, which may be an init script.
func unitName(name string) string {
	if filepath.Ext(name) == "" {
		return name + ".service"
	}
	return name
}

// dormant are the units that could run and have not failed. Oneshots have had
// their turn.
func dormant(units map[string]systemd.Unit) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(units)) {
		u := units[name]
		if u.Load == "loaded" && u.Active == "inactive" && u.CanStart && u.Type != "oneshot" && !u.ConditionFailed {
			out = append(out, name)
		}
	}
	return out
}

// concerned are the units that the decision may be about: every service that was
// active, and what the spec names or the change touches.
func (s *situation) concerned() []string {
	set := map[string]bool{}
	for name := range s.Healthy {
		set[name] = stoppable(name) && (filepath.Ext(name) == ".service" || s.touched.defines(name))
	}
	for _, units := range []map[string]spec.Unit{s.Want.Units, s.Prev.Units} {
		for name := range units {
			set[name] = true
		}
	}
	for _, c := range s.Plan.Of(spec.KindUnit) {
		set[c.ID.Name] = true
	}
	for _, r := range s.Record {
		set[unitName(r.Unit)] = true
	}
	for _, secrets := range []map[string]spec.Secret{s.Want.Secrets, s.Prev.Secrets} { // those that go, too
		for _, sec := range secrets {
			for _, name := range sec.RestartUnits {
				set[name] = true
			}
		}
	}
	for name := range s.stale {
		set[name] = true
	}
	for _, name := range s.Want.Settings.HealthUnits {
		set[name] = true
	}
	maps.DeleteFunc(set, func(_ string, in bool) bool { return !in })
	return slices.Sorted(maps.Keys(set))
}

// decide is a pure function of the situation.
func (s *situation) decide() decision {
	var d decision
	changed := s.changed()
	asked := s.asked(changed)
	done := map[string]bool{} // by id: sshd.service and ssh.service are one
	for _, name := range s.names() {
		u := s.units[name]
		if u.Load == "not-found" && u.Active == "failed" {
			d.forget = append(d.forget, name)
		}
		if u.Load == "not-found" && u.Up() {
			s.decideLeftover(&d, name)
		}
		if u.Load != "loaded" || done[u.ID] {
			continue
		}
		done[u.ID] = true
		s.decideUnit(&d, name, u, s.reasons(name, u, changed, asked))
	}
	s.aroundSockets(&d)
	for _, list := range []*[]string{&d.stop, &d.reload, &d.restart, &d.start} {
		slices.Sort(*list)
	}
	return d
}

// decideLeftover is about a unit that runs and has no definition any more.
// Those that systemd let nobody stop before the commit can be stopped now,
// since what said so is gone.
func (s *situation) decideLeftover(d *decision, name string) {
	switch {
	case slices.Contains(stopSet(s.Request, nil, s.own), name):
		d.stop = append(d.stop, name)
	case s.stale[name]:
		d.reboot = append(d.reboot, name)
	}
}

// names are the units in the order in which they are decided: of a unit's
// names the one that the spec uses comes first, then the one that it ran by.
func (s *situation) names() []string {
	named := func(name string) int {
		_, ok := s.Want.Units[name]
		switch {
		case ok:
			return 0
		case s.Healthy[name]:
			return 1
		}
		return 2
	}
	return slices.SortedFunc(maps.Keys(s.units), func(a, b string) int {
		return cmp.Or(cmp.Compare(named(a), named(b)), cmp.Compare(a, b))
	})
}

// reasons are why a unit is not as it should be.
type reasons struct{ restart, reload, start bool }

func (s *situation) decideUnit(d *decision, name string, u systemd.Unit, why reasons) {
	w := s.Want.Units[name]
	switch {
	case !stoppable(name) && w.Enabled == nil: // a target or slice that nobody asks for
	case u.Up() && stoppable(name) && (why.restart || why.reload):
		s.refresh(d, name, u, w, why.restart)
	case u.Up() || !u.CanStart || w.Enabled != nil && !*w.Enabled || w.Masked != nil && *w.Masked:
	case s.wantsStart(name, u, w, why):
		d.start = append(d.start, name)
	}
}

func (s *situation) refresh(d *decision, name string, u systemd.Unit, w spec.Unit, restart bool) {
	mountLike := filepath.Ext(name) == ".mount" || filepath.Ext(name) == ".automount" || filepath.Ext(name) == ".swap"
	switch {
	case restart && w.RestartIfChanged != nil && !*w.RestartIfChanged:
		d.notes = append(d.notes, fmt.Sprintf("%s runs as it was before: the spec says not to restart it", name))
	case u.CanReload && (!restart || w.ReloadIfChanged || mountLike):
		d.reload = append(d.reload, name)
	case spared(name, s.own) || mountLike || u.Refused():
		d.reboot = append(d.reboot, name)
	default:
		d.restart = append(d.restart, name)
	}
}

// wantsStart says whether a unit that is down should be up. A oneshot that is
// done when it has run is not run again by every switch, only by one that is
// about it.
func (s *situation) wantsStart(name string, u systemd.Unit, w spec.Unit, why reasons) bool {
	switch {
	case u.ConditionFailed && !why.restart && !why.start: // it was asked, and found that it has no place here
		return false
	case w.Enabled != nil: // and true
		return !u.Passing() || why.restart || why.start
	case u.Passing():
		return why.start && u.Enabled()
	default:
		return u.Enabled() && (why.start || s.Healthy[name])
	}
}

// reasons collects what asks for a unit. A unit that is enabled by this plan
// has a reason to start.
func (s *situation) reasons(name string, u systemd.Unit, changed map[string]bool, asked map[string]reasons) reasons {
	why := asked[u.ID]
	if s.Booted { // it runs, or ran, as the change has it
		why.start = why.start && !u.Passing()
		return why
	}
	w := s.Want.Units[name]
	hit := func(trigger string) bool { return changed[trigger] }
	touched := func(path string) bool { return s.touched.paths[canonical(path)] }
	why.restart = why.restart || s.stale[u.ID] || changed[name] || changed[systemd.Template(name)] ||
		slices.ContainsFunc(w.RestartTriggers, hit) || slices.ContainsFunc(u.Sources, touched) ||
		// A mount on a single file ends when that file is renamed over: the
		// service would see what it must not (engine rule 22).
		slices.ContainsFunc(u.Mounts, touched) ||
		u.Type != "oneshot" && slices.ContainsFunc(u.Exec, touched)
	why.reload = why.reload || slices.ContainsFunc(w.ReloadTriggers, hit)
	return why
}

// changed are the names that a trigger may bear: paths of files, packages and
// units; units when more than their links changed.
func (s *situation) changed() map[string]bool {
	out := map[string]bool{}
	for _, c := range s.Plan.Changes {
		switch c.ID.Kind {
		case spec.KindFile, spec.KindPackage:
			out[c.ID.Name] = true
		case spec.KindUnit:
			out[c.ID.Name] = slices.ContainsFunc(c.Fields, func(f spec.Field) bool { return f.Name != "enabled" && f.Name != "masked" && f.Name != "links" })
		case spec.KindGroup, spec.KindUser, spec.KindSecret, spec.KindSysctl, spec.KindKernelModule:
		}
	}
	if s.secrets != nil {
		for _, path := range s.secrets.Files {
			out[path] = true
		}
	}
	return out
}

// asked is what maintainer scripts, secrets, the plan's links and the triggers
// of the spec before ask of units, by id.
func (s *situation) asked(changed map[string]bool) map[string]reasons {
	out := map[string]reasons{}
	ask := func(name string, add reasons) {
		id := s.units[name].ID
		r := out[id]
		out[id] = reasons{r.restart || add.restart, r.reload || add.reload, r.start || add.start}
	}
	for _, r := range s.Record {
		restart, reload := r.Action == "restart" || r.Action == "try-restart", r.Action == "reload" || r.Action == "force-reload"
		start := r.Action == "restart" || r.Action == "start" || r.Action == "(start)"
		if s.Booted { // what runs has read everything
			restart, reload = false, false
		}
		ask(unitName(r.Unit), reasons{restart: restart, reload: reload, start: start})
	}
	if s.secrets != nil {
		for _, name := range s.secrets.Secrets {
			sec, ok := s.Want.Secrets[name]
			if !ok {
				sec = s.Prev.Secrets[name]
			}
			for _, u := range sec.RestartUnits {
				ask(u, reasons{restart: true})
			}
		}
	}
	for _, c := range s.Plan.Of(spec.KindUnit) {
		for _, f := range c.Fields {
			if f.Name == "enabled" && f.After == "true" {
				ask(c.ID.Name, reasons{start: true})
			}
		}
	}
	if s.Booted {
		return out
	}
	for name, u := range s.Prev.Units {
		ask(name, former(u, s.Want.Units[name], changed))
	}
	return out
}

// former is what the triggers of a unit in the spec before ask for. A service
// that stays keeps what it has read of a file until somebody tells it, and where
// the lines about it go together with the file, the spec before alone knows. A
// trigger that want has, too, is as that has it.
func former(u, want spec.Unit, changed map[string]bool) reasons {
	hit := func(trigger string) bool {
		return changed[trigger] && !slices.Contains(want.RestartTriggers, trigger) && !slices.Contains(want.ReloadTriggers, trigger)
	}
	why := reasons{reload: slices.ContainsFunc(u.ReloadTriggers, hit)}
	switch restart := slices.ContainsFunc(u.RestartTriggers, hit); {
	case restart && u.ReloadIfChanged:
		why.reload = true
	case restart:
		why.restart = u.RestartIfChanged == nil || *u.RestartIfChanged
	}
	return why
}

// aroundSockets takes a running service out of the way of the socket that is
// to be started or restarted: a socket does not start while its service runs.
// One of which the service may not be stopped waits for a reboot.
func (s *situation) aroundSockets(d *decision) {
	for _, name := range append(slices.Clone(d.restart), d.start...) {
		if !strings.HasSuffix(name, ".socket") {
			continue
		}
		for _, service := range s.units[name].Triggers {
			u := s.units[service]
			is := func(n string) bool { return n == service || u.ID != "" && s.units[n].ID == u.ID }
			w := s.Want.Units[service]
			stays := w.ReloadIfChanged && u.CanReload || w.RestartIfChanged != nil && !*w.RestartIfChanged
			switch again := slices.ContainsFunc(d.restart, is); {
			case !u.Up() && !again:
				continue
			case spared(service, s.own) || u.Refused() || stays:
				s.awaitReboot(d, name)
				continue
			}
			d.restart, d.reload = slices.DeleteFunc(slices.Clone(d.restart), is), slices.DeleteFunc(d.reload, is)
			if !slices.Contains(d.stop, service) {
				d.stop, d.start = append(d.stop, service), append(d.start, service)
			}
		}
	}
}

// awaitReboot leaves a socket that cannot be started before its service stops.
func (s *situation) awaitReboot(d *decision, socket string) {
	is := func(n string) bool { return n == socket }
	d.start, d.restart = slices.DeleteFunc(d.start, is), slices.DeleteFunc(slices.Clone(d.restart), is)
	if !slices.Contains(d.reboot, socket) {
		d.reboot = append(d.reboot, socket)
	}
}

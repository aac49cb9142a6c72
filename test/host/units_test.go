package host

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/repo"
)

// unitCase is one kind of change of a unit: its blocks in the configuration
// before and after, and what a switch between the two does to which units.
type unitCase struct {
	before, after string
	// by a shell line in the machine, before the switch
	meanwhile string
	does      map[string]string // unit to stop, reload, restart or start
}

// sleeper is a unit block of a service that runs until it is stopped. It says on
// reload that it was reloaded.
func sleeper(name, more string, service ...string) string {
	return unitBlock(name+".service", fmt.Sprintf("[Service]\nExecStart=/usr/bin/sleep infinity\n%s", strings.Join(service, "\n")), more)
}

func unitBlock(name, content, more string) string {
	return fmt.Sprintf("unit %q {\n  content = <<-EOT\n    [Unit]\n    Description=Case\n    %s\n\n    [Install]\n    WantedBy=multi-user.target\n  EOT\n  %s\n}\n",
		name, strings.ReplaceAll(content, "\n", "\n    "), more)
}

// refusing is a sleeper that systemd lets nobody stop.
func refusing(name, service string) string {
	return unitBlock(name+".service", "RefuseManualStop=yes\n[Service]\nExecStart=/usr/bin/sleep infinity\n"+service, isOn)
}

const (
	isOn     = "enabled = true"
	reloads  = "ExecReload=/bin/sh -c 'echo >> /run/%n.told'"
	changed  = "Environment=A=B"
	onChange = "file %q { content = %q }\n"
)

// unitCases are named after the units that they are about.
func unitCases() map[string]unitCase {
	oneshot := func(text, more string) string {
		return "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo >> /run/%n.told'\n" + text + more
	}
	restart := func(unit string) map[string]string { return map[string]string{unit: "restart"} }
	return map[string]unitCase{
		"same":      {before: sleeper("same", isOn), after: sleeper("same", isOn)},
		"content":   {before: sleeper("content", isOn), after: sleeper("content", isOn, changed), does: restart("content.service")},
		"drop-in":   {before: sleeper("drop-in", isOn), after: sleeper("drop-in", isOn+"\ndrop_in = { \"10-a.conf\" = \"[Service]\\nNice=1\\n\" }"), does: restart("drop-in.service")},
		"no-more":   {before: sleeper("no-more", isOn), does: map[string]string{"no-more.service": "stop"}},
		"disabled":  {before: sleeper("disabled", isOn), after: sleeper("disabled", "enabled = false"), does: map[string]string{"disabled.service": "stop"}},
		"masked":    {before: `unit "systemd-boot-check-no-failures.service" { enabled = true }`, after: `unit "systemd-boot-check-no-failures.service" { masked = true }`, does: map[string]string{"systemd-boot-check-no-failures.service": "stop"}},
		"new":       {after: sleeper("new", isOn), does: map[string]string{"new.service": "start"}},
		"new-off":   {after: sleeper("new-off", "enabled = false")},
		"enabled":   {before: sleeper("enabled", "enabled = false"), after: sleeper("enabled", isOn), does: map[string]string{"enabled.service": "start"}},
		"kept":      {before: sleeper("kept", isOn+"\nrestart_if_changed = false"), after: sleeper("kept", isOn+"\nrestart_if_changed = false", changed)},
		"reload":    {before: sleeper("reload", isOn+"\nreload_if_changed = true", reloads), after: sleeper("reload", isOn+"\nreload_if_changed = true", reloads, changed), does: map[string]string{"reload.service": "reload"}},
		"unreload":  {before: sleeper("unreload", isOn+"\nreload_if_changed = true"), after: sleeper("unreload", isOn+"\nreload_if_changed = true", changed), does: restart("unreload.service")},
		"rtrigger":  {before: sleeper("rtrigger", isOn+"\nrestart_triggers = [\"/etc/rtrigger\"]") + fmt.Sprintf(onChange, "/etc/rtrigger", "1"), after: sleeper("rtrigger", isOn+"\nrestart_triggers = [\"/etc/rtrigger\"]") + fmt.Sprintf(onChange, "/etc/rtrigger", "2"), does: restart("rtrigger.service")},
		"ltrigger":  {before: sleeper("ltrigger", isOn+"\nreload_triggers = [\"/etc/ltrigger\"]", reloads) + fmt.Sprintf(onChange, "/etc/ltrigger", "1"), after: sleeper("ltrigger", isOn+"\nreload_triggers = [\"/etc/ltrigger\"]", reloads) + fmt.Sprintf(onChange, "/etc/ltrigger", "2"), does: map[string]string{"ltrigger.service": "reload"}},
		"down-kept": {before: sleeper("down-kept", ""), after: sleeper("down-kept", "", changed)},
		"by-hand":   {before: sleeper("by-hand", isOn), after: sleeper("by-hand", isOn, changed), meanwhile: "systemctl stop by-hand", does: map[string]string{"by-hand.service": "start"}},
		"socket": {
			before: unitBlock("socket.socket", "[Socket]\nListenStream=/run/case.sock", isOn) + sleeper("socket", ""), meanwhile: "systemctl start socket.service",
			after: unitBlock("socket.socket", "[Socket]\nListenStream=/run/case2.sock", isOn) + sleeper("socket", ""), does: map[string]string{"socket.socket": "restart", "socket.service": "restart"},
		},
		"gains": { // a socket, which systemd starts for no running service
			before: sleeper("gains", isOn),
			after:  unitBlock("gains.socket", "[Socket]\nListenStream=/run/gains.sock", isOn) + sleeper("gains", isOn), does: map[string]string{"gains.socket": "start", "gains.service": "restart"},
		},
		"asleep": {
			before: unitBlock("asleep.socket", "[Socket]\nListenStream=/run/asleep.sock", isOn) + sleeper("asleep", ""),
			after:  unitBlock("asleep.socket", "[Socket]\nListenStream=/run/asleep2.sock", isOn) + sleeper("asleep", "", changed), does: restart("asleep.socket"),
		},
		"template": {
			before: sleeper("template@", ""), meanwhile: "systemctl start template@one template@two",
			after: sleeper("template@", "", changed), does: map[string]string{"template@one.service": "restart", "template@two.service": "restart"},
		},
		"template-gone": {
			before: sleeper("template-gone@", ""), meanwhile: "systemctl start template-gone@one",
			does: map[string]string{"template-gone@one.service": "stop"},
		},
		"limit": { // which a restart would go beyond
			before: unitBlock("limit.service", "StartLimitIntervalSec=1h\nStartLimitBurst=1\n[Service]\nExecStart=/usr/bin/sleep infinity", isOn),
			after:  unitBlock("limit.service", "StartLimitIntervalSec=1h\nStartLimitBurst=1\n[Service]\nExecStart=/usr/bin/sleep infinity\n"+changed, isOn), does: restart("limit.service"),
		},
		// Somebody else's unit, whose command line has an empty line.
		"lines": {
			before: sleeper("lines", isOn), meanwhile: "systemd-run --quiet --unit=with-lines sh -c ':\n\nexec sleep infinity'",
			after: sleeper("lines", isOn, changed), does: restart("lines.service"),
		},
		"timer": {
			before: unitBlock("timer.timer", "[Timer]\nOnCalendar=*-01-01", isOn) + unitBlock("timer.service", oneshot("", ""), ""),
			after:  unitBlock("timer.timer", "[Timer]\nOnCalendar=*-01-02", isOn) + unitBlock("timer.service", oneshot("", changed), ""), does: restart("timer.timer"),
		},
		"path": {
			before: unitBlock("path.path", "[Path]\nPathExists=/nowhere", isOn) + sleeper("path", ""),
			after:  unitBlock("path.path", "[Path]\nPathExists=/nowhere/else", isOn) + sleeper("path", "", changed), does: restart("path.path"),
		},
		"remains": {before: unitBlock("remains.service", oneshot("RemainAfterExit=yes\n", ""), isOn), after: unitBlock("remains.service", oneshot("RemainAfterExit=yes\n", changed), isOn), does: restart("remains.service")},
		"passes":  {before: unitBlock("passes.service", oneshot("", ""), isOn), after: unitBlock("passes.service", oneshot("", changed), isOn), does: map[string]string{"passes.service": "start"}},
		"passed":  {before: unitBlock("passed.service", oneshot("", ""), isOn), after: unitBlock("passed.service", oneshot("", ""), isOn)},
		"refused": {before: refusing("refused", ""), after: refusing("refused", changed)},
		"refgone": {before: refusing("refgone", ""), does: map[string]string{"refgone.service": "stop"}},
		"target":  {before: unitBlock("case.target", "", ""), after: unitBlock("case.target", "", isOn), does: map[string]string{"case.target": "start"}},
		"mount": {
			before: unitBlock("mnt.mount", "[Mount]\nWhat=tmpfs\nWhere=/mnt\nType=tmpfs\nOptions=size=1m", isOn),
			after:  unitBlock("mnt.mount", "[Mount]\nWhat=tmpfs\nWhere=/mnt\nType=tmpfs\nOptions=size=2m", isOn), does: map[string]string{"mnt.mount": "reload"},
		},
	}
}

// packages of the table: a program that a service runs through a shell, so that
// only the process's mappings show it; a package's own service that its postinst
// restarts, as dh_installsystemd writes it; one that is removed.
func unitPackages(version string) []repo.Package {
	sleep, err := os.ReadFile("/usr/bin/sleep")
	if err != nil {
		panic(err)
	}
	own := "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
	postinst := func(unit string) string {
		return "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n  deb-systemd-helper enable " + unit + " >/dev/null || true\n  if [ -d /run/systemd/system ]; then\n    deb-systemd-invoke restart " + unit + " >/dev/null || true\n  fi\nfi\n"
	}
	return []repo.Package{
		{Name: "case-mapped", Version: version, Files: map[string]string{"/usr/bin/case-sleep": string(sleep) + version, "/usr/share/case-mapped/version": version}},
		{Name: "case-owner", Version: version, Files: map[string]string{"/usr/lib/systemd/system/case-owner.service": own, "/usr/share/case-owner/version": version}, Scripts: map[string]string{"postinst": postinst("case-owner.service")}},
		{Name: "case-gone", Version: version, Files: map[string]string{"/usr/lib/systemd/system/case-gone.service": own}, Scripts: map[string]string{"postinst": postinst("case-gone.service")}},
		{Name: "case-fresh", Version: version, Files: map[string]string{"/usr/lib/systemd/system/case-fresh.service": own}, Scripts: map[string]string{"postinst": postinst("case-fresh.service")}},
		{Name: "case-legacy", Version: version, Files: map[string]string{"/etc/init.d/case-legacy": legacy}, Scripts: map[string]string{
			"postinst": "#!/bin/sh\nset -e\nchmod 755 /etc/init.d/case-legacy\nupdate-rc.d case-legacy defaults\ninvoke-rc.d case-legacy start\n",
		}},
	}
}

// legacy is an init script: systemd makes a unit of it.
const legacy = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          case-legacy
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Case
### END INIT INFO
test "$1" != start || /usr/bin/sleep infinity &
`

// mapped is a service that executes the package's program in a roundabout way.
const mapped = `unit "mapped.service" {
  enabled = true
  content = <<-EOT
    [Service]
    ExecStart=/bin/sh -c 'exec /usr/bin/case-sleep infinity'

    [Install]
    WantedBy=multi-user.target
  EOT
}
`

// userUnit is a unit of every user's own manager.
func userUnit(nice int) string {
	return fmt.Sprintf("file \"/etc/systemd/user/mine.service\" {\n  content = \"[Service]\\nExecStart=/usr/bin/sleep infinity\\nNice=%d\\n\"\n}\n", nice)
}

// What a switch does to units of every kind, as dry-activate predicts it and as it
// happens: the test compares systemd's own records from before and after the switch
// with the table.
func TestUnitSemantics(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/units", "units")
	before, after, want := "packages = [\"case-mapped\", \"case-owner\", \"case-gone\"]\nuser \"ann\" {\n  home = \"/home/ann\"\n}\n", "packages = [\"case-mapped\", \"case-owner\", \"case-fresh\", \"case-legacy\"]\nuser \"ann\" {\n  home = \"/home/ann\"\n}\n", map[string]string{}
	before, after = before+mapped+userUnit(1), after+mapped+userUnit(2)
	cases := unitCases()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		before, after = before+c.before+"\n", after+c.after+"\n"
		maps.Copy(want, c.does)
	}
	maps.Copy(want, map[string]string{"mapped.service": "restart", "case-owner.service": "restart", "case-gone.service": "stop", "case-fresh.service": "start", "case-legacy.service": "start"})

	config := flakeInGuest + "/hosts/units/default.hcl"
	g.write(config, before, 0o644)
	g.lock(debs(t, unitPackages("1")[:3]...)...)
	g.want(0, nil, "switch", "--yes")
	g.says("systemctl --failed --no-legend", "")
	for _, c := range cases {
		if c.meanwhile != "" {
			g.sh(c.meanwhile)
		}
	}
	g.sh("install -D /dev/null /var/lib/systemd/linger/ann; systemctl start user@$(id -u ann)")
	g.until("the manager of ann", "test -S /run/user/$(id -u ann)/systemd/private")
	asAnn := func(args string) string {
		return "setpriv --reuid=ann --regid=ann --clear-groups env XDG_RUNTIME_DIR=/run/user/$(id -u ann) systemctl --user " + args
	}
	g.sh(asAnn("start mine"))

	g.write(config, after, 0o644)
	p := unitPackages("2")
	g.lock(debs(t, p[0], p[1], p[3], p[4])...)
	facts, manifest := g.unitFacts(), g.manifest()
	var foreseen map[string][]string
	r := g.want(0, nil, "dry-activate", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &foreseen); err != nil {
		t.Fatalf("%v\n%s", err, r)
	}
	g.same("dry-activate changes nothing", manifest)
	if got := lists(foreseen); !reflect.DeepEqual(got, want) {
		t.Errorf("dry-activate foresees %s", differs(want, got))
	}
	if len(moved(facts, g.unitFacts())) > 0 {
		t.Errorf("dry-activate moved units: %v", moved(facts, g.unitFacts()))
	}

	g.want(0, nil, "switch", "--yes")
	if got := moved(facts, g.unitFacts()); !reflect.DeepEqual(got, want) {
		t.Errorf("switch did %s", differs(want, got))
	}
	g.says("findmnt -no OPTIONS /mnt | grep -o 'size=[0-9]*k'", "size=2048k")
	g.says(asAnn("show -P Nice mine"), "2")
	g.says("ps -o ni= -C sleep -u ann -U ann | sort -u | grep -c 2", "1")
	g.want(0, []string{"No unit would be"}, "dry-activate")
}

// lists turns dry-activate's lists into what happens to each unit: one that is
// stopped and started again is restarted.
func lists(foreseen map[string][]string) map[string]string {
	out := map[string]string{}
	for _, verb := range []string{"stop", "reload", "restart", "start"} {
		for _, unit := range foreseen[verb] {
			if verb == "start" && out[unit] == "stop" {
				out[unit] = "restart"
				continue
			}
			out[unit] = verb
		}
	}
	return out
}

// fact is what systemd knows about the life of one unit.
type fact struct{ active, invocation, told string }

// unitFacts are those of all units. told is how often one was reloaded, or a oneshot
// ran, as its commands recorded, and a mount's options.
func (g *guest) unitFacts() map[string]fact {
	g.t.Helper()
	out := map[string]fact{}
	text := g.sh("systemctl show '*' --property=Id,ActiveState,InvocationID,Options; for f in /run/*.told; do [ -e $f ] || continue; echo; echo Id=$(basename $f .told); echo Told=$(wc -l < $f); done")
	for block := range strings.SplitSeq(text, "\n\n") {
		p := map[string]string{}
		for line := range strings.Lines(block) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				p[key] = value
			}
		}
		f := out[p["Id"]]
		if told, ok := p["Told"]; ok {
			f.told = told
		} else {
			f.active, f.invocation = p["ActiveState"], p["InvocationID"]
		}
		if strings.HasSuffix(p["Id"], ".mount") {
			f.told = p["Options"]
		}
		out[p["Id"]] = f
	}
	return out
}

// moved compares two looks at all units.
func moved(before, after map[string]fact) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[name]; !ok {
			before[name] = fact{active: "inactive"}
		}
	}
	up := func(f fact) bool { return f.active == "active" || f.active == "activating" || f.active == "reloading" }
	for name, was := range before {
		is, there := after[name]
		if strings.HasSuffix(name, ".device") || strings.HasSuffix(name, ".scope") || strings.HasSuffix(name, ".slice") {
			continue
		}
		switch {
		case up(was) && (!there || !up(is)):
			out[name] = "stop"
		case !up(was) && up(is):
			out[name] = "start"
		case up(was) && was.invocation != is.invocation:
			out[name] = "restart"
		case up(was) && was.told != is.told:
			out[name] = "reload"
		case !up(was) && was.told != is.told:
			out[name] = "start"
		}
	}
	return out
}

// differs lists where two outcomes are not one.
func differs(want, got map[string]string) string {
	var b strings.Builder
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, unit := range slices.Sorted(maps.Keys(all)) {
		if want[unit] != got[unit] {
			fmt.Fprintf(&b, "\n  %s: %q in the place of %q", unit, got[unit], want[unit])
		}
	}
	return b.String()
}

package systemd

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Unit is what systemd knows about one unit (org.freedesktop.systemd1(5)).
type Unit struct {
	ID                string
	Load, Active, Sub string
	Type              string // of a service
	FileState         string // enabled, disabled, static, masked, …
	Invocation        string // another each time that it starts
	Result            string
	ReloadResult      string
	Exit              string        // of the main process, for people
	Entered           time.Duration // when it became active last, on CLOCK_MONOTONIC
	Restarts          int
	RemainAfterExit   bool
	CanStart          bool
	CannotStop        bool // RefuseManualStop=, or it is there for as long as systemd is
	CanReload         bool
	ConditionFailed   bool
	Job               bool
	Sources           []string // its file and its drop-ins
	Exec              []string // the programs that it starts, links followed
	Triggers          []string // units that it activates
	TriggeredBy       []string // units that activate it
	Mounts            []string // paths that are mounted over in its own mount namespace
}

// Up is systemd's own idea of active or becoming so (UNIT_IS_ACTIVE_OR_ACTIVATING).
func (u Unit) Up() bool {
	return u.Active == "active" || u.Active == "reloading" || u.Active == "refreshing" || u.Active == "activating"
}

// Down is stopped, and to stay so.
func (u Unit) Down() bool { return (u.Active == "inactive" || u.Active == "failed") && !u.Job }

// Refused says that systemd takes no order to restart the unit.
func (u Unit) Refused() bool { return !u.CanStart || u.CannotStop }

// Passing is a oneshot that is done when it has run.
func (u Unit) Passing() bool { return u.Type == "oneshot" && !u.RemainAfterExit }

// Enabled is what deb-systemd-invoke asks before it starts a unit.
func (u Unit) Enabled() bool {
	return u.FileState == "enabled" || u.FileState == "enabled-runtime" || u.FileState == "alias"
}

// Show asks for the state of units, in one call. Templates, which systemd does not
// load, are left out.
func (m Manager) Show(ctx context.Context, names []string) (map[string]Unit, error) {
	var ask []string
	for _, name := range names {
		if !strings.Contains(name, "@.") && validName(name) {
			ask = append(ask, name)
		}
	}
	if len(ask) == 0 {
		return map[string]Unit{}, nil
	}
	const properties = "Id,InvocationID,LoadState,ActiveState,SubState,Type,UnitFileState,Result,ReloadResult,ExecMainCode,ExecMainStatus," +
		"NRestarts,RemainAfterExit,CanStart,CanStop,CanReload,ConditionResult,ConditionTimestampMonotonic,ActiveEnterTimestampMonotonic,Job,FragmentPath,DropInPaths,ExecStart,Triggers,TriggeredBy," +
		"InaccessiblePaths,ReadOnlyPaths,ReadWritePaths,BindPaths,BindReadOnlyPaths"
	show := func(names ...string) (string, error) {
		out, err := m.Call(ctx, QueueTime, append([]string{"show", "--property=" + properties, "--"}, names...)...)
		if err != nil {
			return "", fmt.Errorf("cannot ask for the state of units: %w", err)
		}
		return strings.TrimRight(string(out), "\n"), nil
	}
	out, err := show(ask...)
	if err != nil {
		return nil, err
	}
	blocks := strings.Split(out, "\n\n")
	if len(blocks) != len(ask) { // a command line with an empty line in it looks as if another unit began
		blocks = make([]string, len(ask))
		for i, name := range ask {
			if blocks[i], err = show(name); err != nil {
				return nil, err
			}
		}
	}
	units := map[string]Unit{}
	for i, name := range ask {
		u := parseUnit(blocks[i])
		if u.FileState == "generated" && LinkedToStart(live, u.ID) {
			u.FileState = "enabled"
		}
		units[name] = u
	}
	return units, nil
}

// LinkedToStart says whether an init script starts with a runlevel: what
// systemd makes of it is generated, and that says neither yes nor no.
// invoke-rc.d(8) looks at the same links.
func LinkedToStart(r system.Root, name string) bool {
	links, err := filepath.Glob(r.Path("/etc/rc[S2345].d/S[0-9][0-9]" + strings.TrimSuffix(name, ".service")))
	return err == nil && len(links) > 0
}

// validName keeps out what systemctl would take as a pattern or an option.
func validName(name string) bool {
	return strings.Contains(name, ".") && !strings.ContainsAny(name, "*?[ \n/")
}

func parseUnit(block string) Unit {
	p := map[string]string{}
	for line := range strings.Lines(block) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			p[key] += value + "\n" // ExecStart comes once per command
		}
	}
	get := func(key string) string { return strings.TrimSpace(p[key]) }
	u := Unit{
		ID: get("Id"), Load: get("LoadState"), Active: get("ActiveState"), Sub: get("SubState"), Type: get("Type"),
		FileState: get("UnitFileState"), Invocation: get("InvocationID"), Result: get("Result"), ReloadResult: get("ReloadResult"),
		RemainAfterExit: get("RemainAfterExit") == "yes", CanStart: get("CanStart") != "no", CannotStop: get("CanStop") == "no", CanReload: get("CanReload") == "yes",
		ConditionFailed: get("ConditionResult") == "no" && get("ConditionTimestampMonotonic") != "0", Job: get("Job") != "" && get("Job") != "0",
		Sources: strings.Fields(p["FragmentPath"] + p["DropInPaths"]), Triggers: strings.Fields(p["Triggers"]), TriggeredBy: strings.Fields(p["TriggeredBy"]),
	}
	u.Restarts, _ = strconv.Atoi(get("NRestarts"))                               // services only
	entered, _ := strconv.ParseInt(get("ActiveEnterTimestampMonotonic"), 10, 64) // 0 where it never was
	u.Entered = time.Duration(entered) * time.Microsecond
	u.Exit = exitText(get("ExecMainCode"), get("ExecMainStatus"))
	for _, property := range []string{"InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths", "BindPaths", "BindReadOnlyPaths"} {
		for _, path := range strings.Fields(p[property]) {
			// A bind is source:destination:option; others may have - or +.
			u.Mounts = append(u.Mounts, strings.Split(strings.TrimLeft(path, "-+"), ":")...)
		}
	}
	for line := range strings.Lines(p["ExecStart"]) {
		if _, rest, ok := strings.Cut(line, "path="); ok {
			path, _, _ := strings.Cut(rest, " ;")
			u.Exec = append(u.Exec, Programs(path)...)
		}
	}
	return u
}

// exitText says how a main process ended; code is waitid(2)'s si_code.
func exitText(code, status string) string {
	switch code {
	case "1":
		return "exited with status " + status
	case "2", "3":
		return "was killed by signal " + status
	}
	return ""
}

// Programs are a program's path and where its links lead.
func Programs(path string) []string {
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		return []string{path, real}
	}
	return []string{path}
}

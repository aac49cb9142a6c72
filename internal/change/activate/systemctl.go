package activate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	// queueTime is for calls that only hand something to systemd.
	queueTime = 30 * time.Second
	// jobTime is for calls that wait for stops: systemd itself kills after
	// 90 s unless the unit says otherwise (DefaultTimeoutStopSec).
	jobTime = 150 * time.Second
)

// tool runs a program of the host. It ends when the time is over, whatever the
// program waits for.
func tool(ctx context.Context, limit time.Duration, name string, args ...string) ([]byte, error) {
	return toolAs(ctx, limit, nil, nil, name, args...)
}

// toolAs is tool for another user, with more in its environment.
func toolAs(ctx context.Context, limit time.Duration, as *syscall.SysProcAttr, env []string, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := root.Command(ctx, name, args...)
	cmd.SysProcAttr, cmd.Env = as, append(cmd.Env, env...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in %s", limit)
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// A manager asks one systemd something, once.
type manager func(ctx context.Context, limit time.Duration, args ...string) ([]byte, error)

// pid1 is the manager of the system.
func pid1(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	return tool(ctx, limit, "systemctl", args...)
}

// again calls anew what failed: a systemd that executes itself, which anybody
// can have it do, answers nobody, and what is being asked of it then is lost.
func (m manager) again(ctx context.Context, call func() error) error {
	const tries = 8
	deadline := time.Now().Add(queueTime)
	for try := 1; ; try++ {
		err := call()
		if err == nil || try == tries || time.Now().After(deadline) {
			return err
		}
		for {
			if _, silent := m(ctx, queueTime, "show", "--property=Version"); silent == nil {
				break
			}
			if time.Now().After(deadline) || ctx.Err() != nil {
				return err
			}
			time.Sleep(pollTime)
		}
	}
}

func (m manager) ask(ctx context.Context, limit time.Duration, args ...string) (out []byte, err error) {
	err = m.again(ctx, func() error {
		out, err = m(ctx, limit, args...)
		return err
	})
	return out, err
}

func systemctl(ctx context.Context, limit time.Duration, args ...string) error {
	_, err := manager(pid1).ask(ctx, limit, args...)
	return err
}

func query(ctx context.Context, args ...string) ([]byte, error) {
	return manager(pid1).ask(ctx, queueTime, args...)
}

// stopUnits stops units and waits for it. A unit that is not loaded is stopped.
//
// One that others call over D-Bus while they stop, as NetworkManager calls its
// dispatcher, is started again by that, and its own stop canceled; once those
// others stand still it stays down.
func stopUnits(ctx context.Context, units []string) error {
	err := manager(pid1).again(ctx, func() error {
		_, err := pid1(ctx, jobTime, append([]string{"stop", "--"}, units...)...)
		if err == nil {
			return nil
		}
		if now, asked := showUnits(ctx, units); asked == nil {
			units = slices.DeleteFunc(slices.Clone(units), func(name string) bool { return now[name].down() })
		}
		if len(units) == 0 {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot stop units: %w", err)
	}
	return nil
}

// listed is what systemd tells of every unit at once.
type listed struct {
	Unit   string `json:"unit"`
	Load   string `json:"load"`
	Active string `json:"active"`
	Sub    string `json:"sub"`
}

func listUnits(ctx context.Context, args ...string) (map[string]listed, error) {
	out, err := query(ctx, append([]string{"list-units", "--output=json"}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot list units: %w", err)
	}
	var rows []listed
	if err := json.Unmarshal(out, &rows); err != nil {
		return nil, fmt.Errorf("cannot list units: systemctl's answer is no JSON: %w", err)
	}
	units := make(map[string]listed, len(rows))
	for _, row := range rows {
		units[row.Unit] = row
	}
	return units, nil
}

func activeUnits(ctx context.Context) (map[string]bool, error) {
	units, err := listUnits(ctx, "--state=active,reloading,activating")
	if err != nil {
		return nil, err
	}
	active := make(map[string]bool, len(units))
	for name := range units {
		active[name] = true
	}
	return active, nil
}

// unit is what systemd knows of one unit (org.freedesktop.systemd1(5)).
type unit struct {
	id                string
	load, active, sub string
	kind              string // Type of a service
	file              string // enabled, disabled, static, masked, …
	invocation        string // another each time that it starts
	result            string
	reloadResult      string
	exit              string        // of the main process, for people
	entered           time.Duration // when it became active last, on CLOCK_MONOTONIC
	restarts          int
	remain            bool // RemainAfterExit
	canStart          bool
	cannotStop        bool // RefuseManualStop=, or it is there for as long as systemd is
	canReload         bool
	conditionFailed   bool
	job               bool
	sources           []string // its file and its drop-ins
	exec              []string // the programs that it starts, links followed
	triggers          []string // units that it activates
	triggered         []string // units that activate it
	mounts            []string // paths that are mounted over in its own mount namespace
}

// up is systemd's own idea of active or becoming so (UNIT_IS_ACTIVE_OR_ACTIVATING).
func (u unit) up() bool {
	return u.active == "active" || u.active == "reloading" || u.active == "refreshing" || u.active == "activating"
}

// down is stopped, and to stay so.
func (u unit) down() bool { return (u.active == "inactive" || u.active == "failed") && !u.job }

// refused says that systemd takes no order to restart the unit.
func (u unit) refused() bool { return !u.canStart || u.cannotStop }

// passing is a oneshot that is done when it has run.
func (u unit) passing() bool { return u.kind == "oneshot" && !u.remain }

// enabled is what deb-systemd-invoke asks before it starts a unit.
func (u unit) enabled() bool {
	return u.file == "enabled" || u.file == "enabled-runtime" || u.file == "alias"
}

// showUnits asks for all units in one call. Templates, which systemd does not
// load, are left out.
func showUnits(ctx context.Context, names []string) (map[string]unit, error) {
	var ask []string
	for _, name := range names {
		if !strings.Contains(name, "@.") && validName(name) {
			ask = append(ask, name)
		}
	}
	if len(ask) == 0 {
		return map[string]unit{}, nil
	}
	const properties = "Id,InvocationID,LoadState,ActiveState,SubState,Type,UnitFileState,Result,ReloadResult,ExecMainCode,ExecMainStatus," +
		"NRestarts,RemainAfterExit,CanStart,CanStop,CanReload,ConditionResult,ConditionTimestampMonotonic,ActiveEnterTimestampMonotonic,Job,FragmentPath,DropInPaths,ExecStart,Triggers,TriggeredBy," +
		"InaccessiblePaths,ReadOnlyPaths,ReadWritePaths,BindPaths,BindReadOnlyPaths"
	show := func(names ...string) (string, error) {
		out, err := query(ctx, append([]string{"show", "--property=" + properties, "--"}, names...)...)
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
	units := map[string]unit{}
	for i, name := range ask {
		u := parseUnit(blocks[i])
		if u.file == "generated" && linkedToStart(root, u.id) {
			u.file = "enabled"
		}
		units[name] = u
	}
	return units, nil
}

// linkedToStart says whether an init script starts with a runlevel: what
// systemd makes of it is generated, and that says neither yes nor no.
// invoke-rc.d(8) looks at the same links.
func linkedToStart(r system.Root, name string) bool {
	links, err := filepath.Glob(r.Path("/etc/rc[S2345].d/S[0-9][0-9]" + strings.TrimSuffix(name, ".service")))
	return err == nil && len(links) > 0
}

// validName keeps out what systemctl would take as a pattern or an option.
func validName(name string) bool {
	return strings.Contains(name, ".") && !strings.ContainsAny(name, "*?[ \n/")
}

func parseUnit(block string) unit {
	p := map[string]string{}
	for line := range strings.Lines(block) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			p[key] += value + "\n" // ExecStart comes once per command
		}
	}
	get := func(key string) string { return strings.TrimSpace(p[key]) }
	u := unit{
		id: get("Id"), load: get("LoadState"), active: get("ActiveState"), sub: get("SubState"), kind: get("Type"),
		file: get("UnitFileState"), invocation: get("InvocationID"), result: get("Result"), reloadResult: get("ReloadResult"),
		remain: get("RemainAfterExit") == "yes", canStart: get("CanStart") != "no", cannotStop: get("CanStop") == "no", canReload: get("CanReload") == "yes",
		conditionFailed: get("ConditionResult") == "no" && get("ConditionTimestampMonotonic") != "0", job: get("Job") != "" && get("Job") != "0",
		sources: strings.Fields(p["FragmentPath"] + p["DropInPaths"]), triggers: strings.Fields(p["Triggers"]), triggered: strings.Fields(p["TriggeredBy"]),
	}
	u.restarts, _ = strconv.Atoi(get("NRestarts"))                               // services only
	entered, _ := strconv.ParseInt(get("ActiveEnterTimestampMonotonic"), 10, 64) // 0 where it never was
	u.entered = time.Duration(entered) * time.Microsecond
	u.exit = exitText(get("ExecMainCode"), get("ExecMainStatus"))
	for _, property := range []string{"InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths", "BindPaths", "BindReadOnlyPaths"} {
		for _, path := range strings.Fields(p[property]) {
			// A bind is source:destination:option, others may bear - or +.
			u.mounts = append(u.mounts, strings.Split(strings.TrimLeft(path, "-+"), ":")...)
		}
	}
	for line := range strings.Lines(p["ExecStart"]) {
		if _, rest, ok := strings.Cut(line, "path="); ok {
			path, _, _ := strings.Cut(rest, " ;")
			u.exec = append(u.exec, programs(path)...)
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

// ownUnit is the unit that this process is part of: stopping it would stop
// the switch.
func ownUnit() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	unit, own := unitOfCgroup(string(b), managerCgroup())
	if own {
		return ""
	}
	return unit
}

package host

import (
	"fmt"
	"strings"
	"testing"
)

// A switch waits until a oneshot that it starts is done: whenever it fails, the
// switch goes back. If a oneshot takes longer than health_wait, the switch names it
// and leaves it running. It says what it waits for.
func TestOneshotThatFailsLater(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/units", "units")
	g.lock()
	const settings = "hostctl {\n  health_wait = 20\n}\n"
	service := func(kind, command, more string) string {
		return fmt.Sprintf("[Service]\nType=%s\nExecStart=/bin/sh -c '%s'\n%s", kind, command, more)
	}
	by := sleeper("puller", isOn) // as it is in every case
	cases := map[string]struct{ kind, command, more, with string }{
		"at once":          {"oneshot", "exit 1", "", isOn},
		"after 0.2 s":      {"oneshot", "sleep 0.2; exit 1", "", isOn},
		"after 0.9 s":      {"oneshot", "sleep 0.9; exit 1", "", isOn},
		"after a second":   {"oneshot", "sleep 1; exit 1", "", isOn},
		"remains":          {"oneshot", "sleep 1; exit 1", "RemainAfterExit=yes", isOn},
		"remains, 0.2 s":   {"oneshot", "sleep 0.2; exit 1", "RemainAfterExit=yes", isOn},
		"exec":             {"exec", "sleep 1; exit 1", "", isOn},
		"times out":        {"oneshot", "sleep 60", "TimeoutStartSec=2", isOn},
		"pulled in":        {"oneshot", "sleep 1; exit 1", "", ""},
		"pulled in, 0.2 s": {"oneshot", "sleep 0.2; exit 1", "", ""},
	}
	for name, c := range cases {
		runs := "exit 0"
		if c.kind == "exec" {
			runs = "exec sleep infinity"
		}
		write := func(command string, try int) {
			puller := by
			if c.with == "" {
				puller = unitBlock("puller.service", fmt.Sprintf("Wants=once.service\n[Service]\nExecStart=/usr/bin/sleep infinity\nEnvironment=TRY=%d", try), isOn)
			}
			g.write(flakeInGuest+"/hosts/units/default.hcl", settings+puller+
				unitBlock("once.service", service(c.kind, command, c.more+fmt.Sprintf("\nEnvironment=TRY=%d", try)), c.with), 0o644)
		}
		write(runs, 0)
		g.want(0, nil, "switch", "--yes")
		tries := 1
		if name == "after a second" {
			tries = 5
		}
		for try := range tries {
			write(c.command, try+1)
			if r := g.hostctl("switch", "--yes"); r.code != 3 || !strings.Contains(r.stderr, "once.service") {
				t.Errorf("%s, try %d: exit code 3 was wanted\n%s", name, try, r)
			}
		}
	}
	g.write(flakeInGuest+"/hosts/units/default.hcl", settings+unitBlock("once.service", service("oneshot", "sleep 6; touch /run/done", ""), isOn), 0o644)
	g.want(0, []string{"\nwaiting for once.service, "}, "switch", "--yes")
	g.says("ls /run/done", "/run/done")
	g.edit("hosts/units/default.hcl", "sleep 6", "sleep 3")
	if said := g.sh("script -qec 'stty cols 100 rows 30; hostctl switch --yes --flake " + flakeInGuest + " --host units' /dev/null < /dev/null"); strings.Count(said, "waiting for once.service    ") < 2 {
		t.Errorf("a terminal does not show what is waited for: %q", said)
	}
	g.write(flakeInGuest+"/hosts/units/default.hcl", strings.Replace(settings, "20", "3", 1)+unitBlock("once.service", service("oneshot", "sleep 300", ""), isOn), 0o644)
	g.want(0, []string{"warning: once.service still runs after"}, "switch", "--yes")
	g.says("systemctl is-active once.service || true", "activating")

	// One error names everything that fails, not only the first.
	g.write(flakeInGuest+"/hosts/units/default.hcl", settings+unitBlock("early.service", service("oneshot", "exit 1", ""), isOn)+
		unitBlock("late.service", service("oneshot", "sleep 0.5; exit 1", ""), isOn), 0o644)
	g.want(3, []string{"\n  early.service (hosts/units/default.hcl:", "\n  late.service (hosts/units/default.hcl:"}, "switch", "--yes")
}

package host

import (
	"strings"
	"testing"
)

// A run that is on its way when the machine goes down, or into rescue mode,
// leaves one generation or the other: the one that is current is complete, and
// its services run after the next boot.
func TestShutdownDuringARun(t *testing.T) {
	t.Parallel()
	g := small(t)
	flake := flakeInGuest + "/hosts/small/default.hcl"
	g.write(flake, g.read(flake)+"\nhostctl {\n  health_wait = 2\n}\n", 0o644)
	g.want(0, nil, "switch", "--yes")
	greetings := map[string]string{"1": "hello"}
	for i, c := range []struct{ at, do string }{ // "" is a reboot
		{"staging", "systemctl isolate --no-block rescue.target"},
		{"committing", "systemctl isolate --no-block rescue.target"},
		{"staging", ""},
		{"committing", ""},
	} {
		was := g.current()
		greeting := "greeting " + string(rune('a'+i))
		g.edit("hosts/small/default.hcl", "= "+lastGreeting(g.read(flake)), "= "+greeting)
		s := g.startSwitch()
		s.until(t, c.at)
		if c.do != "" {
			g.sh(c.do)
			s.end()
			g.until("the run ends", "! systemctl is-active -q hostctl-run && systemctl is-active -q rescue.target")
		}
		g.reboot(shim)
		code := s.end()
		is := g.current()
		if is != was {
			greetings[is] = greeting
		}
		t.Logf("%q while %s: the session ended with %d, the machine went from generation %s to %s\n%s", c.do, c.at, code, was, is, s.said)
		g.says("cat /run/tiny-web", "greeting = "+greetings[is])
		g.want(0, []string{"No drift"}, "drift")
		g.says("systemctl is-system-running; dpkg --audit; ls -A /.hostctl/journal 2>/dev/null || true", "running")
	}
}

// current is the number of the current generation.
func (g *guest) current() string {
	g.t.Helper()
	return g.sh("basename $(readlink /var/lib/hostctl/current)")
}

// lastGreeting is what the flake makes tiny-web say.
func lastGreeting(flake string) string {
	_, after, _ := strings.Cut(flake, "greeting = ")
	greeting, _, _ := strings.Cut(after, `\n`)
	return greeting
}

package host

import (
	"bufio"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// started is a switch that was typed in a session of its own: a scope, as a
// login makes one.
type started struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  string
}

func (g *guest) startSwitch() *started {
	g.t.Helper()
	cmd := g.Command(g.t.Context(), "systemd-run", "--quiet", "--scope", "--unit=a-login", "--slice=user.slice",
		"hostctl", "switch", "--yes", "--flake", flakeInGuest, "--host", g.host)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	return &started{cmd: cmd, lines: bufio.NewScanner(stderr)}
}

// until reads what it says up to a line that starts so.
func (s *started) until(t *testing.T, prefix string) {
	t.Helper()
	for s.lines.Scan() {
		s.said += s.lines.Text() + "\n"
		if strings.HasPrefix(s.lines.Text(), prefix) {
			return
		}
	}
	t.Fatalf("it does not say %q:\n%s", prefix, s.said)
}

func (s *started) end() int {
	for s.lines.Scan() {
		s.said += s.lines.Text() + "\n"
	}
	_ = s.cmd.Wait() // the code says it
	return s.cmd.ProcessState.ExitCode()
}

// over waits until no run holds the lock.
func (g *guest) over() {
	g.t.Helper()
	g.until("the run ends", "flock -n /var/lib/hostctl/lock true && ! systemctl is-active -q hostctl-run")
}

// A switch continues when the session that started it ends, whichever part of the
// session goes, and while services that sessions depend on restart. Ctrl-C cancels
// it before the commit.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	g := small(t)
	flake := flakeInGuest + "/hosts/small/default.hcl"
	// Units are watched for a while, in which the test can act.
	g.write(flake, g.read(flake)+"\nhostctl {\n  health_wait = 3\n}\n", 0o644)
	// The terminal that follows the service shows its progress.
	seen := g.sh("script -qec 'stty rows 24 cols 80; hostctl switch --yes --flake " + flakeInGuest + " --host " + g.host + "' /dev/null")
	for _, line := range []string{`staging +\d+s`, `activating +\d+s`, `generation 1 is current`} {
		if !regexp.MustCompile(line).MatchString(seen) {
			t.Errorf("a terminal does not show %s:\n%q", line, seen)
		}
	}
	g.says("systemctl show -P Result -P ActiveState hostctl-run | sort -u | xargs", "inactive success")

	greeting := "hello"
	next := func(to string) {
		g.edit("hosts/small/default.hcl", greeting, to)
		greeting = to
	}
	next("greetings")
	// Nothing is locked while a question is open, and Ctrl-C answers it.
	g.says("mkfifo /tmp/keys; script -qec 'hostctl switch --flake "+flakeInGuest+" --host "+g.host+"' /dev/null < /tmp/keys > /tmp/said 2>&1 & exec 3> /tmp/keys; "+
		"until grep -q y/N /tmp/said; do sleep 0.1; done; flock -n /var/lib/hostctl/lock true && echo free; "+
		"printf '\\003' >&3; wait $!; echo $?; tail -n 1 /tmp/said | tr -d '\\r'", "free\n130\ncancelled")
	s := g.startSwitch()
	s.until(t, "staging")
	g.says("systemctl show -P Slice -P OOMScoreAdjust -P KillMode hostctl-run | xargs", "hostctl.slice -900 process")
	g.says("tr '\\0' ' ' < /proc/$(systemctl show -P MainPID hostctl-run)/cmdline | grep -c 'service-run /run/hostctl/run-'", "1")
	s.until(t, "committing")
	g.sh("systemctl kill --signal=KILL a-login.scope")
	if code := s.end(); code == 0 {
		t.Errorf("the killed session ended well:\n%s", s.said)
	}
	g.want(4, []string{"'hostctl switch", "process"}, "switch", "--yes")
	g.over()
	g.says("cat /run/tiny-web", "greeting = greetings")
	g.want(0, nil, "plan", "--detailed-exitcode")

	next("good evening")
	s = g.startSwitch()
	s.until(t, "committing")
	// An order to systemd that comes while it executes itself is lost.
	g.sh("systemctl restart systemd-logind dbus; for i in $(seq 10); do systemctl daemon-reexec; done")
	if code := s.end(); code != 0 || !strings.Contains(s.said, "generation 3 is current") {
		t.Errorf("with dbus and logind restarted: exit code %d\n%s", code, s.said)
	}
	g.says("cat /run/tiny-web", "greeting = good evening")

	next("never")
	g.write(flake, g.read(flake)+"\nfile \"/etc/slow\" {\n  content = \"slow\\n\"\n  check   = [\"sleep\", \"10\"]\n}\n", 0o644)
	s = g.startSwitch()
	s.until(t, "staging")
	g.sh("kill -INT $(systemctl show -P MainPID hostctl-run)")
	if code := s.end(); code != 130 || !strings.HasSuffix(s.said, "\ncancelled\n") {
		t.Errorf("interrupted in the stage: exit code %d\n%s", code, s.said)
	}
	g.says("cat /run/tiny-web", "greeting = good evening")
	g.want(0, []string{"generation 2 is current"}, "rollback", "--yes")
	g.says("cat /run/tiny-web; ls /run/hostctl", "greeting = greetings")

	// Without systemd-run it is done all the same.
	g.sh("mv /usr/bin/systemd-run /usr/bin/systemd-run.away")
	g.want(0, []string{"warning: cannot start hostctl-run.service", "generation 3 is current"}, "rollback", "--to", "3", "--yes")
	g.sh("mv /usr/bin/systemd-run.away /usr/bin/systemd-run")
}

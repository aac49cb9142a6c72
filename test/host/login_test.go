package host

import (
	"io"
	"strings"
	"testing"
)

// A confirmation from a session that began before the change is refused, also
// through a terminal or a session of its own in there; a new login gives it.
func TestConfirmWantsANewLogin(t *testing.T) {
	t.Parallel()
	g := locked(t, "testdata/login", "desk")
	g.want(0, nil, "switch", "--yes")
	g.sh(`ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
		printf 'StrictHostKeyChecking accept-new\nUserKnownHostsFile /root/.ssh/known_hosts\n' > /root/.ssh/config
		mkfifo /run/typed
		sleep 600 > /run/typed 2>&1 &
		ssh -tt localhost sh < /run/typed > /run/shown 2>&1 &`)
	typed := func(line string) {
		g.t.Helper()
		g.sh("rm -f /run/over; echo '" + line + "; touch /run/over' > /run/typed")
		g.until("'"+line+"' ends", "test -e /run/over")
	}
	typed("tmux new-session -d -s old")

	g.edit("hosts/desk/default.hcl", "one", "two")
	g.want(0, []string{"log in anew"}, "switch", "--yes", "--confirm-within", "10m")
	for _, c := range []struct{ line, old string }{
		{"hostctl confirm > /run/said 2>&1", "its process"},
		{"setsid --wait hostctl confirm > /run/said 2>&1", "its process"},
		{"tmux new-window -t old \"hostctl confirm > /run/said 2>&1; tmux wait-for -S done\"; tmux wait-for done", "session"},
	} {
		g.sh("rm -f /run/said")
		typed(c.line)
		said := g.sh("cat /run/said")
		t.Logf("what a user sees:\n%s", said)
		if !strings.Contains(said, "cannot confirm: this is no new login: "+c.old) {
			t.Errorf("%s: it is not refused for %s:\n%s", c.line, c.old, said)
		}
	}
	g.listed("unconfirmed", 2)
	g.says("ssh localhost hostctl confirm 2>&1", "generation 2 stays")
	g.says("systemctl is-active hostctl-confirm.timer || true", "inactive")
	g.sh("tmux kill-server; echo exit > /run/typed")
}

// A shell that entered from outside the machine's PID namespace has no parent
// there. Its age still counts, and what it leaves behind does not count as a new
// login.
func TestConfirmFromOutside(t *testing.T) {
	t.Parallel()
	g := locked(t, "testdata/login", "desk")
	g.want(0, nil, "switch", "--yes")
	entered := g.Command(t.Context(), "sh")
	in, err := entered.StdinPipe()
	if err == nil {
		err = entered.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	typed := func(line string) string {
		t.Helper()
		g.sh("rm -f /run/over /run/said")
		if _, err := io.WriteString(in, "{ "+line+"; } > /run/said 2>&1; touch /run/over\n"); err != nil {
			t.Fatal(err)
		}
		g.until("'"+line+"' ends", "test -e /run/over")
		return g.sh("cat /run/said")
	}
	if parent := typed("ps -o ppid= -p $$"); parent != "0" {
		t.Fatalf("the shell's parent is %q, and this shows nothing", parent)
	}
	g.edit("hosts/desk/default.hcl", "one", "two")
	if said := typed("hostctl switch --yes --confirm-within 10m --host desk --flake " + flakeInGuest); !strings.Contains(said, "log in anew") {
		t.Fatal(said)
	}
	for line, says := range map[string]string{
		"hostctl confirm":               "cannot confirm: this is no new login: its process",
		"setsid --wait hostctl confirm": "cannot confirm: this is no new login: its process",
		"sh -c '(sleep 1; exec hostctl confirm) > /run/orphan 2>&1 &'; sleep 3; cat /run/orphan": "cannot tell when this login began",
	} {
		if said := typed(line); !strings.Contains(said, says) {
			t.Errorf("%s: it says no %q:\n%s", line, says, said)
		}
	}
	g.listed("unconfirmed", 2)
	g.want(0, []string{"generation 2 stays"}, "confirm") // which enters again
	if _, err := io.WriteString(in, "exit\n"); err != nil {
		t.Error(err)
	}
	if err := entered.Wait(); err != nil {
		t.Error(err)
	}
}

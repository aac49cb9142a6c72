package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A plan that finds nothing to do evaluates nothing the next time, and whatever
// moves since is seen: the flake, its lock, the machine, the generation.
func TestNothingToEvaluate(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	time.Sleep(3 * time.Second) // what changed just now is evaluated: a second change might not show
	nothing := func(why string, evaluates bool) {
		t.Helper()
		if got := g.evaluates(); got != evaluates {
			t.Errorf("%s: evaluated %v", why, got)
		}
	}
	g.want(0, nil, "plan")
	nothing("the next plan", false)
	g.want(0, []string{"No changes"}, "switch", "--yes")
	if out := g.sh("hostctl plan --flake " + flakeInGuest + " --host other 2>&1 || true"); !strings.Contains(out, `cannot find host "other"`) {
		t.Errorf("for another host it says %s", out)
	}

	const found = "1 to change"
	for what, moved := range map[string]struct{ there, back func() }{
		"a module": {
			func() { g.edit("hosts/small/default.hcl", "generation one", "generation 1") },
			func() { g.edit("hosts/small/default.hcl", "generation 1", "generation one") }},
		"a module, its size and time as before": {
			func() {
				g.sh("cd /root/flake/hosts/small && touch -r default.hcl /root/time && sed -i 's/generation one/generation two/' default.hcl && touch -r /root/time default.hcl")
			},
			func() { g.edit("hosts/small/default.hcl", "generation two", "generation one") }},
		"a managed file": {
			func() { g.sh("cp -p /etc/motd /root/motd && echo more >> /etc/motd") }, func() { g.sh("mv /root/motd /etc/motd") }},
		"the attributes of a managed file": {
			func() {
				if err := unix.Lsetxattr(filepath.Join(g.Root, "etc/motd"), "user.note", []byte("x"), 0); err != nil {
					t.Fatal(err)
				}
			},
			func() {
				if err := unix.Lremovexattr(filepath.Join(g.Root, "etc/motd"), "user.note"); err != nil {
					t.Fatal(err)
				}
			}},
	} {
		moved.there()
		g.want(2, []string{found}, "plan", "--detailed-exitcode")
		moved.back()
		g.want(0, []string{"No changes"}, "plan", "--detailed-exitcode")
		t.Log(what)
	}
	g.sh("mv /root/flake/hosts/small/packages.lock /root/lock")
	g.want(1, []string{"packages.lock does not exist"}, "plan")
	g.sh("mv /root/lock /root/flake/hosts/small/packages.lock")

	time.Sleep(3 * time.Second)
	nothing("after changes that were taken back", true)
	nothing("and again", false)
	g.sh("touch /usr/local/bin/hostctl")
	nothing("with another hostctl", true)
	g.want(0, nil, "rollback", "--yes")
	g.want(2, []string{"to create"}, "plan", "--detailed-exitcode")

	// A change of only the record is also a generation: boot units read it there.
	g.want(0, nil, "switch", "--yes")
	const module = flakeInGuest + "/hosts/small/default.hcl"
	g.write(module, g.read(module)+"\nhostctl {\n  health_wait = 7\n}\n", 0o644)
	g.want(2, []string{`settings["hostctl"]`, "health_wait: 60 -> 7"}, "plan", "--detailed-exitcode")
	g.want(0, nil, "switch", "--yes")
	g.want(0, []string{"No changes"}, "plan", "--detailed-exitcode")
	g.says("ls -A /.hostctl", "gen\nhostctl\nhostctl-init")
	g.want(0, nil, "rollback", "--yes")
	g.want(2, []string{"health_wait: 60 -> 7"}, "plan", "--detailed-exitcode")
}

// evaluates says whether a plan with nothing to do reads the host's module.
func (g *guest) evaluates() bool {
	g.t.Helper()
	trace := filepath.Join(g.t.TempDir(), "trace")
	plan := g.Command(g.t.Context(), "hostctl", "plan", "--detailed-exitcode", "--flake", flakeInGuest, "--host", g.host)
	if r := runCommand(g.t, exec.Command("strace", append([]string{"-f", "-y", "-e", "trace=openat,?openat2", "-o", trace}, plan.Args...)...)); r.code != 0 {
		g.t.Fatalf("there is something to do\n%s", r)
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.Contains(string(b), "hosts/small/default.hcl")
}

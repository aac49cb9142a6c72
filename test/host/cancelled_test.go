package host

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/test/machine"
)

// signalled is a switch that gets a signal once it has said something, if anything,
// and a shell line succeeds in the machine: its exit code, and what it said.
func (g *guest) signalled(signal, says, once string) (int, string) {
	g.t.Helper()
	s := g.startSwitch()
	if says != "" {
		s.until(g.t, says)
	}
	g.until(once, once)
	g.sh("systemctl kill --signal=" + signal + " a-login.scope")
	code := s.end()
	g.over()
	return code, s.said
}

// nothingLeft fails the test where a run that ended has left what it worked with.
func (g *guest) nothingLeft() {
	g.t.Helper()
	g.says("cd /.hostctl && ls -d journal tx ballast stage 2>/dev/null; ls /run/hostctl", "")
	g.says("dpkg --audit", "")
}

// SIGTERM ends a switch that has changed nothing yet, in any phase. It has no
// effect on one that commits or activates. If the session ends, the run continues,
// and hostctl says so.
func TestSignalInEachPhase(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages: it takes minutes")
	}
	t.Parallel()
	g := small(t)
	config := flakeInGuest + "/hosts/small/default.hcl"
	g.write(config, g.read(config)+"\nhostctl {\n  health_wait = 2\n}\n", 0o644)
	g.want(0, nil, "switch", "--yes")
	before := g.manifest()
	cancelled := func(phase, says, once string) {
		t.Helper()
		if code, said := g.signalled("TERM", says, once); code != 130 || !strings.HasSuffix(said, "cancelled\n") || strings.Count(said, "cancelled") != 1 {
			t.Errorf("SIGTERM while %s: exit code %d\n%s", phase, code, said)
		}
		g.same(phase, before)
		g.nothingLeft()
	}

	// A mirror that takes connections and says nothing.
	g.sh("cp /etc/apt/sources.list /root/sources.list; echo 'deb http://127.0.0.1:8000/debian trixie main' > /etc/apt/sources.list; " +
		"systemd-run --quiet --unit=mirror systemd-socket-activate --listen=127.0.0.1:8000 --inetd --accept sleep infinity")
	next := tiny(t, "2.0")
	g.lock(next)
	deb := apt.Cache{Dir: "/var/cache/hostctl"}.Deb(next)
	g.sh("mv " + deb + " /root")
	before = g.manifest()
	cancelled("fetching", "", "test -n \"$(ss -Htn state established '( dport = :8000 )')\"")
	g.sh("mv /root/" + filepath.Base(deb) + " " + deb + "; cp -p /root/sources.list /etc/apt/sources.list; rm /root/sources.list; systemctl stop mirror")
	before = g.manifest()

	slow := "\nfile \"/etc/slow\" {\n  content = \"slow\\n\"\n  check   = [\"sleep\", \"20\"]\n}\n"
	g.write(config, g.read(config)+slow, 0o644)
	cancelled("staging", "staging", "pgrep -x sleep -a | grep -q 'sleep 20'")
	g.write(config, strings.TrimSuffix(g.read(config), slow), 0o644)

	greeting := "hello"
	for _, c := range []struct {
		signal, once, greeting string
		code                   int
		says                   string
	}{
		{signal: "TERM", once: "true", greeting: "committed", says: "generation 2 is current"},
		{signal: "TERM", once: "grep -q activated /run/tiny-web", greeting: "activated", says: "generation 3 is current"},
		{signal: "HUP", once: "grep -q unseen /run/tiny-web", greeting: "unseen", code: 129, says: "the session ends; the run goes on as hostctl-run.service"},
	} {
		g.edit("hosts/small/default.hcl", greeting, c.greeting)
		greeting = c.greeting
		code, said := g.signalled(c.signal, "committing", c.once)
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("SIG%s once %s, in the commit or after: exit code %d\n%s", c.signal, c.once, code, said)
		}
		g.says("cat /run/tiny-web; cd /.hostctl && ls -d journal tx ballast stage 2>/dev/null || true", "greeting = "+greeting)
		g.want(0, nil, "plan", "--detailed-exitcode")
	}
	g.listed("current", 4)
}

// A disk that is full is named, with how much is wanted, and nothing is changed:
// the one of the cache, and the one of the machine.
func TestFullDisk(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages: it takes minutes")
	}
	t.Parallel()
	w := theWorld(t)
	m, err := machine.NewOnDisk(t.Context(), w.base, machine.NameFor("FullDisk"))
	if err != nil {
		t.Fatal(err)
	}
	g := w.started(t, m, "testdata/small", "small")
	g.lock(tiny(t, "1.0"))
	g.want(0, nil, "switch", "--yes")
	next := tiny(t, "2.0")
	g.lock(next)
	g.edit("hosts/small/default.hcl", "generation one", "generation two")
	before := g.manifest()
	refused := func(what string, says ...string) {
		t.Helper()
		r := g.want(1, append(says, "nothing on this machine was changed"), "switch", "--yes")
		t.Logf("%s:\n%s", what, r.stderr)
		g.same(what, before, machine.Exclusion{Path: "/root/fill", Why: "the test's own"})
		g.nothingLeft()
		g.says("systemctl is-active tiny-web", "active")
	}

	g.sh("mount -t tmpfs -o size=16k,mode=0755 none /var/cache/hostctl && head -c 16k /dev/zero > /var/cache/hostctl/fill || true")
	refused("the cache's disk is full", "cannot fetch 1 package", "/var/cache/hostctl")
	g.sh("umount /var/cache/hostctl")

	fill := func(leave int64) {
		t.Helper()
		var st syscall.Statfs_t
		if err := syscall.Statfs(g.Root, &st); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(g.Root, "root/fill"))
		if err == nil {
			err = syscall.Fallocate(int(f.Fd()), 0, 0, int64(st.Bfree)*st.Bsize-leave)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fill(50 << 20)
	refused("room for no stage", "cannot stage this", "/ ")
	g.want(2, nil, "plan", "--detailed-exitcode")

	g.sh("rm /root/fill")
	g.want(0, nil, "switch", "--yes")
	g.says("cat /etc/motd", "This is generation two.")
}

package host

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// small boots a machine with the flake in testdata/small and version 1 of its
// package.
func small(t *testing.T) *guest {
	t.Helper()
	g := boot(t, "testdata/small", "small")
	g.lock(tiny(t, "1.0"))
	return g
}

// hard are the package of the flake and those that break what can break in a
// stage: a folder that becomes a file, hard links, a capability, a conffile, a
// trigger, and a daemon that makes state.
func hard(t *testing.T, version string) []spec.Locked {
	t.Helper()
	return debs(t, tinyPackage(version), repo.Base(version), repo.Config(version), repo.Daemon(version),
		repo.Linked(version), repo.Shape(version), repo.Trigger(version))
}

func TestSwitchRollbackAndForthAgain(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.edit("hosts/small/default.hcl", `package "tiny" {}`, `packages = ["tiny", "dt-base", "dt-config", "dt-daemon", "dt-linked", "dt-shape", "dt-trigger"]`)
	g.lock(hard(t, "1")...)
	g.want(0, nil, "validate")
	zero := g.manifest()
	g.want(2, []string{"tiny", "/etc/motd", "tiny-web.service", "hosts/small/default.hcl:"}, "plan", "--detailed-exitcode")
	g.same("plan writes nothing", zero)

	g.want(0, nil, "switch", "--yes")
	g.says("systemctl is-active tiny-web", "active")
	g.says("systemctl is-enabled tiny-web", "enabled")
	g.says("cat /run/tiny-web", "greeting = hello")
	g.says("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' tiny", "ii  1")
	g.says("systemctl is-active dt-daemon", "active")
	g.says("stat -c %h /usr/share/dt/linked/one; getcap /usr/bin/dt-capable", "3\n/usr/bin/dt-capable cap_net_raw=ep")
	g.says("dpkg --audit", "")
	g.says("stat -c '%a %U %G' /etc/tiny/tiny.conf", "640 root tiny")
	g.says("cat /etc/motd", "This is generation one.")
	g.says("id -gn ann; getent passwd ann | cut -d: -f6,7", "tiny\n/home/ann:/bin/bash")
	g.want(0, nil, "plan", "--detailed-exitcode")
	one, key := g.manifest(), g.sh("sha256sum /var/lib/tiny/key")

	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.edit("hosts/small/default.hcl", "generation one", "generation two")
	g.lock(hard(t, "2")...)
	g.want(2, []string{"1 -> 2", "generation two", "/etc/tiny/tiny.conf"}, "plan", "--detailed-exitcode")
	g.want(0, nil, "switch", "--yes")
	g.says("cat /run/tiny-web", "greeting = good day")
	g.says("cat /usr/share/tiny/version; stat -c %F /usr/share/dt/shape/a", "2\nregular file")
	g.says("find /var/lib/hostctl/objects -type f -printf x | wc -c | grep -c '^[1-9]'; find /var/lib/hostctl/objects -type f ! -links 1", "1")
	two := g.manifest()

	g.want(0, nil, "rollback", "--yes")
	g.same("rollback to generation 1", one, machine.Accounts()...)
	g.says("cat /run/tiny-web", "greeting = hello")
	g.says("sha256sum /var/lib/tiny/key", key)

	g.want(0, []string{"/var/lib/tiny"}, "rollback", "--yes")
	g.same("rollback to generation 0", zero, append(machine.Accounts(), g.state()...)...)
	g.says("systemctl is-active tiny-web || true", "inactive")
	g.says("sha256sum /var/lib/tiny/key", key)

	g.want(0, nil, "rollback", "--to", "2", "--yes")
	g.same("forth to generation 2", two, machine.Accounts()...)
	g.says("cat /run/tiny-web", "greeting = good day")
	g.says("sha256sum /var/lib/tiny/key", key)
	r := g.want(0, nil, "generations", "diff", "1", "2")
	if !strings.Contains(r.stdout, "generation two") || !strings.Contains(r.stdout, "1 -> 2") {
		t.Errorf("generations diff 1 2 does not show both changes\n%s", r)
	}
	if err := g.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.says("systemctl is-active tiny-web", "active")
	g.want(0, nil, "plan", "--detailed-exitcode")
}

// A package whose postinst fails must leave no trace: the stage is thrown away.
func TestFailingPostinst(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	before := g.manifest()
	bad := tinyPackage("3.0")
	bad.Scripts["postinst"] = "#!/bin/sh\necho 'tiny: no luck today' >&2\nexit 7\n"
	g.lock(debs(t, bad)...)
	g.edit("hosts/small/default.hcl", "hello", "never seen")
	r := g.want(1, []string{"tiny", "nothing on this machine was changed"}, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.same("a failed switch", before)
	g.says("systemctl is-active tiny-web", "active")
	g.says("cat /run/tiny-web", "greeting = hello")
	g.says("dpkg --audit", "")
}

// If a service does not come up, hostctl restores the former generation.
func TestUnhealthyServiceRollsBack(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.leadsTo(1, g.want(0, nil, "switch", "--yes", "--json"))
	before := g.manifest()
	g.edit("hosts/small/default.hcl", "/usr/bin/tiny-web /etc/tiny/tiny.conf", "/usr/bin/false")
	g.edit("hosts/small/default.hcl", "hello", "never seen")
	r := g.want(3, []string{"tiny-web.service", "generation 1"}, "switch", "--yes", "--json")
	g.leadsTo(1, r)
	t.Logf("what a user sees:\n%s", r.stderr)
	g.same("a switch that was rolled back", before, append(machine.Accounts(), g.state()...)...)
	g.says("systemctl is-active tiny-web", "active")
	g.says("cat /run/tiny-web", "greeting = hello")
}

// leadsTo fails the test unless what a command printed as JSON says that it ended
// at a generation.
func (g *guest) leadsTo(n int, r result) {
	g.t.Helper()
	var carried struct {
		Changes []spec.Change
		Result  struct{ Generation int }
	}
	if err := json.Unmarshal([]byte(r.stdout), &carried); err != nil || len(carried.Changes) == 0 || carried.Result.Generation != n {
		g.t.Errorf("it is to have led to generation %d (%v)\n%s", n, err, r)
	}
}

// While one switch runs a second one is refused at once.
func TestSecondSwitchIsRefused(t *testing.T) {
	t.Parallel()
	g := small(t)
	slow := tinyPackage("4.0")
	// Nothing in the stage can reach the test, so the script takes long enough
	// for everything below.
	slow.Scripts["postinst"] = "#!/bin/sh\nsleep 20\n"
	g.lock(debs(t, slow)...)
	first := g.Command(t.Context(), "hostctl", "switch", "--yes", "--flake", flakeInGuest, "--host", g.host)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer first.Wait()
	g.until("the first switch holds the lock", `grep -q "\"pid\":$(systemctl show --property=MainPID --value hostctl-run.service)," /var/lib/hostctl/lock`)
	r := g.want(4, []string{"'hostctl switch", "process", "user root", "since"}, "switch", "--yes")
	if r.took.Seconds() > 5 {
		t.Errorf("the refusal took %s", r.took)
	}
	g.want(4, nil, "rollback", "--yes")
	g.want(4, nil, "recover")
	// Readers are not blocked.
	g.want(2, nil, "plan", "--detailed-exitcode")
	g.want(0, nil, "generations", "list")
	t.Logf("what a user sees:\n%s", r.stderr)
	if err := first.Wait(); err != nil {
		t.Errorf("the first switch: %v", err)
	}
	g.want(0, nil, "plan", "--detailed-exitcode")
}

package host

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// The verbs that are about the next boot, on a machine that starts with
// hostctl, as a kernel's init= does.
func TestBootAndTest(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(1, []string{"hostctl does not run before", shim}, "boot", "--yes")
	g.want(0, nil, "switch", "--yes")
	g.reboot(shim)
	// A file system that is not there before PID 1, and on which nothing changes.
	g.sh("mount -t tmpfs -o mode=0755 none /opt")
	one := g.manifest()

	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.edit("hosts/small/default.hcl", "generation one", "generation two")
	g.lock(tiny(t, "2.0"))
	g.want(0, []string{"generation 2 is staged", "a reboot"}, "boot", "--yes")
	g.same("boot leaves the running machine alone", one)
	g.says("cat /run/tiny-web", "greeting = hello")
	g.listed("waiting", 2)
	g.want(0, []string{"generation 1 is current"}, "recover")
	g.want(0, nil, "dry-activate")
	g.listed("waiting", 2)
	g.reboot(shim)
	g.says("cat /etc/motd /run/tiny-web /usr/share/tiny/version", "This is generation two.\ngreeting = good day\n2.0")
	g.says("dpkg --audit", "")
	g.want(0, nil, "plan", "--detailed-exitcode")
	// Units that started from the new files run on as they are.
	g.says("journalctl --boot --unit=hostctl-recover --output=cat --no-pager | grep -E '^(restart|reload) |is current$'", "generation 2 is current")
	two := g.manifest()

	g.edit("hosts/small/default.hcl", "good day", "good night")
	g.edit("hosts/small/default.hcl", "generation two", "generation three")
	g.want(0, []string{"the next boot goes back"}, "test", "--yes")
	g.says("cat /run/tiny-web", "greeting = good night")
	g.listed("trial", 3)
	g.edit("hosts/small/default.hcl", "generation three", "generation four")
	g.want(1, []string{"on trial"}, "boot", "--yes")
	g.reboot(shim)
	g.same("the boot after a test", two, sinceBoot()...)
	g.says("cat /run/tiny-web", "greeting = good day")
	g.listed("current", 2)

	g.want(0, nil, "test", "--yes")
	g.want(0, []string{"generation 4 stays"}, "switch", "--yes")
	g.reboot(shim)
	g.says("cat /run/tiny-web", "greeting = good night")

	// The machine has changed since the stage.
	g.edit("hosts/small/default.hcl", "generation four", "generation five")
	g.want(0, nil, "boot", "--yes")
	g.sh("echo by hand > /etc/motd")
	g.reboot(shim)
	g.says("cat /etc/motd", "by hand")
	g.until("the boot says so", "journalctl -u hostctl-recover | grep -q '/etc/motd: it changed'")
	g.listed("current", 4)
}

// A test on a machine on which hostctl does not run first is taken back by a
// unit, once systemd runs.
func TestTestWithoutShim(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	one := g.manifest()
	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.want(0, []string{"the next boot goes back"}, "test", "--yes")
	g.reboot("")
	g.says("cat /run/tiny-web", "greeting = hello")
	g.same("the boot after a test", one, sinceBoot()...)
}

// A change that nobody confirms is undone: after its time, or at the next boot,
// even if hostctl was killed meanwhile.
func TestConfirmWithin(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	one := g.manifest()
	g.edit("hosts/small/default.hcl", "hello", "good day")
	g.want(0, []string{"hostctl confirm"}, "switch", "--yes", "--confirm-within", "10s")
	g.says("cat /run/tiny-web", "greeting = good day")
	g.listed("unconfirmed", 2)
	g.edit("hosts/small/default.hcl", "good day", "good night")
	g.want(1, []string{"not confirmed yet"}, "switch", "--yes")
	g.until("it went back by itself", "grep -qx 'greeting = hello' /run/tiny-web && ! test -e /.hostctl/at-boot")
	g.same("a change that nobody confirmed", one, machine.Accounts()...)
	g.listed("failed", 2)

	g.killedAt("/etc/tiny/tiny.conf", "switch", "--yes", "--confirm-within", "5s")
	g.bootThrough(shim)
	g.until("nothing is open", "! test -e /.hostctl/at-boot && ! test -e /.hostctl/journal/done")
	g.same("a change that was killed, and not confirmed before the boot", one, sinceBoot()...)

	g.want(0, nil, "switch", "--yes", "--confirm-within", "10m")
	g.want(0, []string{"stays"}, "confirm")
	g.want(1, []string{"not on trial"}, "confirm")
	g.says("systemctl is-active hostctl-confirm.timer || true", "inactive")
	g.reboot(shim)
	g.says("cat /run/tiny-web", "greeting = good night")
}

// listed fails the test unless the list gives the generation that state.
func (g *guest) listed(state string, number int) {
	g.t.Helper()
	r := g.want(0, nil, "generations", "list")
	for line := range strings.Lines(r.stdout) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == strconv.Itoa(number) && slices.Contains(strings.Split(fields[1], ","), state) {
			return
		}
	}
	g.t.Errorf("generation %d is not listed as %s:\n%s", number, state, r.stdout)
}

func (g *guest) reboot(init string) {
	g.t.Helper()
	g.Init = init
	if err := g.Reboot(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.until("what the boot left is finished", "! pgrep -f 'hostctl [a]fter-boot' && ! test -e /.hostctl/journal/done")
}

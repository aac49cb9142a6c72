package vm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// picture lists the contents of a generation: files, with their times and bytes.
// Accounts are merged by entry, and have their own times.
const picture = `find /usr /etc -xdev ! -type d ! -name 'passwd*' ! -name 'group*' ! -name '*shadow*' ! -name 'sub?id*' ! -name .updated ` +
	`-printf '%p %y %m %U:%G %T@ %s %l\n' | sort; find /etc /usr/share/tiny -xdev -type f ! -name 'passwd*' ! -name 'group*' ! -name '*shadow*' ! -name 'sub?id*' -exec sha256sum {} + | sort -k2`

// A clock that jumps to and fro by hours all the time that hostctl is at work
// costs nothing: the ways between generations are exact, and what somebody
// edits so that size and time stay is seen (engine rule 28).
func TestClockJumps(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	m := prepared(t)
	boot(t, m)
	m.sh(t, "systemctl stop '*.timer'", time.Minute) // a jump would start what they are for
	const change = "hostctl switch --yes --flake /root/flake --host small"
	m.sh(t, change, 15*time.Minute)
	one := m.sh(t, picture, 5*time.Minute)

	m.sh(t, "cd /root/flake/hosts/small && mv packages.next packages.lock && sed -i 's/hello/good day/; s/generation one/generation two/' default.hcl", time.Minute)
	m.sh(t, "(while :; do date -s '+5 hours'; sleep 0.2; date -s '-7 hours'; sleep 0.2; date -s '+2 hours'; echo >> /run/jumps; done) > /dev/null 2>&1 & echo $! > /run/jumper", time.Minute)
	m.sh(t, `(until p=$(systemctl show -P MainPID hostctl-run) && test "$p" -gt 0 && grep -qx hostctl /proc/$p/comm; do sleep 0.1; done; cat /proc/$p/oom_score_adj > /run/oom) > /dev/null 2>&1 &`, time.Minute)
	m.sh(t, change, 15*time.Minute)
	if adj := m.sh(t, "cat /run/oom", time.Minute); adj != "-900" { // nspawn lets nobody lower it
		t.Errorf("when memory runs out the kernel takes the run with the adjustment %s", adj)
	}
	m.sh(t, "grep -q two /etc/motd && hostctl plan --flake /root/flake --host small --detailed-exitcode && hostctl drift", 5*time.Minute)
	two := m.sh(t, picture, 5*time.Minute)
	if one == two {
		t.Fatal("the switch changed nothing, so this test shows nothing")
	}
	for _, way := range []struct{ command, want, what string }{
		{"hostctl rollback --yes", one, "back to generation 1"}, {"hostctl rollback --to 2 --yes", two, "forth to generation 2"},
	} {
		m.sh(t, way.command, 15*time.Minute)
		if d := differ(way.want, m.sh(t, picture, 5*time.Minute)); d != "" {
			t.Errorf("%s:\n%s", way.what, d)
		}
		m.sh(t, "hostctl drift && test -z \"$(dpkg --audit)\"", 5*time.Minute)
	}

	// Even when killed at any moment, it is in one generation or the other.
	const kills = 6
	outcomes := map[string]int{}
	for i := range kills {
		m.sh(t, fmt.Sprintf("hostctl rollback --to 1 --yes > /run/said 2>&1 & "+
			"until p=$(systemctl show -P MainPID hostctl-run) && test \"$p\" -gt 0; do sleep 0.05; done; "+
			"sleep %.2f; kill -9 $p; wait; hostctl recover", 0.2+rand.Float64()*4), 10*time.Minute)
		switch now := m.sh(t, picture, 5*time.Minute); now {
		case one:
			outcomes["new"]++
			m.sh(t, "hostctl rollback --to 2 --yes", 15*time.Minute)
		case two:
			outcomes["old"]++
		default:
			t.Errorf("kill %d, a third state:\n%s\nand\n%s", i+1, differ(one, now), differ(two, now))
		}
	}
	t.Logf("%d kills while the clock jumps (%d old, %d new)", kills, outcomes["old"], outcomes["new"])

	m.sh(t, "touch -r /etc/motd /run/was; sed 's/two/TWO/' /etc/motd > /run/new; cat /run/new > /etc/motd; touch -r /run/was /etc/motd", time.Minute)
	out := m.sh(t, "hostctl drift || test $? = 2", 5*time.Minute)
	if !strings.Contains(out, "/etc/motd content") {
		t.Errorf("a file that was edited with its size and time as before is not in\n%s", out)
	}
	t.Logf("the clock went to and fro %s times, %s", strings.TrimSpace(m.sh(t, "kill $(cat /run/jumper); wc -l < /run/jumps", time.Minute)), m.accel)
	m.off(t)
}

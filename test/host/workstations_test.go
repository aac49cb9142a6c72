package host

import (
	"os"
	"slices"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// The complete workstations of the reference configuration, each from a current
// lock: a switch from a minimal Debian, a rollback, and forward again. A container
// has neither their disks nor their kernel.
func TestWorkstations(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot: each is 1,340 packages")
	}
	for _, host := range []string{"fw16-nix", "ll-nix1", "desktop-nix"} {
		t.Run(host, func(t *testing.T) {
			g := boot(t, reference(t, host), host)
			g.copyIn("../../secrets/TEST-ONLY.agekey", "/home/psiri/.config/sops/age/keys.txt", 0o600)
			zero := g.manifest()
			t.Logf("what a user sees:\n%s", g.want(0, []string{"generation 1 is current"}, "switch", "--yes").stderr)
			g.lockedVersions()
			g.says("dpkg --audit", "")
			g.says("systemctl --failed --no-legend --plain", "")
			g.says("stat -c %U:%a /home/psiri /home/psiri/.config/sops/age/keys.txt", "psiri:700\nroot:600")
			g.want(0, nil, "plan", "--detailed-exitcode")
			one := g.manifest()

			owned := g.owned()
			t.Logf("what a user sees:\n%s", g.want(0, nil, "rollback", "--to", "0", "--yes").stderr)
			g.same("rollback to before the switch", zero, slices.Concat(machine.Accounts(), serverDaemons(), g.stays(zero, owned))...)
			g.want(0, nil, "rollback", "--to", "1", "--yes")
			g.same("forth to generation 1", one, slices.Concat(machine.Accounts(), serverDaemons(), g.stays(one, owned))...)
			g.says("systemctl --failed --no-legend --plain", "")
		})
	}
}

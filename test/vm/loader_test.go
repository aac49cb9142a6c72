package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// made is a machine of a recipe that was never turned on, with hostctl and a
// flake that has another kernel.
func (r recipe) made(t *testing.T) *Machine {
	t.Helper()
	machine.Need(t, "mmdebstrap", "qemu-system-x86_64", "debugfs", "mke2fs", "sfdisk")
	base, err := r.Base(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Dir: t.TempDir(), Offset: efiRootOffset, Menu: true}
	m.Disk, m.Firmware = filepath.Join(m.Dir, "disk.img"), filepath.Join(m.Dir, "variables")
	copyDisk(t, base, m.Disk)
	copyDisk(t, firmwareVariables, m.Firmware)
	m.withKernel(t, append([]string{"linux-image-cloud-amd64"}, r.asks...)...)
	return m
}

// On a machine with firmware and a loader, a kernel that a switch brings is what
// the next boot starts, with hostctl's part in its image, whichever loader and
// generator it has; 'hostctl boot' is open; and the way back leads to the machine
// as it was.
func TestLoaders(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot")
	}
	for _, r := range []recipe{grubEFI(), systemdBootDracut()} {
		t.Run(r.name, func(t *testing.T) {
			m := r.made(t)
			boot(t, m)
			old := m.sh(t, "test -d /sys/firmware/efi && uname -r", time.Minute)
			start := m.entries(t)
			t.Logf("as it was made:\n%s", start)

			t.Log("another kernel")
			t.Logf("what a user sees:\n%s", m.sh(t, menuSwitch, 30*time.Minute))
			fresh := strings.TrimPrefix(m.sh(t, "ls /boot/vmlinuz-* | grep -vF "+old, time.Minute), "/boot/vmlinuz-")
			m.sh(t, "hostctl plan --detailed-exitcode --flake /root/flake --host menu", 2*time.Minute)
			t.Logf("what it boots from:\n%s", m.entries(t))
			m.off(t)
			boot(t, m)
			m.says(t, "test -e /run/hostctl-early && uname -r", fresh)
			m.sh(t, "if systemctl --failed --no-legend | grep .; then exit 1; fi", time.Minute)
			m.sh(t, "hostctl plan --detailed-exitcode --flake /root/flake --host menu", 2*time.Minute)

			t.Log("what the next boot applies")
			m.sh(t, `cd /root/flake/hosts/menu && cat >> default.hcl <<'END'
file "/etc/motd" { content = "from the boot\n" }
END`, time.Minute)
			m.sh(t, strings.Replace(menuSwitch, "switch", "boot", 1), 20*time.Minute)
			m.sh(t, "! grep -q 'from the boot' /etc/motd", time.Minute)
			m.off(t)
			boot(t, m)
			m.says(t, "cat /etc/motd", "from the boot")
			m.sh(t, "for i in $(seq 170); do pgrep -f 'hostctl [a]fter-boot' > /root/runs || exit 0; sleep 1; done; exit 1", 3*time.Minute)

			t.Log("back")
			t.Logf("what a user sees:\n%s", m.sh(t, "hostctl rollback --to 0 --yes", 30*time.Minute))
			m.off(t)
			boot(t, m)
			m.says(t, "uname -r", old)
			if is := m.entries(t); is != start {
				t.Errorf("the way back leaves:\n%s\nwhere there was:\n%s", is, start)
			}
			m.off(t)
		})
	}
}

// entries are the names of what a machine can boot from, and what its menu says.
func (m *Machine) entries(t *testing.T) string {
	t.Helper()
	return m.sh(t, `ls -1 /boot /usr/lib/modules; find /boot/efi -type f | sort; cat /boot/efi/loader/entries/*.conf 2>/dev/null; grep -o 'vmlinuz-[^ ]*' /boot/grub/grub.cfg 2>/dev/null; true`, 2*time.Minute)
}

package vm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// machine is a machine of a recipe that was never turned on, with a parcel: a
// flake that has another kernel and more packages, what they are fetched as, and
// hostctl. Its first boot unpacks it.
func (r recipe) machine(t *testing.T, packages ...string) *Machine {
	t.Helper()
	machine.Need(t, "mmdebstrap", "qemu-system-x86_64", "mke2fs")
	base, err := r.Base(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Dir: t.TempDir(), Menu: true, Passphrase: r.passphrase, accel: accelerator(t.Context(), filepath.Join(base, "vmlinuz"))}
	t.Cleanup(m.Kill)
	var disks []string
	for i := range r.disks {
		disks = append(disks, disk(m.Dir, i))
		copyDisk(t, disk(base, i), disks[i])
	}
	m.Disk, m.Disks = disks[0], append(disks[1:], m.parcel(t, filepath.Join(base, "status"), append(packages, r.asks...)))
	if r.firmware {
		m.Firmware = filepath.Join(m.Dir, "variables")
		copyDisk(t, firmwareVariables, m.Firmware)
	}
	return m
}

// unpack takes what the parcel has.
const unpack = "mount -o ro LABEL=parcel /mnt && cp /mnt/hostctl /usr/local/bin/ && cp -r /mnt/flake /root/ && mkdir -p /var/cache/hostctl && cp -r /mnt/debs /var/cache/hostctl/ && umount /mnt"

// parcel is a disk for a machine whose dpkg has a status.
func (m *Machine) parcel(t *testing.T, status string, packages []string) string {
	t.Helper()
	ctx := t.Context()
	folder := filepath.Join(m.Dir, "parcel")
	hostctl, flake := filepath.Join(folder, "hostctl"), filepath.Join(folder, "flake")
	buildHostctl(t, hostctl)
	if err := os.CopyFS(flake, os.DirFS("testdata/menu")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(flake, "hosts/menu/default.hcl"), fmt.Appendf(nil, "packages = [\"%s\"]\n", strings.Join(packages, `", "`)))
	cache := filepath.Join(machine.CacheDir(), "cache")
	update := exec.CommandContext(ctx, hostctl, "update", "--flake", flake)
	update.Env = append(os.Environ(), "HOSTCTL_CACHE="+cache)
	if out, err := update.CombinedOutput(); err != nil {
		t.Fatalf("hostctl update: %v\n%s", err, out)
	}
	// What the disk has need not be fetched: dpkg's status says.
	root := t.TempDir()
	b, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "var/lib/dpkg/status"), b)
	debs, err := machine.Fetch(ctx, root, cache, flake, "menu")
	if err != nil {
		t.Fatal(err)
	}
	if len(debs) == 0 {
		t.Skip("Debian has one kernel today, so that there is none to go to")
	}
	for _, deb := range debs {
		to := filepath.Join(folder, strings.TrimPrefix(deb, cache))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Link(deb, to)); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(m.Dir, "parcel.ext4")
	if err := run(ctx, os.Stderr, "mke2fs", "-q", "-t", "ext4", "-L", "parcel", "-d", folder, image, "1G"); err != nil {
		t.Fatal(err)
	}
	return image
}

// On a machine with firmware and a loader, a kernel that a switch brings is what
// the next boot starts, with hostctl's part in its image, whichever loader and
// generator it has; 'hostctl boot' is open; and the way back leads to the machine
// as it was.
func TestLoaders(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot")
	}
	for _, r := range []recipe{grubEFI(), systemdBootDracut(), grubLUKS(), grubRAID(), grubBtrfs()} {
		t.Run(r.name, func(t *testing.T) {
			m := r.machine(t, "linux-image-cloud-amd64")
			boot(t, m)
			m.sh(t, unpack, 5*time.Minute)
			old := m.sh(t, "uname -r", time.Minute)
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

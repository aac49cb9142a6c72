package vm

import (
	"os"
	"strings"
	"testing"
	"time"
)

const menuSwitch = "hostctl switch --yes --flake /root/flake --host menu"

// A kernel that a switch installs is in the boot menu, with hostctl's recovery in
// its initramfs, and the next boot starts it; the old one stays in the menu. An
// image that would not find the disk never goes live. The running kernel stays even
// if the configuration drops it. A rollback removes it, and its modules stay
// reachable until the machine has booted the former one, which finds everything as
// it was.
func TestBootMenu(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	m := menuMachine(t)
	old := m.sh(t, "uname -r", time.Minute)
	image := "/boot/initrd.img-" + old

	t.Log("an initramfs without the driver of the disk")
	m.sh(t, `cp /etc/initramfs-tools/modules /root/modules && cp -r /root/flake /root/whole && cd /root/flake/hosts/menu && sed -i 1q packages.lock && cat > default.hcl <<'END'
file "/etc/initramfs-tools/modules" {
  content = "ext4\n"
}
END`, time.Minute)
	m.fails(t, menuSwitch, "the new "+image, "lacks the kernel module virtio_", "the old one stays", "the machine is back at generation 0")
	m.sh(t, "cmp /etc/initramfs-tools/modules /root/modules", time.Minute)
	start := m.state(t)

	t.Log("another kernel")
	m.sh(t, "rm -r /root/flake && mv /root/whole /root/flake && stat -c '%i %Y' "+image+" > /root/image", time.Minute)
	t.Logf("what a user sees:\n%s", m.sh(t, menuSwitch, 20*time.Minute))
	m.sh(t, "stat -c '%i %Y' "+image+" | cmp - /root/image", time.Minute)
	fresh := strings.TrimPrefix(m.sh(t, "ls /boot/vmlinuz-* | grep -vF "+old, time.Minute), "/boot/vmlinuz-")
	m.sh(t, "lsinitramfs /boot/initrd.img-"+fresh+" | grep -x scripts/local-bottom/hostctl", 2*time.Minute)
	if menu := m.sh(t, "grep -o 'vmlinuz-[^ ]*' /boot/grub/grub.cfg", time.Minute); !strings.HasPrefix(menu, "vmlinuz-"+fresh) || !strings.Contains(menu, "vmlinuz-"+old) {
		t.Fatalf("the menu has %s", menu)
	}
	m.off(t)
	boot(t, m)
	m.says(t, "test -e /run/hostctl-early && uname -r", fresh)
	m.sh(t, "if systemctl --failed --no-legend | grep .; then exit 1; fi", time.Minute)

	t.Log("the kernel that runs is to go")
	m.sh(t, "cd /root/flake/hosts/menu && echo 'packages = []' > default.hcl && sed -i 1q packages.lock", time.Minute)
	out := m.sh(t, menuSwitch, 15*time.Minute)
	if want := "1 package stays installed until another kernel runs: linux-image-" + fresh; !strings.Contains(out, want) {
		t.Errorf("switch does not say %q:\n%s", want, out)
	}
	m.sh(t, "test -e /boot/vmlinuz-"+fresh+" && hostctl plan --detailed-exitcode --flake /root/flake --host menu", time.Minute)

	t.Log("a rollback takes it")
	m.sh(t, "! grep -q '^dummy ' /proc/modules && ! grep -q '^wireguard ' /proc/modules", time.Minute)
	out = m.sh(t, `(while test -e /boot/vmlinuz-`+fresh+`; do sleep 0.05; done; cp /boot/grub/grub.cfg /root/menu) & hostctl rollback --to 0 --yes && wait`, 15*time.Minute)
	m.sh(t, "test -s /root/menu && ! grep "+fresh+" /root/menu", time.Minute) // what a power cut would start
	if want := "linux-image-" + fresh + " is the kernel that runs, and goes"; !strings.Contains(out, want) {
		t.Errorf("rollback does not say %q:\n%s", want, out)
	}
	m.sh(t, "modprobe dummy && grep '^dummy ' /proc/modules", time.Minute)
	m.sh(t, "hostctl gc && modprobe wireguard && grep '^wireguard ' /proc/modules", 2*time.Minute)
	m.says(t, "uname -r; ls -d /boot/*"+fresh+"* 2>/dev/null; grep -c "+fresh+" /boot/grub/grub.cfg", fresh+"\n0")
	m.off(t)
	boot(t, m)
	m.says(t, "uname -r", old)
	m.says(t, "for i in $(seq 100); do test -e /.hostctl/modules || break; sleep 1; done; ls -1 /usr/lib/modules", old)
	if d := differ(start, m.state(t)); d != "" {
		t.Errorf("rollback and a reboot leave another machine:\n%s", d)
	}
	m.off(t)
}

// A kernel on trial is the one that the menu starts next. Its initramfs goes back
// before PID 1; what it then runs with has its modules, and the boot after that is
// one of the former kernel.
func TestKernelOnTrial(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	m := menuMachine(t)
	old := m.sh(t, "uname -r", time.Minute)
	t.Logf("what a user sees:\n%s", m.sh(t, strings.Replace(menuSwitch, "switch", "test", 1), 20*time.Minute))
	fresh := strings.TrimPrefix(m.sh(t, "ls /boot/vmlinuz-* | grep -vF "+old, time.Minute), "/boot/vmlinuz-")
	m.off(t)
	boot(t, m)
	m.sh(t, "for i in $(seq 120); do ls /.hostctl/journal 2>/dev/null | grep -qxE 'committed|reverting|done' || exit 0; sleep 1; done; exit 1", 3*time.Minute)
	t.Logf("what the boot says: %s", m.said())
	m.says(t, "uname -r; ls -1 /boot | grep -cF "+fresh+"; grep -c "+fresh+" /boot/grub/grub.cfg; basename $(readlink /var/lib/hostctl/current)", fresh+"\n0\n0\n0")
	m.sh(t, "! grep -q '^dummy ' /proc/modules && modprobe dummy && grep '^dummy ' /proc/modules", time.Minute)
	m.off(t)
	boot(t, m)
	m.says(t, "uname -r; for i in $(seq 100); do test -e /.hostctl/modules || break; sleep 1; done; ls -1 /usr/lib/modules", old+"\n"+old)
	m.off(t)
}

// menuMachine is a machine that boots from a menu, turned on for the first time.
func menuMachine(t *testing.T) *Machine {
	t.Helper()
	m := grubBIOS().machine(t, "linux-image-cloud-amd64")
	boot(t, m)
	m.sh(t, unpack, 5*time.Minute)
	return m
}

// state is the manifest, including the parts of /boot that it leaves out, and
// without what boots change: GRUB's environment, and the times of the menu, whose
// digest counts, and of ld.so.cache, which ldconfig.service rewrites after a change
// of /usr. It also leaves out hostctl's own boot files, and what DKMS built, which
// is data.
func (m *Machine) state(t *testing.T) string {
	t.Helper()
	return m.sh(t, `/root/manifest 2>/dev/null | grep -vE '^\./(boot/grub/grub\.cfg|boot/grub/grubenv|etc/ld\.so\.cache) |\./(etc/initramfs-tools/scripts/local-bottom/hostctl|usr/lib/dracut/modules\.d/90hostctl(/.*)?|etc/systemd/system/(multi-user\.target\.wants/)?hostctl-recover\.service|var/lib/dkms/.*)( |$)'; ls -1 /boot /usr/lib/modules; sha256sum /boot/grub/grub.cfg 2>/dev/null; dpkg --audit`, 5*time.Minute)
}

// fails runs a line that must fail and print each of want.
func (m *Machine) fails(t *testing.T, line string, want ...string) {
	t.Helper()
	out, err := m.Shell(t.Context(), line, 15*time.Minute)
	if err == nil {
		t.Fatalf("%s does not fail:\n%s", line, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%s does not say %q:\n%s", line, w, out)
		}
	}
}

func (m *Machine) says(t *testing.T, line, want string) {
	t.Helper()
	if got, _ := m.Shell(t.Context(), line, 2*time.Minute); strings.TrimSpace(got) != want {
		t.Errorf("%s says %q, want %q", line, got, want)
	}
}

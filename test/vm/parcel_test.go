package vm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// machine is a machine of a recipe that was never turned on, with a parcel: a
// flake that has another kernel and more packages, what they are fetched as, and
// hostctl. Its first boot unpacks it.
func (r recipe) machine(t *testing.T, packages ...string) *Machine {
	t.Helper()
	m, base := r.copied(t)
	m.Disks = append(m.Disks, m.parcel(t, filepath.Join(base, "status"), append(packages, r.asks...)))
	return m
}

// copied is a machine of the recipe, off and as it was made, and the folder that its
// disks were copied from.
func (r recipe) copied(t *testing.T) (m *Machine, base string) {
	t.Helper()
	machine.Need(t, "mmdebstrap", "qemu-system-x86_64", "mke2fs")
	base, err := r.Base(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	m = &Machine{Dir: t.TempDir(), Menu: true, Passphrase: r.passphrase, accel: accelerator(t.Context(), filepath.Join(base, "vmlinuz"))}
	t.Cleanup(m.Kill)
	var disks []string
	for i := range r.disks {
		disks = append(disks, disk(m.Dir, i))
		copyDisk(t, disk(base, i), disks[i])
	}
	m.Disk, m.Disks = disks[0], disks[1:]
	if r.firmware {
		m.Firmware = filepath.Join(m.Dir, "variables")
		copyDisk(t, firmwareVariables, m.Firmware)
	}
	return m, base
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
	cache, debs := fetched(t, hostctl, flake, "menu", status)
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

// fetched locks the packages of a flake's host at what is current, and fetches those
// that a machine lacks whose dpkg has a status.
func fetched(t *testing.T, hostctl, flake, host, status string) (cache string, debs []string) {
	t.Helper()
	cache = filepath.Join(machine.CacheDir(), "cache")
	update := exec.CommandContext(t.Context(), hostctl, "update", "--flake", flake, "--host", host)
	update.Env = append(os.Environ(), "HOSTCTL_CACHE="+cache)
	if out, err := update.CombinedOutput(); err != nil {
		t.Fatalf("hostctl update: %v\n%s", err, out)
	}
	b, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "var/lib/dpkg/status"), b)
	debs, err = machine.Fetch(t.Context(), root, cache, flake, host)
	if err != nil {
		t.Fatal(err)
	}
	return cache, debs
}

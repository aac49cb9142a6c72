package vm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// A /boot/efi with the kernel's vfat takes part in a switch, in a rollback, and in
// the recovery after a power cut, although it cannot be a layer of an overlay and
// has neither links nor stable inode numbers.
func TestVfat(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	machine.Need(t, "mkfs.vfat")
	m := prepared(t)
	vfat := filepath.Join(m.Dir, "efi.vfat")
	m.Disks = []string{vfat}
	if out, err := exec.CommandContext(t.Context(), "mkfs.vfat", "-C", vfat, "65536").CombinedOutput(); err != nil {
		t.Fatalf("cannot make a disk: %v: %s", err, out)
	}
	boot(t, m)
	m.sh(t, "mkdir -p /boot/efi && echo '/dev/vdb /boot/efi vfat umask=0077 0 2' >> /etc/fstab && mount /boot/efi && echo foreign > /boot/efi/foreign", time.Minute)
	holds := func(version string) {
		t.Helper()
		// Each of the 40 files has 100 lines for its number.
		m.sh(t, `test "$(dpkg-query -W -f '${Version}' tiny)" = `+version+` && test "$(cat /boot/efi/tiny/* | sort | uniq -c | tr -s ' ')" = ' 78000 `+version+`' && test "$(ls /boot/efi/tiny | wc -l)" = 40`, 2*time.Minute)
		m.sh(t, `test "$(ls -A /boot/efi)" = "$(printf 'foreign\ntiny')"`, time.Minute)
		m.sh(t, "dpkg --audit | grep . && exit 1; hostctl generations list", 2*time.Minute)
	}
	const change = "hostctl switch --yes --flake /root/flake --host small"
	m.sh(t, change, 15*time.Minute)
	holds("1.0")
	m.sh(t, "cd /root/flake/hosts/small && mv packages.next packages.lock", time.Minute)
	m.sh(t, change, 15*time.Minute)
	holds("2.0")
	began := time.Now()
	m.sh(t, "hostctl rollback --yes", 15*time.Minute)
	took := time.Since(began)
	holds("1.0")

	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	number := map[string]int{"1.0": 1, "2.0": 2}
	version, changed := "1.0", 0
	const cuts = 8
	for i := range cuts {
		// The commit is in the second half, before the units.
		after := took/2 + time.Duration(random.Int64N(int64(took)*45/100))
		off := make(chan struct{})
		time.AfterFunc(after, func() {
			m.Kill()
			close(off)
		})
		_, _ = m.Shell(t.Context(), fmt.Sprintf("hostctl rollback --yes --to %d", 3-number[version]), 15*time.Minute) // how it ends does not matter
		<-off
		boot(t, m)
		m.sh(t, "for i in $(seq 120); do ls /.hostctl/journal 2>/dev/null | grep -qxE 'committed|reverting|done' || exit 0; sleep 1; done; exit 1", 3*time.Minute)
		was := version
		version = m.sh(t, "dpkg-query -W -f '${Version}' tiny", time.Minute)
		holds(version)
		if version != was {
			changed++
		}
		t.Logf("%d: cut after %.1f s of %.1f: from %s, is %s; %s", i+1, after.Seconds(), took.Seconds(), was, version, m.sh(t, "journalctl -b -u hostctl-recover -o cat --no-pager | grep -m1 'was interrupted' || echo nothing was open", time.Minute))
	}
	t.Logf("%d power cuts over a /boot/efi of vfat, 0 third states (%d old, %d new); seed %d", cuts, cuts-changed, changed, seed)
	m.off(t)
}

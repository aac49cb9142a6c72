package vm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The next boot of a machine starts the kernel that a switch installs, with
// hostctl's part in its image and with modules of DKMS, whatever firmware, loader,
// image generator and storage the machine has. 'hostctl boot' works on each, and a
// rollback leads to the machine as it was, also with a kernel on trial and with a
// power cut during a switch.
func TestLoaders(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot")
	}
	for _, r := range []recipe{grubEFI(), systemdBootDracut(), grubLUKS(), grubRAID(), grubBtrfs(), zfsDracut()} {
		t.Run(r.name, func(t *testing.T) {
			j := r.journey(t)
			j.kernel(t)
			j.settings(t)
			j.trial(t)
			j.back(t)
			j.kernelOnTrial(t)
			j.cuts(t)
		})
	}
}

// journey is a machine of a recipe that is changed, and turned off and on.
type journey struct {
	*Machine
	recipe
	old, fresh string // kernels
	// What it boots from, its files, and the units that fail, as it was made.
	start, state0, failed string
}

// journey begins with the machine's first boot.
func (r recipe) journey(t *testing.T) *journey {
	t.Helper()
	j := &journey{Machine: r.machine(t, "linux-image-cloud-amd64", "linux-headers-cloud-amd64", "dkms-test-dkms"), recipe: r}
	boot(t, j.Machine)
	j.sh(t, unpack, 5*time.Minute)
	if r.firmware {
		j.sh(t, "test -d /sys/firmware/efi", time.Minute)
	}
	j.old = j.sh(t, "uname -r", time.Minute)
	j.start, j.state0, j.failed = j.entries(t), j.state(t), j.sh(t, failedUnits, time.Minute)
	t.Logf("as it was made:\n%s", j.start)
	return j
}

// settleTime is for the few drivers of these machines.
const settleTime = 25 * time.Minute

const menuPlan = "hostctl plan --detailed-exitcode --flake /root/flake --host menu"

// kernel switches to another kernel and a module of DKMS, and boots into it.
func (j *journey) kernel(t *testing.T) {
	t.Helper()
	t.Logf("what a user sees:\n%s", j.sh(t, menuSwitch, 40*time.Minute))
	j.fresh = strings.TrimPrefix(j.sh(t, "ls /boot/vmlinuz-* | grep -vF "+j.old, time.Minute), "/boot/vmlinuz-")
	j.sh(t, menuPlan, 3*time.Minute)
	t.Logf("what it boots from:\n%s", j.entries(t))
	j.off(t)
	boot(t, j.Machine)
	j.says(t, "test -e /run/hostctl-early && uname -r", j.fresh)
	j.sh(t, "modprobe dkms_test && grep ^dkms_test /proc/modules", time.Minute)
	j.healthy(t)
	j.sh(t, menuPlan, 3*time.Minute)
}

const failedUnits = "systemctl --failed --no-legend --plain | cut -d' ' -f1"

// healthy sees that no unit fails which did not fail before hostctl came.
func (j *journey) healthy(t *testing.T) {
	t.Helper()
	before := strings.Fields(j.failed)
	for _, unit := range strings.Fields(j.sh(t, failedUnits, time.Minute)) {
		if !slices.Contains(before, unit) {
			t.Errorf("%s fails:\n%s", unit, j.sh(t, "systemctl status --no-pager "+unit+" || true", time.Minute))
		}
	}
}

// settings are those of the kernel's command line and of its image, and a file that
// the next boot applies.
func (j *journey) settings(t *testing.T) {
	t.Helper()
	j.add(t, j.bootSettings())
	t.Logf("what a user sees:\n%s", j.sh(t, menuSwitch, 30*time.Minute))
	j.add(t, `file "/etc/motd" { content = "from the boot\n" }`)
	j.sh(t, strings.Replace(menuSwitch, "switch", "boot", 1), 20*time.Minute)
	j.sh(t, "! grep -q 'from the boot' /etc/motd", time.Minute)
	j.off(t)
	boot(t, j.Machine)
	j.says(t, "cat /etc/motd; uname -r", "from the boot\n"+j.fresh)
	j.sh(t, "grep -w hostctl.seen=1 /proc/cmdline && grep ^dummy /proc/modules", time.Minute)
	j.settled(t, settleTime)
	j.healthy(t)
}

func (j *journey) bootSettings() string {
	if line, ok := j.files["etc/kernel/cmdline"]; ok {
		return fmt.Sprintf(`boot {
  loader {
    systemd_boot { enable = true }
    efi { mount_point = "/boot/efi" }
  }
  root          = "%s"
  kernel_params = ["console=ttyS0", "panic=-1", "hostctl.seen=1"]
  initrd {
    systemd { enable = true }
    kernel_modules = ["dummy"]
  }
}`, strings.TrimPrefix(strings.Fields(line)[0], "root="))
	}
	return fmt.Sprintf(`boot {
  kernel_params = ["hostctl.seen=1"]
  initrd {
    systemd { enable = false }
    kernel_modules = ["dummy", "%s"]
  }
}`, strings.Join(strings.Fields(j.files["etc/initramfs-tools/modules"]), `", "`))
}

// add adds to the machine's configuration.
func (j *journey) add(t *testing.T, text string) {
	t.Helper()
	j.sh(t, "cat >> /root/flake/hosts/menu/default.hcl <<'END'\n"+text+"\nEND", time.Minute)
}

// settled waits for the work after a boot: after a power cut, up to two images, each
// of which takes an emulated processor minutes.
func (m *Machine) settled(t *testing.T, within time.Duration) {
	t.Helper()
	m.sh(t, fmt.Sprintf("end=$(($(date +%%s) + %d)); while systemctl is-system-running | grep -q starting || pgrep -f 'hostctl [a]fter-boot' > /root/runs; do test $(date +%%s) -lt $end || exit 1; sleep 5; done", int(within.Seconds())), within+time.Minute)
}

// trial is a change that the next boot takes back.
func (j *journey) trial(t *testing.T) {
	t.Helper()
	j.sh(t, "sed -i 's/from the boot/on trial/' /root/flake/hosts/menu/default.hcl", time.Minute)
	j.sh(t, strings.Replace(menuSwitch, "switch", "test", 1), 20*time.Minute)
	j.says(t, "cat /etc/motd", "on trial")
	j.off(t)
	boot(t, j.Machine)
	j.says(t, "cat /etc/motd; uname -r", "from the boot\n"+j.fresh)
	j.settled(t, settleTime)
}

// back is a rollback to before the first switch, and a boot.
func (j *journey) back(t *testing.T) {
	t.Helper()
	t.Logf("what a user sees:\n%s", j.sh(t, "hostctl rollback --to 0 --yes", 40*time.Minute))
	j.off(t)
	boot(t, j.Machine)
	j.asItWas(t)
}

func (j *journey) asItWas(t *testing.T) {
	t.Helper()
	j.says(t, "uname -r", j.old)
	j.settled(t, settleTime)
	if is := j.entries(t); is != j.start {
		t.Errorf("the way back leaves:\n%s\nwhere there was:\n%s", is, j.start)
	}
	if d := differ(j.state0, j.state(t)); d != "" {
		t.Errorf("the way back leaves another machine:\n%s", d)
	}
}

// kernelOnTrial is a kernel that the next boot starts, and the boot after it does
// not.
func (j *journey) kernelOnTrial(t *testing.T) {
	t.Helper()
	t.Logf("what a user sees:\n%s", j.sh(t, strings.Replace(menuSwitch, "switch", "test", 1), 40*time.Minute))
	j.off(t)
	boot(t, j.Machine)
	j.settled(t, settleTime)
	t.Logf("what the boot says: %s", j.said())
	j.says(t, "basename $(readlink /var/lib/hostctl/current)", "0")
	j.off(t)
	boot(t, j.Machine)
	j.asItWas(t)
	j.off(t)
}

// cuts are switches whose power goes, somewhere from the commit to the last of
// what the machine boots from. The next boot finds a kernel, and the machine one of
// the two generations.
func (j *journey) cuts(t *testing.T) {
	t.Helper()
	saved := filepath.Join(t.TempDir(), "saved")
	disks := append([]string{j.Disk}, j.Disks[:j.disks-1]...)
	for i, d := range disks {
		copyDisk(t, d, fmt.Sprint(saved, i))
	}
	began, ended, length := j.logged(t)
	requests, err := readLog(j.log())
	if err != nil {
		t.Fatal(err)
	}
	first, last := span(requests, began, ended)
	seed := uint64(time.Now().UnixNano())
	chance := rand.New(rand.NewPCG(seed, 0))
	for i := range cuts {
		for i, d := range disks {
			copyDisk(t, fmt.Sprint(saved, i), d)
		}
		at := (float64(i) + chance.Float64()) / cuts
		if j.disks > 1 { // one log does not say what the other disk had by then
			j.pulled(t, time.Duration(at*float64(length)))
		} else if err := cut(j.Disk, j.log(), requests, first+int(at*float64(last-first)), chance); err != nil {
			t.Fatal(err)
		}
		boot(t, j.Machine)
		j.settled(t, settleTime)
		now := j.sh(t, "basename $(readlink /var/lib/hostctl/current); uname -r", time.Minute)
		t.Logf("cut at %.3f of %d requests, seed %d: generation %s; %s", at, last-first, seed, strings.ReplaceAll(now, "\n", ", kernel "), j.said())
		j.afterCut(t, strings.HasPrefix(now, "0\n"))
	}
}

func (j *journey) afterCut(t *testing.T, old bool) {
	t.Helper()
	j.healthy(t)
	if !old {
		j.sh(t, menuPlan, 3*time.Minute)
	}
	j.off(t)
	boot(t, j.Machine)
	if old {
		j.asItWas(t)
	} else {
		j.says(t, "uname -r", j.fresh)
	}
	j.off(t)
}

func (j *journey) log() string { return filepath.Join(j.Dir, "writes") }

// logged switches with a log of what is written to the first disk. It returns how
// long the log is when the commit begins and when the switch ends, and the time
// between.
func (j *journey) logged(t *testing.T) (began, ended int64, length time.Duration) {
	t.Helper()
	j.Log = j.log()
	boot(t, j.Machine)
	var commits time.Time
	if _, err := j.Shell(t.Context(), menuSwitch, 40*time.Minute, func(line string) {
		if began == 0 && strings.HasPrefix(line, "committing") {
			began, commits = size(t, j.log()), time.Now()
		}
	}); err != nil {
		t.Fatal(err)
	}
	ended, length = size(t, j.log()), time.Since(commits)
	j.off(t)
	j.Log = ""
	return began, ended, length
}

// pulled is a switch that loses its power some time after its commit began.
func (j *journey) pulled(t *testing.T, after time.Duration) {
	t.Helper()
	boot(t, j.Machine)
	off := make(chan struct{})
	_, err := j.Shell(t.Context(), menuSwitch, 40*time.Minute, func(line string) {
		if strings.HasPrefix(line, "committing") {
			time.AfterFunc(after, func() { j.Kill(); close(off) })
		}
	})
	if err == nil {
		t.Log("the switch was over before its power went")
	}
	<-off
}

// entries are the names of what a machine can boot from, and what its menu says.
func (m *Machine) entries(t *testing.T) string {
	t.Helper()
	return m.sh(t, `ls -1 /boot /usr/lib/modules; find /boot/efi -type f | sort; cat /boot/efi/loader/entries/*.conf 2>/dev/null; grep -o 'vmlinuz-[^ ]*' /boot/grub/grub.cfg 2>/dev/null; true`, 2*time.Minute)
}

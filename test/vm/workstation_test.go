package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// A complete laptop of the reference configuration, from a current lock, on a
// machine with firmware, systemd-boot and a GPU: 'hostctl boot', the boot that
// applies it, the boot of its own kernel, its desktop, and a rollback. The test's
// own processor stages it on the machine's disk, because an emulated one takes
// hours. Its pool would need 'hostctl install': the root is ext4 here.
func TestWorkstationsBoot(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_BOOT") != "all" {
		t.Skip("left to make test-boot: it is 1,170 packages, and an hour of a processor")
	}
	w := &workstation{host: "fw16-nix"}
	w.make(t)
	start, state0 := w.entries(t), w.state(t)
	old := w.sh(t, "uname -r", time.Minute)
	w.off(t)

	w.stage(t)
	w.boot(t)
	w.after(t, "1")
	fresh := strings.TrimPrefix(w.sh(t, "ls /boot/vmlinuz-* | grep -vF "+old, time.Minute), "/boot/vmlinuz-")
	t.Logf("it boots from:\n%s", w.entries(t))
	w.off(t)

	w.boot(t)
	w.says(t, "uname -r", fresh)
	w.after(t, "1")
	w.sh(t, "modprobe -a zfs v4l2loopback && grep -E '^(zfs|v4l2loopback) ' /proc/modules", 5*time.Minute)
	w.sh(t, w.plan(), 15*time.Minute)
	w.desktop(t)

	t.Logf("what a user sees:\n%s", w.sh(t, "hostctl rollback --to 0 --yes", time.Hour))
	w.off(t)
	w.boot(t)
	w.after(t, "0")
	w.says(t, "uname -r", old)
	if is := w.entries(t); is != start {
		t.Errorf("the way back leaves:\n%s\nwhere there was:\n%s", is, start)
	}
	if d := differ(state0, w.state(t)); d != "" {
		t.Errorf("the way back leaves another machine:\n%s", d)
	}
	w.off(t)
}

type workstation struct {
	*Machine
	host   string
	status string // dpkg's, of what is on its disk
}

// room is what a workstation's disk holds, sparse.
const room = 32 << 30

// make gives a machine of systemd-boot and dracut more room, and turns it on.
func (w *workstation) make(t *testing.T) {
	t.Helper()
	machine.Need(t, "sfdisk", "losetup", "unshare", "mdir", "mcopy")
	m, base := systemdBootDracut().copied(t)
	m.Screen = true
	w.Machine, w.status = m, filepath.Join(base, "status")
	if err := os.Truncate(w.Disk, room); err != nil {
		t.Fatal(err)
	}
	w.onHost(t, "echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel --partno 2 "+w.Disk)
	// The mask is from the recipe, and so are the headers: without them nothing is built
	// for a kernel that is removed, which would take a quarter of an hour.
	w.onRoot(t, `resize2fs $loop; mount $loop /mnt; rm /mnt/etc/systemd/system/fstrim.timer
chroot /mnt sh -c 'apt-get -y -q purge "linux-headers-6*"'`)
	w.boot(t)
}

// stage runs 'hostctl boot' on the root of the machine, which is off, and copies the
// image of its kernel to where the loader finds it: the test may have no vfat.
func (w *workstation) stage(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	hostctl, flake := filepath.Join(w.Dir, "hostctl"), filepath.Join(w.Dir, "flake")
	buildHostctl(t, hostctl)
	if err := machine.Reference(ctx, "../..", flake); err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(flake, "hosts", w.host, "default.hcl")
	b, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, module, []byte(strings.Replace(string(b), `imports = [`, `imports = ["./vm.hcl", `, 1)))
	writeFile(t, filepath.Join(flake, "hosts", w.host, "vm.hcl"), []byte(`# What is different on the machine of the test.
boot {
  root          = "LABEL=root"
  kernel_params = ["console=ttyS0", "panic=-1", "systemd.show_status=1"]
}
`))
	cache, _ := fetched(t, hostctl, flake, w.host, w.status)
	image := filepath.Join(w.Dir, "initrd")
	began := time.Now()
	said := w.onRoot(t, `mount $loop /mnt
cp `+hostctl+` /mnt/usr/local/bin/
cp -r `+flake+` /mnt/root/flake
mkdir -p /mnt/var/cache/hostctl
cp -r `+cache+`/debs /mnt/var/cache/hostctl/
install -D -m 0600 ../../secrets/TEST-ONLY.agekey /mnt/home/psiri/.config/sops/age/keys.txt
mount --rbind /dev /mnt/dev
mount -t proc proc /mnt/proc
mount -t sysfs sysfs /mnt/sys
mount -t tmpfs tmpfs /mnt/run
mount -t tmpfs tmpfs /mnt/tmp
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
  chroot /mnt hostctl boot --offline --yes --accept lockout --flake /root/flake --host `+w.host+`
cp /mnt/boot/initrd.img-* `+image)
	t.Logf("staged in %s; what a user sees:\n%s", time.Since(began).Round(time.Second), tail(said, 6000))
	esp := fmt.Sprintf("%s@@%d", w.Disk, w.partition(t, 0).Start*512)
	to := w.onHost(t, "mdir -b -/ -i "+esp+" :: | grep /initrd")
	w.onHost(t, "mcopy -o -i "+esp+" "+image+" "+to)
}

// tail is the end of a text, from the beginning of a line.
func tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	_, text, _ = strings.Cut(text[len(text)-n:], "\n")
	return "[…]\n" + text
}

type partition struct {
	Start, Size int64 // in sectors of 512 bytes
}

func (w *workstation) partition(t *testing.T, n int) partition {
	t.Helper()
	var table struct {
		Table struct {
			Partitions []partition `json:"partitions"`
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal([]byte(w.onHost(t, "sfdisk --json "+w.Disk)), &table); err != nil {
		t.Fatal(err)
	}
	return table.Table.Partitions[n]
}

func (w *workstation) onHost(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// onRoot runs a script with the file system of the root as $loop and /mnt free for
// it, in name spaces of its own: what it mounts and starts ends with it.
func (w *workstation) onRoot(t *testing.T, script string) string {
	t.Helper()
	p := w.partition(t, 1)
	loop := w.onHost(t, fmt.Sprintf("losetup --find --show --offset %d --sizelimit %d %s", p.Start*512, p.Size*512, w.Disk))
	defer w.onHost(t, "losetup --detach "+loop)
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
		"sh", "-ec", "e2fsck -fp $loop > /dev/null || test $? = 1\n"+script+"\nsync")
	cmd.Env = append(os.Environ(), "loop="+loop)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("on the root: %v\n%s", err, tail(string(out), 6000))
	}
	return string(out)
}

// boot waits for as long as a boot takes that unpacks a workstation or makes its
// images.
func (w *workstation) boot(t *testing.T) {
	t.Helper()
	if err := w.Boot(within(t, time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// after sees that what the boot began is done, and the machine well.
func (w *workstation) after(t *testing.T, generation string) {
	t.Helper()
	w.settled(t, 2*time.Hour) // two images with the drivers of a laptop
	t.Logf("what the boot says: %s", w.said())
	if now := w.sh(t, "basename $(readlink /var/lib/hostctl/current)", time.Minute); now != generation {
		t.Fatalf("generation %s is current, and not %s:\n%s", now, generation, w.sh(t, "journalctl --boot --unit=hostctl-recover --no-pager", 2*time.Minute))
	}
	w.says(t, "dpkg --audit", "")
	w.says(t, failedUnits, "")
}

func (w *workstation) plan() string {
	return "hostctl plan --offline --detailed-exitcode --flake /root/flake --host " + w.host
}

// desktop logs in where a person does, and looks at what they get.
func (w *workstation) desktop(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	photograph := func() {
		if err := w.Photograph(ctx, filepath.Join(w.Dir, "desktop.png")); err != nil {
			t.Error(err)
		}
	}
	defer photograph()
	for _, line := range []string{"psiri", "hostctl-test"} {
		if err := w.Type(ctx, line); err != nil {
			t.Fatal(err)
		}
		if err := pause(ctx, 20*time.Second); err != nil { // login(1) asks and then listens
			t.Fatal(err)
		}
	}
	w.awaits(t, "Hyprland", 10*time.Minute)
	w.awaits(t, "waybar", 10*time.Minute)
	if err := w.Press(ctx, "meta_l", "q"); err != nil {
		t.Fatal(err)
	}
	w.awaits(t, "kitty", 5*time.Minute)
	const hyprctl = `cd /run/user/$(id -u psiri) && runuser -u psiri -- env XDG_RUNTIME_DIR=$PWD HYPRLAND_INSTANCE_SIGNATURE=$(ls hypr | head -1) hyprctl `
	w.sh(t, "for i in $(seq 60); do "+hyprctl+"layers | grep waybar && "+hyprctl+"clients | grep 'class: kitty' && exit 0; sleep 5; done; exit 1", 10*time.Minute)
	if err := pause(ctx, time.Minute); err != nil { // what is there is drawn
		t.Fatal(err)
	}
	photograph()
	if to := os.Getenv("HOSTCTL_TEST_PHOTOGRAPH"); to != "" {
		copyDisk(t, filepath.Join(w.Dir, "desktop.png"), to)
	}
}

// awaits waits for a program of the user's.
func (w *workstation) awaits(t *testing.T, program string, d time.Duration) {
	t.Helper()
	w.sh(t, fmt.Sprintf("for i in $(seq %d); do pgrep -u psiri -f %s && exit 0; sleep 5; done; ps -u psiri; journalctl -b -n 40 --no-pager; exit 1", int(d.Seconds()/5), program), d+time.Minute)
}

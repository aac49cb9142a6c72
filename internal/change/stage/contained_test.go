package stage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// probe is a postinst that tries what a script of the machine could do, and writes
// a line for each: what it tried, and what came of it.
const probe = `#!/bin/sh
exec >/usr/share/report
for ns in mnt pid ipc uts net; do echo $ns $(readlink /proc/self/ns/$ns); done
echo effective $(sed -n 's/^CapEff:\t//p' /proc/self/status)
kill -0 %d 2>/dev/null && echo killable
for f in /proc/sys/kernel/printk /proc/sys/vm/drop_caches /proc/sysrq-trigger /sys/kernel/uevent_seqnum /sys/power/state; do
  test ! -e $f || ! (: >>$f) 2>/dev/null || echo writable $f
done
for d in $(find /dev -type b); do (exec 3<$d) 2>/dev/null && echo opened $d; done
mknod /tmp/disk b %d %d && (exec 3</tmp/disk) 2>/dev/null && echo opened a disk by its number
for dir in /tmp /run /dev/shm; do
  test ! -e $dir/of-the-root || echo sees $dir/of-the-root
  echo x >$dir/of-the-stage
done
echo mask $(umask)
env | grep LEAK
exit 0
`

// A maintainer script reaches neither the processes, the kernel and the disks of the
// machine nor its temporary files (engine rules 14 and 27).
func TestScriptsAreContained(t *testing.T) {
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	machine.Need(t)
	if base == "" {
		t.Skip("needs HOSTCTL_TEST_ROOT to name a Debian root")
	}
	dir, err := os.MkdirTemp(filepath.Dir(base), "stage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root := filepath.Join(dir, "root")
	command(t, "cp", "-a", "--reflink=auto", base, root)
	temporary := []string{"tmp", "run"}
	for _, name := range temporary {
		if err := os.WriteFile(filepath.Join(root, name, "of-the-root"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOSTCTL_LEAK", "LEAK")
	var disk unix.Stat_t
	if err := unix.Stat(root, &disk); err != nil {
		t.Fatal(err)
	}
	lock := store(t, root, build(t, dir, fmt.Sprintf(probe, os.Getpid(), unix.Major(disk.Dev), unix.Minor(disk.Dev))))
	res, err := stage.Run(t.Context(), stage.Request{
		Root: root, Generation: 1, Want: &spec.Host{Version: 1, Name: "t", Packages: map[string]spec.Package{"t": {}}}, Prev: &spec.Host{}, Lock: lock,
		Plan: &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindPackage, Name: "t"}, Action: spec.Create}}},
	}, testLog{t})
	if err == nil {
		err = res.Gone()
	}
	if err != nil {
		t.Fatal(err)
	}
	transact(t, root, func(b *transaction.Builder) { b.Forward(res.Changeset, true) })
	report, err := os.ReadFile(filepath.Join(root, "usr/share/report"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(report)) {
		what, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "mnt", "pid", "ipc", "uts", "net":
			ours, err := os.Readlink("/proc/self/ns/" + what)
			if err != nil || value == ours || value == "" {
				t.Errorf("the script is in the name space %s of the machine (%s, %v)", what, value, err)
			}
		case "effective":
			var has uint64
			if _, err := fmt.Sscanf(value, "%x", &has); err != nil {
				t.Fatal(err)
			}
			for name, bit := range map[string]int{"CAP_SYS_MODULE": unix.CAP_SYS_MODULE, "CAP_SYS_TIME": unix.CAP_SYS_TIME, "CAP_SYS_BOOT": unix.CAP_SYS_BOOT, "CAP_SYS_RAWIO": unix.CAP_SYS_RAWIO, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN} {
				if has&(1<<bit) != 0 {
					t.Errorf("the script has %s", name)
				}
			}
		case "mask":
			if value != "0022" {
				t.Errorf("its umask is %s", value)
			}
		default:
			t.Errorf("the script: %s", strings.TrimSpace(line))
		}
	}
	if n := strings.Count(string(report), "\n"); n != 7 {
		t.Errorf("the script did not come to its end:\n%s", report)
	}
	for _, name := range append(temporary, "dev/shm") {
		if _, err := os.Lstat(filepath.Join(root, name, "of-the-stage")); !os.IsNotExist(err) {
			t.Errorf("/%s of the machine has a file of the stage (%v)", name, err)
		}
	}
}

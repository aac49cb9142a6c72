package stage

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// TestNamesThatNoRecordHolds: written as JSON they would become others.
func TestNamesThatNoRecordHolds(t *testing.T) {
	set := changeset.New(1)
	set.Entries = []changeset.Entry{{Path: "/usr/share/gr\u00fcn"}}
	if err := unwritable(set); err != nil {
		t.Error(err)
	}
	set.Entries = append(set.Entries, changeset.Entry{Path: "/usr/share/gr\xfcn"})
	if err := unwritable(set); err == nil || !strings.Contains(err.Error(), `gr\xfcn`) {
		t.Errorf("got %v", err)
	}
}

// TestClockJumps: which files changed while a stage was built does not depend
// on any clock. Ctimes of the future and of the past, as a clock that was
// wrong or is set back leaves them, are written into the file system itself.
func TestClockJumps(t *testing.T) {
	machine.Need(t, "mkfs.ext4", "debugfs")
	image, root := filepath.Join(t.TempDir(), "image"), t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(path, text string) {
		t.Helper()
		at := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var disk string // one loop device for all mounts: its number is part of what a file is
	// ctime remounts with the ctime of a file set to a date.
	ctime := func(path, date string) {
		t.Helper()
		run("umount", root)
		run("debugfs", "-w", "-R", "set_inode_field "+path+" ctime "+date, disk)
		run("mount", disk, root)
	}
	run("truncate", "-s", "16M", image)
	run("mkfs.ext4", "-q", image)
	disk = run("losetup", "--find", "--show", image)
	t.Cleanup(func() { run("losetup", "--detach", disk) })
	run("mount", disk, root)
	t.Cleanup(func() { run("umount", root) })
	write("/var/lib/dpkg/info/p.list", "/etc/future\n/srv/shipped\n")
	for _, path := range []string{"/etc/future", "/etc/edited", "/etc/replaced", "/etc/removed", "/srv/shipped", "/srv/managed", "/srv/data"} {
		write(path, "old")
	}
	ctime("/etc/future", "20370101000000")

	plan := &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindPackage, Name: "p"}}}}
	was, err := takeSnapshot(&childJob{Request: Request{Root: root, Plan: plan, Managed: []string{"/srv/managed"}}})
	if err != nil {
		t.Fatal(err)
	}
	write("/etc/edited", "new")
	write("/etc/replaced.new", "new")
	write("/etc/came", "new")
	write("/srv/shipped", "new")
	write("/srv/managed", "new")
	if err := errors.Join(os.Rename(filepath.Join(root, "/etc/replaced.new"), filepath.Join(root, "/etc/replaced")), os.Remove(filepath.Join(root, "/etc/removed"))); err != nil {
		t.Fatal(err)
	}
	ctime("/etc/edited", "20010101000000") // the clock was set back before the edit
	for path, want := range map[string]bool{
		"/etc/future": false, "/etc/edited": true, "/etc/replaced": true, "/etc/removed": true, "/etc/came": true,
		"/srv/shipped": true, "/srv/managed": true, "/srv/data": false, "/etc/never": false,
	} {
		if changed, err := was.changed(path); err != nil || changed != want {
			t.Errorf("%s: changed is %v, %v", path, changed, err)
		}
	}
}

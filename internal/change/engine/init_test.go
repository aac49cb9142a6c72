package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/test/machine"
)

// Before PID 1 a root on which nothing is open is not written to, and one on which
// something is gets read-only again (engine rule 30).
func TestNothingOpenNothingWritten(t *testing.T) {
	machine.Need(t)
	root := t.TempDir()
	if err := unix.Mount("none", root, "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	for _, dir := range []string{"etc", "usr", "proc", ".hostctl"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	readOnly := func() bool {
		var st unix.Statfs_t
		if err := unix.Statfs(root, &st); err != nil {
			t.Fatal(err)
		}
		return st.Flags&unix.ST_RDONLY != 0
	}
	before, err := machine.Take(root)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond) // a write would show in the times
	if code := Init([]string{InitName, root}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	after, err := machine.Take(root)
	if err != nil {
		t.Fatal(err)
	}
	if d := machine.Diff(before, after, nil); len(d) > 0 {
		t.Errorf("with nothing open it writes: %q", d)
	}

	if err := (generation.Store{Root: root}).SetAtBoot(&generation.AtBoot{Back: 1}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if Init([]string{InitName, root}); !readOnly() {
		t.Error("a root that was made writable is left so")
	}
}

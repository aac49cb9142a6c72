package stage

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/test/machine"
)

// A file system whose top anybody can write to holds what they put there under
// hostctl's name: nothing that it leads to is deleted or changed, and what is
// changed elsewhere is not kept from it.
func TestNobodysArea(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a link for the area", `ln -s "$1"/home/bob "$1"/var/tmp/.hostctl`},
		{"a link in an area of theirs", `mkdir "$1"/var/tmp/.hostctl; ln -s "$1"/home "$1"/var/tmp/.hostctl/gen`},
		{"a link where the stage goes", `mkdir -p "$1"/var/tmp/.hostctl/stage; ln -s "$1"/etc/shadow "$1"/var/tmp/.hostctl/stage/upper`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := sharedTemp(t)
			cmd := exec.Command("sh", "-ec", c.script, "sh", root)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			mounts, err := findMounts(root)
			if err != nil {
				t.Fatal(err)
			}
			if err := makeStage(root, mounts); err != nil {
				t.Errorf("it keeps everything from being staged: %v", err)
			}
			points, err := Points(root)
			if err != nil {
				t.Fatal(err)
			}
			g, err := generation.Store{Root: root}.Garbage(nil, points)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(Discard(root, 7), g.Remove()); err != nil {
				t.Fatal(err)
			}
			for _, path := range precious() {
				if st, err := os.Lstat(filepath.Join(root, path)); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", path, st, err)
				}
			}
		})
	}
}

func precious() []string {
	return []string{"home/bob/stage/precious", "home/bob/gen/7/precious", "home/carl/thesis", "etc/shadow"}
}

// sharedTemp is a root whose /var/tmp is a file system that all can write to.
func sharedTemp(t *testing.T) string {
	t.Helper()
	machine.Need(t)
	root, err := os.MkdirTemp("/var/tmp", "hostctl-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	temp := filepath.Join(root, "var/tmp")
	if err := errors.Join(os.Chmod(root, 0o755), os.MkdirAll(temp, 0o755), unix.Mount("none", temp, "tmpfs", 0, "mode=1777")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(temp, unix.MNT_DETACH) })
	for _, path := range precious() {
		at := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

package bootloader

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// An initrd without systemd has dracut's shell as its PID 1, which reads
// hostctl's part: the boot goes on after it, with nothing that is another's
// changed, whether there is something to do or not.
func TestDracutHook(t *testing.T) {
	ownMount(t, "/run")
	root := t.TempDir()
	boot := func(want string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", `root=block:/dev/vda1; . ./dracut/hostctl-early.sh; echo "$root, ${init-none}, $?"`)
		cmd.Env = append(os.Environ(), "NEWROOT="+root)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("it prints %q, %v, wanted %q", out, err, want)
		}
	}
	boot("block:/dev/vda1, none, 0\n")
	if _, err := os.Stat("/run/hostctl-early"); err != nil {
		t.Error(err)
	}
	area := filepath.Join(root, ".hostctl")
	if err := errors.Join(os.Mkdir(area, 0o700), os.WriteFile(filepath.Join(area, "hostctl-init"), []byte("#!/bin/sh\necho brings \"$1\" in order\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	boot("block:/dev/vda1, none, 0\n")
	if err := os.WriteFile(filepath.Join(area, "at-boot"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	boot("brings " + root + " in order\nblock:/dev/vda1, none, 0\n")
}

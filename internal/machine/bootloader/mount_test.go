package bootloader

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// ownMount gives a test, and the programs that it starts, an empty folder at a path.
func ownMount(t *testing.T, at string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skipf("it mounts a %s of its own, which root may", at)
	}
	runtime.LockOSThread() // for good: what is mounted here is of this thread alone
	err := errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", at, "tmpfs", 0, ""))
	if err != nil {
		t.Fatal(err)
	}
}

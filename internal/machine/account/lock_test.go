package account

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// TestLock holds the lock against the kind that the C library takes.
func TestLock(t *testing.T) {
	root := system.Root(t.TempDir())
	if err := os.Mkdir(root.Path("/etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock(root)
	if err != nil {
		t.Fatal(err)
	}
	// Another open and close of the file would end a plain POSIX lock.
	f, err := os.OpenFile(root.Path(lockFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	posix := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &posix); err == nil {
		t.Error("lckpwdf would get the lock too")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = os.OpenFile(root.Path(lockFile), os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &posix); err == nil {
		t.Error("closing the file once more gave the lock away")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &posix); err != nil {
		t.Errorf("unlock did not unlock: %v", err)
	}
}

package apt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// mallory is a user that the tests act as.
const mallory = 65534

// A cache belongs to somebody who swaps a .deb for another one of its size all
// the time, by every means: nothing but what the lock names is ever taken.
func TestTakeWhileSwapped(t *testing.T) {
	const size = 1 << 20
	good, bad := strings.Repeat("good", size/4), strings.Repeat("evil", size/4)
	l := spec.Locked{Name: "t", Version: "1", Arch: "all", SHA256: spec.Sum([]byte(good)), Size: size, Input: "debian", Path: "t.deb"}
	cache := apt.Cache{Dir: t.TempDir(), From: t.TempDir()}
	deb := apt.Cache{Dir: cache.From}.Deb(l)
	place := func(text string) {
		apt.WriteTest(t, deb+".new", text)
		if err := os.Rename(deb+".new", deb); err != nil {
			t.Fatal(err)
		}
	}
	place(good)
	chown(t, cache.From)
	held, err := os.OpenFile(deb, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			text := []string{good, bad}[i%2]
			switch i / 2 % 3 {
			case 0: // into the file that is there
				held.WriteAt([]byte(text), 0) //nolint:errcheck // what is read is the test
			case 1: // another file in its place
				os.WriteFile(deb+".new", []byte(text), 0o644) //nolint:errcheck
				os.Rename(deb+".new", deb)                    //nolint:errcheck
			case 2:
				os.Remove(deb)                               //nolint:errcheck
				os.WriteFile(deb+".to", []byte(text), 0o644) //nolint:errcheck
				os.Symlink(deb+".to", deb)                   //nolint:errcheck
				os.Remove(deb)                               //nolint:errcheck
				os.WriteFile(deb, []byte(text), 0o644)       //nolint:errcheck
			}
		}
	}()
	taken, refused := 0, 0
	for range 500 {
		dir := t.TempDir()
		if err := cache.Take(t.Context(), []spec.Locked{l}, dir); err != nil {
			refused++
			continue
		}
		taken++
		if b, err := os.ReadFile(apt.Taken(dir, l)); err != nil || string(b) != good {
			t.Fatalf("what was taken is not what the lock names: %v", err)
		}
	}
	close(stop)
	<-stopped
	t.Logf("%d taken, %d refused", taken, refused)
	if refused == 0 {
		t.Error("nothing was ever swapped: this shows nothing")
	}

	place(good)
	for what, make := range map[string]func() error{
		"a pipe":               func() error { return syscall.Mkfifo(deb, 0o644) },
		"a link":               func() error { return os.Symlink("/etc/shadow", deb) },
		"a folder":             func() error { return os.Mkdir(deb, 0o755) },
		"a device":             func() error { return unix.Mknod(deb, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))) },
		"another of that size": func() error { return os.WriteFile(deb, []byte(bad), 0o644) },
	} {
		if err := os.Remove(deb); err != nil {
			t.Fatal(err)
		}
		if err := make(); errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
			t.Logf("%s takes root", what)
			place(good)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if err := cache.Take(t.Context(), []spec.Locked{l}, t.TempDir()); err == nil {
			t.Errorf("%s: it was taken", what)
		} else if strings.Contains(err.Error(), spec.Sum([]byte(bad))) {
			t.Errorf("%s: the error tells its sum: %v", what, err)
		}
	}
}

// A file that its former owner holds open is written to after it was taken.
func TestTakenIsNobodyElses(t *testing.T) {
	const text = "the package"
	l := spec.Locked{Name: "t", Version: "1", Arch: "all", SHA256: spec.Sum([]byte(text)), Size: int64(len(text)), Input: "debian", Path: "t.deb"}
	cache, dir := apt.Cache{Dir: t.TempDir()}, t.TempDir()
	apt.WriteTest(t, cache.Deb(l), text)
	open, err := os.OpenFile(cache.Deb(l), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := cache.Take(t.Context(), []spec.Locked{l}, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := open.WriteAt([]byte("evil"), 0); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(apt.Taken(dir, l)); err != nil || string(b) != text {
		t.Errorf("it is %q, %v", b, err)
	}
}

func chown(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return // whoever runs this is the other user
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, mallory, mallory)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

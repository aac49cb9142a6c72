package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// mallory is the user of the machine that attacks.
const mallory = 1000

// Somebody who owns the cache, or who had a file open before root owned it, swaps a
// .deb at each moment that the kernel reports: when root opens it, and when root has
// read it. hostctl installs what the lock names, or nothing.
func TestCacheOfAnotherUser(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/small", "small")
	g.sh(fmt.Sprintf("useradd --create-home --uid %d mallory", mallory))
	good, evil := which(t, "good"), which(t, "evil")
	l := spec.Locked{Name: "which", Version: "1", Arch: "all", SHA256: spec.Sum(good), Size: int64(len(good)), Input: "debian", Path: "pool/which_1_all.deb"}
	if len(good) != len(evil) {
		t.Fatalf("the packages are of %d and %d bytes", len(good), len(evil))
	}
	g.write(flakeInGuest+"/hosts/small/default.hcl", "package \"which\" {}\n", 0o644)
	g.lockText(string(apt.FormatLock([]spec.Locked{l})))
	for where, owner := range map[string]int{"/home/mallory/cache": mallory, "/var/cache/hostctl": 0} {
		cache := filepath.Join(g.Root, where)
		deb := apt.Cache{Dir: cache}.Deb(l)
		plant(t, cache, good, l)
		held, err := os.OpenFile(deb, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		g.sh(fmt.Sprintf("chown -R %d:%d %s", owner, owner, where))
		installed, refused := 0, 0
		for _, moment := range []struct {
			event uint32
			count int
		}{{unix.IN_OPEN, 1}, {unix.IN_ACCESS, 1}, {unix.IN_CLOSE_NOWRITE, 1}, {unix.IN_CLOSE_NOWRITE, 2}, {unix.IN_OPEN, 2}, {unix.IN_CLOSE_NOWRITE, 3}} {
			done := onEvent(t, deb, moment.event, moment.count, func() { held.WriteAt(evil, 0) }) //nolint:errcheck // the bytes are looked at
			r := runCommand(t, g.Command(t.Context(), "env", "HOSTCTL_CACHE="+where, "hostctl", "switch", "--yes", "--flake", flakeInGuest, "--host", "small"))
			done()
			if _, err := held.WriteAt(good, 0); err != nil {
				t.Fatal(err)
			}
			if r.code != 0 {
				refused++
				if !strings.Contains(r.stderr, "somebody altered the file") {
					t.Errorf("%s, %+v: it is refused for something else\n%s", where, moment, r)
				}
				g.says("cat /usr/share/which || true", "")
				continue
			}
			installed++
			if got := g.sh("cat /usr/share/which"); got != "good" {
				t.Fatalf("%s, %+v: %s is installed\n%s", where, moment, got, r)
			}
			g.want(0, nil, "rollback", "--yes")
		}
		t.Logf("%s: %d installed, %d refused", where, installed, refused)
		if installed == 0 {
			t.Errorf("%s: a cache of another user is of no use", where)
		}
	}
	g.says("ls /.hostctl/debs 2>&1 || true", "ls: cannot access '/.hostctl/debs': No such file or directory")
	g.says("find /home/mallory/cache -user root", "")
}

// which is a package that is as long whatever it holds.
func which(t *testing.T, content string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"DEBIAN/control": "Package: which\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n", "usr/share/which": content + "\n",
	} {
		path := filepath.Join(dir, "tree", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(dir, "which_1_all.deb")
	run(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", filepath.Join(dir, "tree"), deb)
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onEvent does something when a file has been opened, read or closed so often,
// inotify(7), until done is called.
func onEvent(t *testing.T, path string, event uint32, count int, do func()) (done func()) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(fd, path, event); err != nil {
		t.Fatal(err)
	}
	events, over := os.NewFile(uintptr(fd), "inotify"), make(chan bool)
	go func() {
		defer close(over)
		for buf := make([]byte, 4096); ; {
			n, err := events.Read(buf)
			if err != nil {
				return
			}
			for range n / unix.SizeofInotifyEvent { // of a file that is watched itself they have no name
				if count--; count == 0 {
					do()
				}
			}
		}
	}()
	return func() {
		events.Close()
		<-over
	}
}

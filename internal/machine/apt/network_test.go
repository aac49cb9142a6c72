package apt_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// silent is the address of a server that takes connections into its queue and
// answers none, as one does behind a firewall that drops everything.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String() + "/debian"
}

// A mirror that is not there is told soon, in one line with its name and why.
func TestNetworkFailsFast(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	locked := a.lock(t, "dt-config")
	for name, c := range map[string]struct{ mirror, want string }{
		"refused": {"http://127.0.0.1:9/debian", "127.0.0.1:9 refuses the connection"},
		"no name": {"http://mirror.invalid/debian", "mirror.invalid "},
		"silent":  {silent(t), "does not answer "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOSTCTL_MIRROR", c.mirror)
			began := time.Now()
			_, err := a.resolve(t, map[string]spec.Package{"dt-config": {}})
			expect(t, err, `cannot update input "debian": `, c.want)
			if first, _, _ := strings.Cut(err.Error(), "\n"); len(first) > 120 || !strings.Contains(first, c.want) {
				t.Errorf("its first line is %q", first)
			}
			if took := time.Since(began); took > 40*time.Second {
				t.Errorf("it took %s", took)
			}
			if name == "silent" {
				return // packages wait a minute for an answer: a mirror may have to look for one
			}
			a.cache = apt.Cache{Dir: t.TempDir()}
			expect(t, a.fetch(t, locked), "cannot fetch dt-config 1: "+c.want)
		})
	}
}

// A full disk is told as such, and no mirror is blamed.
func TestFullDiskIsNoBadMirror(t *testing.T) {
	machine.Need(t) // it mounts a small file system
	a := newArchive(t, repo.Config("1"))
	locked := a.lock(t, "dt-config")
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=4k,mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(small, "full"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	a.cache = apt.Cache{Dir: small}
	err := a.fetch(t, locked)
	expect(t, err, "cannot fetch dt-config 1: no room is left for "+small)
	if strings.Contains(err.Error(), "mirror") {
		t.Errorf("a mirror is blamed: %v", err)
	}
}

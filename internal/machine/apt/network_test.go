package apt_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/network"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// deaf is the address of a server that takes no connection, as one does behind a
// firewall that drops everything: its queue has one place, which is taken.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	})
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0))
	bound, nameErr := unix.Getsockname(fd)
	if err = errors.Join(err, nameErr); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	taken, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	return "http://" + addr + "/debian"
}

// A mirror that is not there is told soon, in one line with its name and why.
func TestNetworkFailsFast(t *testing.T) {
	a := newArchive(t, repo.Config("1"))
	locked := a.lock(t, "dt-config")
	for name, c := range map[string]struct{ mirror, want string }{
		"refused": {"http://127.0.0.1:9/debian", "127.0.0.1:9 refuses the connection"},
		"no name": {"http://mirror.invalid/debian", "mirror.invalid "},
		"deaf":    {deaf(t), "does not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "deaf" {
				t.Skip("it waits as long as a mirror is waited for")
			}
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
			if name == "deaf" {
				return // a fetch has the same patience, for each of its tries
			}
			a.cache = apt.Cache{Dir: t.TempDir()}
			expect(t, a.fetch(t, locked), "cannot fetch dt-config 1: "+c.want)
		})
	}
}

// A mirror that has to look for what it is asked is waited for, though its answer
// comes later than a connection may.
func TestSlowMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits as long as a mirror is waited for")
	}
	a := newArchive(t, repo.Config("1"))
	files := http.FileServer(http.Dir(a.Dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead || strings.HasSuffix(r.URL.Path, "/InRelease") {
			time.Sleep(network.ConnectTime + time.Second)
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	t.Setenv("HOSTCTL_MIRROR", server.URL)
	if locked, err := a.resolve(t, map[string]spec.Package{"dt-config": {}}); err != nil || names(locked) != "dt-config=1" {
		t.Errorf("Resolve = %q, %v", names(locked), err)
	}
}

// A mirror that falls silent in the middle of a file is not waited for for ever,
// and one that breaks off is named.
func TestAnswerThatStops(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		err := errors.Join(func() error { _, err := w.Write([]byte("begin")); return err }(), http.NewResponseController(w).Flush())
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/breaks" {
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	for path, want := range map[string]string{"/breaks": "breaks the connection off", "/stalls": "does not answer in time"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := apt.Ask(http.DefaultClient, req, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		if err == nil || string(data) != "begin" || !strings.HasPrefix(network.Cause(err), req.URL.Host+" "+want) {
			t.Errorf("%s: %q, %v; want %q", path, data, err, want)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A full disk is told as such, and no mirror is blamed: for packages, for lists,
// for apt's own folder in these, and for its temporary files.
func TestFullDiskIsNoBadMirror(t *testing.T) {
	machine.Need(t) // it mounts small file systems
	a := newArchive(t, repo.Config("1"))
	locked := a.lock(t, "dt-config")
	roomy := a.cache
	full := func(size int) string {
		small := t.TempDir()
		if err := unix.Mount("tmpfs", small, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", size)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(small, 0); err != nil {
				t.Error(err)
			}
		})
		if err := os.WriteFile(filepath.Join(small, "full"), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		return small
	}
	told := func(err error, what string) {
		t.Helper()
		expect(t, err, what)
		if first, _, _ := strings.Cut(fmt.Sprint(err), "\n"); strings.Contains(first, "mirror") || strings.Contains(first, "signature") {
			t.Errorf("a mirror is blamed: %v", err)
		}
	}
	a.cache = apt.Cache{Dir: full(4096)}
	told(a.fetch(t, locked), "cannot fetch dt-config 1: no room is left for "+a.cache.Dir)
	_, err := a.resolve(t, map[string]spec.Package{"dt-config": {}})
	told(err, "no space left on device")

	// The folder is made, and what apt brings does not fit.
	made := full(64 << 10)
	if err := os.Remove(filepath.Join(made, "full")); err != nil {
		t.Fatal(err)
	}
	a.cache = apt.Cache{Dir: made}
	if _, err := a.resolve(t, map[string]spec.Package{"dt-config": {}}); err != nil {
		told(err, "no room is left for its package lists in "+made)
	}

	a.cache = apt.Cache{Dir: t.TempDir(), From: roomy.Dir}
	t.Setenv("TMPDIR", full(8192))
	_, err = a.resolve(t, map[string]spec.Package{"dt-config": {}})
	told(err, "no room is left for apt's temporary files in "+os.TempDir())
}

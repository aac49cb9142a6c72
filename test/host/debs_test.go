package host

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// tinyWeb is the program of the package tiny: a service that runs until it is
// stopped and says on start what its configuration holds.
const tinyWeb = "#!/bin/sh\ncat \"$1\" > /run/tiny-web\nexec sleep infinity\n"

// deb builds a real package and puts it into the cache.
// files maps paths below the root to contents; what is below DEBIAN is
// dpkg's.
func deb(t *testing.T, name, version string, files map[string]string) spec.Locked {
	t.Helper()
	w := theWorld(t)
	dir := t.TempDir()
	all := map[string]string{"DEBIAN/control": "Package: " + name + "\nVersion: " + version +
		"\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: made by a test\n"}
	for p, text := range files {
		all[p] = text
	}
	for p, text := range all {
		at := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if filepath.Base(filepath.Dir(at)) == "bin" || filepath.Dir(p) == "DEBIAN" && p != "DEBIAN/control" && p != "DEBIAN/conffiles" {
			mode = 0o755
		}
		if err := os.WriteFile(at, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	built := filepath.Join(t.TempDir(), "built.deb")
	build := exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "--build", dir, built)
	build.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000") // the same package again is the same file
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	b, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	locked := spec.Locked{Name: name, Version: version, Arch: "all", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b)),
		Input: "debian", Path: "pool/main/t/tiny/" + name + "_" + version + "_all.deb"}
	plant(t, w.cache, b, locked)
	return locked
}

// plant puts bytes where a cache keeps a package, whether they are its or not.
// The file is replaced, not written to: machines have hard links to it.
func plant(t *testing.T, cache string, b []byte, as spec.Locked) {
	t.Helper()
	at := apt.Cache{Dir: cache}.Deb(as)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := system.WriteFile(at, b, 0o644, 0, 0); err != nil {
		t.Fatal(err)
	}
}

// lock writes the package lock of the guest's flake, and gives the guest what
// the cache has by now.
func (g *guest) lock(locked ...spec.Locked) {
	g.t.Helper()
	if err := g.ShareDebs(g.t.Context(), g.w.cache); err != nil {
		g.t.Fatal(err)
	}
	g.write(filepath.Join(flakeInGuest, "hosts", g.host, "packages.lock"), string(apt.FormatLock(locked)), 0o644)
}

// tiny is the package that the flake in testdata/small asks for.
func tiny(t *testing.T, version string) spec.Locked {
	t.Helper()
	return deb(t, "tiny", version, map[string]string{
		"usr/bin/tiny-web":          tinyWeb,
		"usr/share/tiny/version":    version + "\n",
		"usr/share/doc/tiny/a":      "linked\n",
		"etc/default/tiny":          "# made by tiny " + version + "\n",
		"DEBIAN/conffiles":          "/etc/default/tiny\n",
		"DEBIAN/postinst":           "#!/bin/sh\nset -e\nmkdir -p /var/lib/tiny\n[ -e /var/lib/tiny/key ] || head -c 16 /dev/urandom > /var/lib/tiny/key\n",
		"usr/share/tiny/" + version: "only in " + version + "\n",
	})
}

// locked boots a machine with a copy of the flake in dir whose packages have
// been locked and fetched on this machine, against its own Debian mirror.
func locked(t *testing.T, dir, host string) *guest {
	t.Helper()
	w := theWorld(t)
	flake := t.TempDir()
	if err := os.CopyFS(flake, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w.update(t, flake)
	w.fetch(t, flake, host)
	return boot(t, flake, host)
}

// update runs hostctl update on this machine.
func (w world) update(t *testing.T, flake string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.hostctl, "update", "--flake", flake)
	cmd.Env = append(os.Environ(), "HOSTCTL_CACHE="+w.cache)
	if r := runCommand(t, cmd); r.code != 0 {
		t.Fatalf("hostctl update: %s", r)
	}
}

// fetch brings the packages of a host that the base root lacks into the cache.
func (w world) fetch(t *testing.T, flake, host string) {
	t.Helper()
	if err := machine.Fetch(t.Context(), w.base, w.cache, flake, host); err != nil {
		t.Fatal(err)
	}
}

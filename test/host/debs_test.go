package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// tinyWeb is the program of the package tiny: a service that runs until it is
// stopped and says on start what its configuration holds.
const tinyWeb = "#!/bin/sh\ncat \"$1\" > /run/tiny-web\nexec sleep infinity\n"

// debs builds real packages and puts them into the cache.
func debs(t *testing.T, packages ...repo.Package) []spec.Locked {
	t.Helper()
	w := theWorld(t)
	r := repo.New(t)
	r.Add(packages...)
	var out []spec.Locked
	for _, p := range packages {
		path := filepath.Join("pool/main", p.Name[:1], p.Name, p.Name+"_"+p.Version+"_"+r.Arch()+".deb")
		b, err := os.ReadFile(filepath.Join(r.Dir, path))
		if err != nil {
			t.Fatal(err)
		}
		l := spec.Locked{Name: p.Name, Version: p.Version, Arch: r.Arch(), SHA256: spec.Sum(b), Size: int64(len(b)), Input: "debian", Path: path}
		plant(t, w.cache, b, l)
		out = append(out, l)
	}
	return out
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

// lock writes the package lock of the guest's flake, and shares the present content
// of the cache with the guest.
func (g *guest) lock(locked ...spec.Locked) {
	g.t.Helper()
	if err := g.ShareDebs(g.t.Context(), g.w.cache); err != nil {
		g.t.Fatal(err)
	}
	g.write(filepath.Join(flakeInGuest, "hosts", g.host, "packages.lock"), string(apt.FormatLock(locked)), 0o644)
}

// tiny is the package that the flake in testdata/small asks for, built.
func tiny(t *testing.T, version string) spec.Locked {
	t.Helper()
	return debs(t, tinyPackage(version))[0]
}

// tinyPackage has a service's program, a conffile, and state of its own.
func tinyPackage(version string) repo.Package {
	return repo.Package{
		Name: "tiny", Version: version,
		Files: map[string]string{
			"/usr/bin/tiny-web":          tinyWeb,
			"/usr/share/tiny/version":    version + "\n",
			"/etc/default/tiny":          "# made by tiny " + version + "\n",
			"/usr/share/tiny/" + version: "only in " + version + "\n",
		},
		Conffiles: []string{"/etc/default/tiny"},
		Scripts: map[string]string{
			"postinst": "#!/bin/sh\nset -e\nmkdir -p /var/lib/tiny\n[ -e /var/lib/tiny/key ] || head -c 16 /dev/urandom > /var/lib/tiny/key\n",
		},
	}
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
func (w world) update(t *testing.T, flake string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.hostctl, append([]string{"update", "--flake", flake}, args...)...)
	cmd.Env = append(os.Environ(), "HOSTCTL_CACHE="+w.cache)
	if r := runCommand(t, cmd); r.code != 0 {
		t.Fatalf("hostctl update: %s", r)
	}
}

// fetch downloads the packages of a host that the base root lacks into the cache.
func (w world) fetch(t *testing.T, flake, host string) {
	t.Helper()
	if _, err := machine.Fetch(t.Context(), w.base, w.cache, flake, host); err != nil {
		t.Fatal(err)
	}
}

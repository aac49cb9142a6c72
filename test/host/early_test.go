package host

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// shim is hostctl as the init of a machine.
const shim = "/" + node.AreaName + "/" + engine.InitName

const (
	libc    = "/usr/lib/x86_64-linux-gnu/libc.so.6"
	newLibc = "/usr/lib/x86_64-linux-gnu/libzz-libc.so" // after libc in the order of steps
)

// A commit that is killed between two steps of libc leaves a root in which
// nothing starts, systemd least of all. hostctl, started in its place, makes
// it whole: forward after a switch, and backward after a rollback.
func TestTornLibcBootsThroughShim(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	old := g.manifest()
	g.lock(tiny(t, "1.0"), movedLibc(t, g.w))
	g.edit("hosts/small/default.hcl", "generation one", "generation two")

	g.killedAt(newLibc, "switch", "--yes")
	g.tornBoot()
	g.bootThrough(shim)
	g.says("readlink "+libc, filepath.Base(newLibc))
	g.until("the new generation is activated", "! test -e /.hostctl/journal/done && ! pgrep -f 'hostctl [a]fter-boot'")
	g.says("cat /etc/motd; dpkg --audit", "This is generation two.")
	g.want(0, nil, "plan", "--detailed-exitcode")
	g.says("systemctl is-system-running", "running")

	// What an initramfs runs is the same program with the root as its argument;
	// so does who mounts the disk in another machine.
	g.killedAt(libc, "rollback", "--yes")
	g.tornBoot()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(g.Root, shim), g.Root).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("the files are those of generation 1")) {
		t.Fatalf("%v: %s", err, out)
	}
	g.bootThrough("")
	g.until("the old generation is activated", "! test -e /.hostctl/journal/done && ! pgrep -f 'hostctl [a]fter-boot'")
	g.same("a rollback that the boot finished", old, sinceBoot()...)
	g.want(0, []string{"generation 1 is current"}, "recover")

	// On a machine that hostctl starts there is a better time for such a change.
	g.reboot(shim)
	if r := g.hostctl("switch", "--yes"); r.code != 0 || !strings.Contains(r.stderr, "libc6 cannot change under a running system") || !strings.Contains(r.stderr, "a reboot applies it") {
		t.Fatalf("the switch is not left to the next boot: %s", r)
	}
	g.same("a switch that waits for the next boot", old, sinceBoot()...)
	g.reboot(shim)
	g.says("readlink "+libc+"; cat /etc/motd", filepath.Base(newLibc)+"\nThis is generation two.")
}

// sinceBoot is what may differ from before a boot, in addition to what may always
// differ.
func sinceBoot() []machine.Exclusion {
	return append(machine.Accounts(),
		machine.Exclusion{Path: "/etc/ld.so.cache", Why: "a boot that finds /usr changed runs ldconfig.service", Time: true},
		machine.Exclusion{Path: "/var/cache/ldconfig", Why: "ldconfig's own cache, with the times of what it has seen"})
}

// killedAt runs hostctl and kills it when it is about to exchange path.
func (g *guest) killedAt(path string, args ...string) {
	g.t.Helper()
	// Trace what PID 1 starts, too: a service does the work. The call has only the
	// name, relative to an open folder.
	trace := exec.CommandContext(g.t.Context(), "strace", "-f", "-p", strconv.Itoa(g.Leader()), "-o", "/dev/null", "-P", filepath.Base(path),
		"-e", "trace=renameat2", "-e", "inject=renameat2:signal=KILL")
	stderr, err := trace.StderrPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := trace.Start(); err != nil {
		g.t.Fatal(err)
	}
	attached, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.Contains(attached, "attached") {
		g.t.Fatalf("strace says %q, %v", attached, err)
	}
	r := runCommand(g.t, g.Command(g.t.Context(), "hostctl", append(args, "--flake", flakeInGuest, "--host", g.host)...))
	if err := trace.Process.Signal(os.Interrupt); err != nil {
		g.t.Fatal(err)
	}
	_ = trace.Wait() // its message about the signal
	if _, err := os.Lstat(filepath.Join(g.Root, node.AreaName, "journal", "committed")); err != nil || r.code == 0 {
		g.t.Fatalf("hostctl was not killed in the middle of its commit: %v\n%s", err, r)
	}
	if err := g.Kill(); err != nil {
		g.t.Fatal(err)
	}
}

// tornBoot shows that the root does not boot by itself.
func (g *guest) tornBoot() {
	g.t.Helper()
	g.Init = ""
	if err := g.Boot(g.t.Context()); err == nil {
		g.t.Fatal("the torn root boots without hostctl, so this test shows nothing")
	}
	if err := g.Kill(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) bootThrough(init string) {
	g.t.Helper()
	g.Init = init
	if err := g.Boot(g.t.Context()); err != nil {
		log, _ := os.ReadFile(g.LogFile())
		g.t.Fatalf("%v\n%s", err, log[max(0, len(log)-3000):])
	}
}

// movedLibc is the base root's libc6, packed again with its library in
// another file of the package, and a link where it was.
func movedLibc(t *testing.T, w world) spec.Locked {
	t.Helper()
	dir, version := repack(t, w.base, "libc6", "+moved")
	at := filepath.Join(dir, filepath.Dir(libc))
	if err := os.Rename(filepath.Join(dir, libc), filepath.Join(dir, newLibc)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Base(newLibc), filepath.Join(at, filepath.Base(libc))); err != nil {
		t.Fatal(err)
	}
	return pack(t, w, dir, "libc6", version)
}

// repack unpacks an installed package of a root as dpkg-deb does the .deb, with
// a longer version.
func repack(t *testing.T, root, name, suffix string) (dir, version string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), name)
	admin := filepath.Join(root, "var/lib/dpkg")
	script := `set -e
mkdir -p "$1/DEBIAN"
tail -n +2 "$2/info/$3:amd64.list" | sed 's,^/,,' | tar -C "$4" -c --no-recursion -T - | tar -C "$1" -x
for f in preinst postinst prerm postrm triggers shlibs symbols; do
  [ ! -e "$2/info/$3:amd64.$f" ] || cp -p "$2/info/$3:amd64.$f" "$1/DEBIAN/$f"
done
dpkg-query --admindir="$2" -s "$3" | sed '/^Status:/d; /^Conffiles:/,/^[^ ]/{/^Conffiles:/d; /^ /d}' | sed "s/^\(Version: .*\)/\1$5/" > "$1/DEBIAN/control"
sed -n 's/^Version: //p' "$1/DEBIAN/control"`
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", dir, admin, name, root, suffix).Output()
	if err != nil {
		t.Fatalf("cannot repack %s: %v", name, err)
	}
	return dir, string(bytes.TrimSpace(out))
}

// pack builds a folder of repack into a .deb in the cache.
func pack(t *testing.T, w world, dir, name, version string) spec.Locked {
	t.Helper()
	deb := dir + ".deb"
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "-Znone", "--build", dir, deb).CombinedOutput(); err != nil {
		t.Fatalf("cannot pack %s: %v: %s", name, err, out)
	}
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("pool/main/%c/%s/%s_%s_amd64.deb", name[0], name, name, strings.ReplaceAll(version, ":", "%3a"))
	l := spec.Locked{Name: name, Version: version, Arch: "amd64", SHA256: spec.Sum(b), Size: int64(len(b)), Input: "debian", Path: path}
	plant(t, w.cache, b, l)
	return l
}

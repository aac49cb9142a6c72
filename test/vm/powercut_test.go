package vm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// cuts is how many power cuts TestPowerCut makes, HOSTCTL_TEST_CUTS another
// number. Each is a boot.
const cuts = 4

// A switch whose power is cut leaves, after the next boot, the old generation or
// the new one, before any program of the root has run.
//
// What a power cut does is not what SIGKILL does to qemu, which keeps every
// write that the guest has sent. Here qemu logs what reaches the disk, and
// flushes. The disk after a cut is what had been flushed by then, and of the
// writes since, some: a disk may keep any of them, and in any order.
func TestPowerCut(t *testing.T) {
	m := prepared(t)
	ctx := t.Context()
	log := filepath.Join(m.Dir, "writes")
	start := filepath.Join(m.Dir, "start.ext4")
	copyDisk(t, m.Disk, start)
	m.Log = log
	boot(t, m)
	const change = "hostctl switch --yes --flake /root/flake --host small"
	m.sh(t, change, 15*time.Minute)
	m.sh(t, "lsinitramfs /boot/initrd.img-* | grep -qx scripts/local-bottom/hostctl", 2*time.Minute)
	m.sh(t, "cd /root/flake/hosts/small && mv packages.next packages.lock && sed -i 's/hello/good day/; s/generation one/generation two/' default.hcl; sync", time.Minute)
	from, to := int64(0), int64(0)
	out, err := m.Shell(ctx, change, 15*time.Minute, func(line string) {
		switch {
		case strings.HasPrefix(line, "committing"):
			from = size(t, log)
		case from != 0 && to == 0:
			to = size(t, log)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if from == 0 || to == 0 {
		t.Fatalf("the switch did not say when it commits:\n%s", out)
	}
	m.off(t)
	m.Log = ""
	after, err := m.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := readLog(log)
	if err != nil {
		t.Fatal(err)
	}
	first, last := span(requests, from, to)
	t.Logf("%d requests to the disk, of which %d to %d while the switch committed; accelerator %s", len(requests), first, last, m.accel)
	again := func(n int, chance *rand.Rand) string {
		t.Helper()
		copyDisk(t, start, m.Disk)
		if err := cut(m.Disk, log, requests, n, chance); err != nil {
			t.Fatal(err)
		}
		manifest, err := m.Check(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return manifest
	}
	before := again(first, nil)
	for before == after && first > 0 { // on a busy machine the line is read when the commit is over
		first = max(0, first-max(50, last-first))
		before = again(first, nil)
	}
	if before == after {
		t.Fatal("the switch changed nothing, so this test shows nothing")
	}

	n := machine.Number(t, "HOSTCTL_TEST_CUTS", cuts)
	seed := uint64(time.Now().UnixNano())
	chance := rand.New(rand.NewPCG(seed, 0))
	outcomes := map[string]int{}
	for i := range n {
		at := first + (i*(last-first)+chance.IntN(last-first+1))/n // one in each part of the commit
		began := time.Now()
		now := again(at, chance)
		outcome := "third"
		switch now {
		case before:
			outcome = "old"
		case after:
			outcome = "new"
		default:
			t.Errorf("a third state after a cut at request %d, seed %d:\nagainst the old generation\n%s\nagainst the new one\n%s", at, seed, differ(before, now), differ(after, now))
		}
		outcomes[outcome]++
		t.Logf("%2d: cut at request %d: %s generation, in %s; %s", i+1, at, outcome, time.Since(began).Round(time.Second), m.said())
	}
	t.Logf("%d power cuts, %d third states (%d old, %d new); seed %d", n, outcomes["third"], outcomes["old"], outcomes["new"], seed)

	// The last of them goes on to be a machine.
	boot(t, m)
	m.sh(t, "test -e /run/hostctl-early", time.Minute)
	m.sh(t, "for i in $(seq 120); do ls /.hostctl/journal 2>/dev/null | grep -qxE 'committed|reverting|done' || exit 0; sleep 1; done; exit 1", 3*time.Minute)
	m.sh(t, "if systemctl --failed --no-legend | grep .; then exit 1; fi; hostctl generations list", time.Minute)
	m.off(t)
}

// prepared is a machine that was never turned on, with hostctl, a flake, and the
// package lock of its next generation.
func prepared(t *testing.T) *Machine {
	t.Helper()
	machine.Need(t, "mmdebstrap", "qemu-system-x86_64", "debugfs", "mke2fs", "dpkg-deb")
	ctx := t.Context()
	base, err := Base(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Dir: t.TempDir()}
	m.Disk = filepath.Join(m.Dir, "disk.ext4")
	copyDisk(t, base, m.Disk)
	t.Cleanup(m.Kill)
	m.install(t)
	flake := filepath.Join(t.TempDir(), "flake")
	if err := os.CopyFS(flake, os.DirFS("../host/testdata/small")); err != nil {
		t.Fatal(err)
	}
	cache := apt.Cache{Dir: t.TempDir()}
	one, two := tiny(t, cache, "1.0"), tiny(t, cache, "2.0")
	writeFile(t, filepath.Join(flake, "hosts/small/packages.lock"), apt.FormatLock([]spec.Locked{one}))
	writeFile(t, filepath.Join(flake, "hosts/small/packages.next"), apt.FormatLock([]spec.Locked{two}))
	for from, to := range map[string]string{flake: "/root/flake", filepath.Join(cache.Dir, "debs"): "/var/cache/hostctl/debs"} {
		if err := putTree(ctx, m.Disk, from, to); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// install puts hostctl into a machine that is off.
func (m *Machine) install(t *testing.T) {
	t.Helper()
	hostctl := filepath.Join(m.Dir, "hostctl")
	buildHostctl(t, hostctl)
	if err := debugfs(t.Context(), m.Disk, "write "+hostctl+" /usr/local/bin/hostctl", "sif /usr/local/bin/hostctl mode 0100755"); err != nil {
		t.Fatal(err)
	}
}

func buildHostctl(t *testing.T, to string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "github.com/hostctl/hostctl/cmd/hostctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build hostctl: %v\n%s", err, out)
	}
}

// tiny is the package of the flake, with files enough that a cut falls
// between some.
func tiny(t *testing.T, cache apt.Cache, version string) spec.Locked {
	t.Helper()
	p := repo.Package{Name: "tiny", Version: version, Files: map[string]string{"/usr/bin/tiny-web": "#!/bin/sh\nexec sleep infinity\n"}}
	for i := range 1500 {
		p.Files[fmt.Sprintf("/usr/share/tiny/data/%02d/%d", i%40, i)] = fmt.Sprintf("%d of %s\n", i, version)
	}
	for i := range 40 {
		p.Files[fmt.Sprintf("/boot/efi/tiny/%d", i)] = strings.Repeat(version+"\n", 100*i)
	}
	r := repo.New(t)
	r.Add(p)
	path := fmt.Sprintf("pool/main/t/tiny/tiny_%s_%s.deb", version, r.Arch())
	b, err := os.ReadFile(filepath.Join(r.Dir, path))
	if err != nil {
		t.Fatal(err)
	}
	l := spec.Locked{Name: "tiny", Version: version, Arch: r.Arch(), SHA256: spec.Sum(b), Size: int64(len(b)), Input: "debian", Path: path}
	writeFile(t, cache.Deb(l), b)
	return l
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func copyDisk(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "--sparse=always", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cannot copy a disk: %v: %s", err, out)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// span is the part of a log that was written between two of its sizes.
func span(requests []request, from, to int64) (first, last int) {
	for i, r := range requests {
		if r.end <= from {
			first = i
		}
		if r.end <= to {
			last = i
		}
	}
	return first, last
}

// within is a context that ends with the test, or after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func boot(t *testing.T, m *Machine) {
	t.Helper()
	if err := m.Boot(within(t, bootTime)); err != nil {
		t.Fatal(err)
	}
}

func (m *Machine) off(t *testing.T) {
	t.Helper()
	if err := m.PowerOff(within(t, bootTime)); err != nil {
		t.Fatal(err)
	}
}

func (m *Machine) sh(t *testing.T, line string, d time.Duration) string {
	t.Helper()
	out, err := m.Shell(t.Context(), line, d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// said is what hostctl wrote to the console before PID 1.
func (m *Machine) said() string {
	b, err := os.ReadFile(m.console())
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "hostctl: ") {
			return strings.TrimSpace(line)
		}
	}
	return "nothing was open"
}

// differ lists the first lines that only one of two manifests has.
func differ(want, got string) string {
	has := map[string]int{}
	for line := range strings.Lines(want) {
		has[line]--
	}
	for line := range strings.Lines(got) {
		has[line]++
	}
	var out []string
	for line, n := range has {
		if n != 0 && len(out) < 20 {
			out = append(out, fmt.Sprintf("%+d %s", n, strings.TrimSpace(line)))
		}
	}
	return strings.Join(out, "\n")
}

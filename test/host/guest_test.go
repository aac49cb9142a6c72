// Package host tests hostctl on booted Debian 13 machines: what a user types,
// and proof from outside hostctl that it holds.
package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hostctl/hostctl/test/machine"
)

// world is what all tests of a run share.
type world struct {
	hostctl string // the binary, built as `make build` does
	base    string // the root that machines are copied from
	cache   string // hostctl's cache on this machine; guests have its .debs
}

// binary builds hostctl as `make build` does, once for all tests, and clears
// away what earlier runs left.
var binary = sync.OnceValues(func() (string, error) {
	if err := machine.Sweep(); err != nil {
		return "", err
	}
	// Each run has its own: runs of other work trees build other programs.
	path := filepath.Join(machine.CacheDir(), "bin", "hostctl")
	earlier, _ := filepath.Glob(path + ".*") // the pattern is well formed
	for _, p := range earlier {
		if _, err := os.Stat("/proc/" + strings.TrimPrefix(filepath.Ext(p), ".")); err != nil {
			_ = os.Remove(p) // another run may have been faster
		}
	}
	own := path + "." + strconv.Itoa(os.Getpid())
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", own, "github.com/hostctl/hostctl/cmd/hostctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build hostctl: %w\n%s", err, out)
	}
	return own, nil
})

func theWorld(t *testing.T) world {
	t.Helper()
	machine.Need(t, "mmdebstrap", "systemd-nspawn", "nsenter", "dpkg-deb", "strace")
	base, err := machine.Base(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(machine.CacheDir(), "cache")
	if err := os.MkdirAll(filepath.Join(cache, "debs"), 0o755); err != nil {
		t.Fatal(err)
	}
	hostctl, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return world{hostctl: hostctl, base: base, cache: cache}
}

// guest is a booted machine with hostctl and a flake in it.
type guest struct {
	*machine.Machine
	t    *testing.T
	w    world
	host string
}

// flakeInGuest is where the flake lies in every guest.
const flakeInGuest = "/root/flake"

// boot makes a machine for the test, with the flake of the folder dir, and
// boots it. It is destroyed at the end; with HOSTCTL_TEST_KEEP set one of a
// failed test is left until the next run, and how to enter it is logged.
func boot(t *testing.T, dir, host string) *guest {
	t.Helper()
	return theWorld(t).boot(t, machine.NameFor(strings.TrimPrefix(t.Name(), "Test")), dir, host)
}

// boot is boot with a name for the machine, which is a copy of w's root.
func (w world) boot(t *testing.T, name, dir, host string) *guest {
	t.Helper()
	m, err := machine.New(t.Context(), w.base, name)
	if err != nil {
		t.Fatal(err)
	}
	return w.started(t, m, dir, host)
}

// started boots a machine that was made with the flake of the folder dir in it.
func (w world) started(t *testing.T, m *machine.Machine, dir, host string) *guest {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("HOSTCTL_TEST_KEEP") != "" {
			t.Logf("machine %s is left: %s", m.Name, m.Shell())
			return
		}
		if err := m.Destroy(); err != nil {
			t.Error(err)
		}
	})
	if err := m.ShareDebs(t.Context(), w.cache); err != nil {
		t.Fatal(err)
	}
	g := &guest{Machine: m, t: t, w: w, host: host}
	g.copyIn(w.hostctl, "/usr/local/bin/hostctl", 0o755)
	g.putFlake(dir)
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *guest) copyIn(outside, inside string, mode os.FileMode) {
	g.t.Helper()
	b, err := os.ReadFile(outside)
	if err != nil {
		g.t.Fatal(err)
	}
	g.write(inside, string(b), mode)
}

// write puts a file into the machine's root from outside, whether it is
// booted or not.
func (g *guest) write(path, text string, mode os.FileMode) {
	g.t.Helper()
	at := filepath.Join(g.Root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), mode); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Chmod(at, mode); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) read(path string) string {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.Root, path))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// putFlake replaces the machine's flake by the folder dir.
func (g *guest) putFlake(dir string) {
	g.t.Helper()
	at := filepath.Join(g.Root, flakeInGuest)
	if err := os.RemoveAll(at); err != nil {
		g.t.Fatal(err)
	}
	if err := os.CopyFS(at, os.DirFS(dir)); err != nil {
		g.t.Fatal(err)
	}
}

// edit replaces old by new in a file of the machine's flake.
func (g *guest) edit(file, old, new string) {
	g.t.Helper()
	path := filepath.Join(flakeInGuest, file)
	text := g.read(path)
	if !strings.Contains(text, old) {
		g.t.Fatalf("%s holds no %q:\n%s", file, old, text)
	}
	g.write(path, strings.Replace(text, old, new, 1), 0o644)
}

// result is what one command line of hostctl gave.
type result struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n-- stdout\n%s\n-- stderr\n%s", r.code, r.stdout, r.stderr)
}

func (g *guest) hostctl(args ...string) result {
	g.t.Helper()
	cmd := g.Command(g.t.Context(), "hostctl", append(args, "--flake", flakeInGuest, "--host", g.host)...)
	return runCommand(g.t, cmd)
}

func runCommand(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cannot run %s: %v", cmd, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
}

// want runs hostctl and fails the test unless it exits with that code and prints
// each of the texts.
func (g *guest) want(code int, says []string, args ...string) result {
	g.t.Helper()
	r := g.hostctl(args...)
	if r.code != code {
		g.t.Fatalf("hostctl %s: exit code %d was wanted\n%s", strings.Join(args, " "), code, r)
	}
	for _, text := range says {
		if !strings.Contains(r.stdout+r.stderr, text) {
			g.t.Errorf("hostctl %s does not say %q\n%s", strings.Join(args, " "), text, r)
		}
	}
	if args[0] == "switch" && code == 0 && !strings.Contains(r.stderr, "a reboot applies it") {
		g.theorems()
	}
	return r
}

// sh runs a shell line in the machine and returns what it printed, without
// the blanks around it; the line has to succeed.
func (g *guest) sh(line string) string {
	g.t.Helper()
	out, err := g.Output(g.t.Context(), "sh", "-c", line)
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// says fails the test unless the shell line prints want.
func (g *guest) says(line, want string) {
	g.t.Helper()
	if got := g.sh(line); got != want {
		g.t.Errorf("%s\n  says  %q\n  not   %q", line, got, want)
	}
}

// manifest is the whole root of the machine as it is.
func (g *guest) manifest() machine.Manifest {
	g.t.Helper()
	m, err := machine.Take(g.Root)
	if err != nil {
		g.t.Fatal(err)
	}
	return m
}

// same fails the test where the machine's root differs from before, but for
// what changes on any running machine and for the exclusions.
func (g *guest) same(what string, before machine.Manifest, exclusions ...machine.Exclusion) {
	g.t.Helper()
	all := append(machine.Running(), exclusions...)
	all = append(all, machine.Exclusion{Path: flakeInGuest, Why: "the test edits the flake"})
	if lines := machine.Diff(before, g.manifest(), all); len(lines) > 0 {
		g.t.Errorf("%s: %d paths differ:\n  %s", what, len(lines), strings.Join(lines[:min(len(lines), 60)], "\n  "))
	}
}

// on returns a context that ends with the test or after d.
func on(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a shell line to succeed in the machine.
func (g *guest) until(what, line string) {
	g.t.Helper()
	ctx := on(g.t, time.Minute)
	for {
		if _, err := g.Output(ctx, "sh", "-c", line); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			g.t.Fatalf("%s: it did not happen in a minute", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

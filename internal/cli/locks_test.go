package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// A lock that is a link out of the flake is neither read nor written.
func TestLocksThatLeadOut(t *testing.T) {
	for _, at := range []string{"hosts", "hosts/a", "hosts/a/packages.lock", "flake.lock"} {
		base := t.TempDir()
		dir, outside := filepath.Join(base, "flake"), filepath.Join(base, "outside")
		const text = "machine example.org login ada password s3cret\n"
		for _, name := range []string{"packages.lock", "a/packages.lock"} {
			writeTestFile(t, filepath.Join(outside, name), []byte(text))
		}
		writeTestFile(t, filepath.Join(dir, "flake.hcl"), []byte("host \"a\" {}\n"))
		f, diags := flake.Load(dir)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		target := outside
		if filepath.Ext(at) == ".lock" {
			target = filepath.Join(outside, "packages.lock")
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, at)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, at)); err != nil {
			t.Fatal(err)
		}
		if _, err := readPackageLock(f, "a"); err == nil || strings.Contains(err.Error(), "s3cret") || at != "flake.lock" && !strings.Contains(err.Error(), "outside the flake") {
			t.Errorf("%s is a link: the lock is read: %v", at, err)
		}
		if err := writeLocks(f, []lockChange{{Host: "a"}}); err == nil || !strings.Contains(err.Error(), "outside the flake") {
			t.Errorf("%s is a link: the locks are written: %v", at, err)
		}
		for _, name := range []string{"packages.lock", "a/packages.lock"} {
			if b, err := os.ReadFile(filepath.Join(outside, name)); err != nil || string(b) != text {
				t.Errorf("%s is a link: outside stands %q: %v", at, b, err)
			}
		}
	}
}

func TestOfflineFetchesNothing(t *testing.T) {
	p := newPrivate(t)
	p.flake("git+https://127.0.0.1:1/x.git")
	for _, args := range [][]string{{"update"}, {"flake", "fetch"}} {
		if out := p.hostctl(exitFailed, append(args, "--offline")...); !strings.Contains(out, "--offline") {
			t.Errorf("%q says:\n%s", args, out)
		}
	}
}

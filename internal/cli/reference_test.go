package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Every secret that a host of the reference configuration declares is in the
// files of the repository, its test key opens them, and every file that
// contains one can be rendered.
func TestReferenceSecrets(t *testing.T) {
	key, err := os.ReadFile("../../secrets/TEST-ONLY.agekey")
	if err != nil {
		t.Fatal(err)
	}
	root := system.Root(t.TempDir())
	if err := os.WriteFile(filepath.Join(string(root), "age.key"), key, 0o400); err != nil {
		t.Fatal(err)
	}
	keys, err := secret.LoadKeys(root, "/age.key")
	if err != nil {
		t.Fatal(err)
	}
	f, diags := flake.Load("../..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, host := range f.Hosts() {
		r, diags := eval.Host(context.Background(), f, host)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		blob := func(digest string) ([]byte, error) {
			if path := r.Spec.Blobs[digest]; path != "" {
				return os.ReadFile(path)
			}
			return nil, fmt.Errorf("no source has digest %s", digest)
		}
		if err := keys.Check(r.Spec, blob); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// What a host asks for is in its packages.lock, so that a switch of a fresh
// clone needs no update first.
func TestReferenceLocks(t *testing.T) {
	f, diags := flake.Load("../..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, host := range f.Hosts() {
		r, diags := eval.Host(context.Background(), f, host)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		lock, err := readPackageLock(f, host)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkLock(r.Spec, lock, host); err != nil {
			t.Error(err)
		}
	}
}

// TestReferenceAllocates holds what an evaluation of the largest host allocates to
// what it did, and a fourth more. Its time hangs on the machine, and this does not:
// a check that walks a list of the library for each of its elements shows here.
func TestReferenceAllocates(t *testing.T) {
	const usual = 42 << 20
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	before := allocated()
	f, diags := flake.Load("../..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, diags = eval.Host(context.Background(), f, "fw16-nix"); diags.HasErrors() {
		t.Fatal(diags)
	}
	took := allocated() - before
	t.Logf("%d MB", took>>20)
	if took > usual+usual/4 {
		t.Errorf("evaluating fw16-nix allocates %d MB; it was %d. Find out what does, or say here why it has to", took>>20, usual>>20)
	}
}

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Every secret that a host of the reference configuration declares is in the
// files of the repository, its test key opens them, and every file that
// bears one can be rendered.
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

package flake

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/test/gitserver"
)

// As root hostctl takes an input only from where nobody else could put another
// one once it was compared.
func TestCacheOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("cannot run here: it needs root")
		}
		t.Skip("it needs root")
	}
	newHome(t)
	repos, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	t.Setenv("HOSTCTL_CACHE", cache)
	gitserver.Commit(t, filepath.Join(repos, "b"), map[string]string{"x.txt": "one", "d/y.txt": "two"})
	dir, err := locking(t, "git+file:"+filepath.Join(repos, "b"))
	if err != nil {
		t.Fatal(err)
	}
	tree := treeDir(cache, mustLoad(t, dir).lock.Inputs["b"].Hash)
	if _, err := open(t, dir); err != nil {
		t.Fatal(err)
	}
	const somebody = 65534
	for _, path := range []string{cache, filepath.Join(cache, "inputs"), tree, filepath.Join(tree, "x.txt"), filepath.Join(tree, "d")} {
		mode, err := os.Stat(path)
		must(t, err)
		must(t, os.Chown(path, somebody, somebody))
		_, err = open(t, dir)
		wantError(t, path+" is somebody's", err, "in the cache is writable by others than root", "unset HOSTCTL_CACHE")
		must(t, os.Chown(path, 0, 0))
		must(t, os.Chmod(path, 0o777))
		_, err = open(t, dir)
		wantError(t, path+" is everybody's", err, "in the cache is writable by others than root")
		must(t, os.Chmod(path, mode.Mode().Perm()))
		if _, err := open(t, dir); err != nil {
			t.Errorf("%s is root's again: %v", path, err)
		}
	}

	// By a link: its own owner counts, and the folders behind it.
	linked := filepath.Join(t.TempDir(), "link")
	link(t, cache, linked)
	t.Setenv("HOSTCTL_CACHE", linked)
	if _, err := open(t, dir); err != nil {
		t.Errorf("through root's link: %v", err)
	}
	must(t, os.Lchown(linked, somebody, somebody))
	_, err = open(t, dir)
	wantError(t, "through somebody's link", err, "in the cache is writable by others than root")
	must(t, os.Lchown(linked, 0, 0))
	must(t, os.Chown(cache, somebody, somebody))
	_, err = open(t, dir)
	wantError(t, "a link to somebody's", err, "in the cache is writable by others than root")

	// And nothing is fetched into one.
	empty := t.TempDir()
	must(t, os.Chown(empty, somebody, somebody))
	t.Setenv("HOSTCTL_CACHE", empty)
	_, err = mustLoad(t, dir).Fetch(t.Context())
	wantError(t, "a fetch into somebody's", err, "in the cache is writable by others than root")
	_, err = locking(t, "git+file:"+filepath.Join(repos, "b"))
	wantError(t, "an update by somebody's", err, "in the cache is writable by others than root")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

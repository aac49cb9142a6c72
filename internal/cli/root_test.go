package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRootIsResolved(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(".", link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for given, want := range map[string]string{"/": "/", ".": dir, "link": dir, dir + "/": dir} {
		e := &env{root: given}
		if err := e.resolveRoot(); err != nil || e.root != want {
			t.Errorf("--root %s is %s, want %s (%v)", given, e.root, want, err)
		}
	}
	if err := (&env{root: "nothere"}).resolveRoot(); err == nil {
		t.Error("a root that is not there was accepted")
	}
}

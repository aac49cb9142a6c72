package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/internal/change/activate"
	"github.com/hostctl/hostctl/internal/spec"
)

// A switch of a root elsewhere must not stop, start or configure anything on
// the machine that hostctl runs on.
func TestOtherRootIsNotActivated(t *testing.T) {
	s := &session{env: &env{root: t.TempDir(), stderr: io.Discard}}
	want := emptyHost()
	want.Secrets = map[string]spec.Secret{"token": {}}
	want.Settings.AgeKeyFile = "/nonexistent/key"
	if _, err := s.activate(context.Background(), activate.Request{Plan: emptyPlan(), Want: want, Log: io.Discard}, nil); err != nil {
		t.Errorf("another root's secrets were looked for here: %v", err)
	}
	healthy, err := s.before(context.Background(), s.beforehand(context.Background(), emptyPlan(), want, nil))
	if err != nil || healthy != nil {
		t.Errorf("this machine's units were looked at: %v, %v", healthy, err)
	}
}

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

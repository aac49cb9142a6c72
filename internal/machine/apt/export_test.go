package apt

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What the tests of package apt_test, which import the test machines and so
// cannot be in this package, share with those that are.

var (
	ParseDebName = parseDebName
	LockPaths    = lockPaths
	Ask          = ask
)

func Need(t testing.TB, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Fatalf("this test needs %s: apt-get install %s", tool, pkg)
	}
}

func WriteTest(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func LinkTest(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

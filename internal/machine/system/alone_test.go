package system

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it is a question for root")
	}
	dir := t.TempDir() // below /tmp, which is sticky
	for _, d := range []string{"ours/sub", "theirs/sub", "open/sub", "group"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Chown(filepath.Join(dir, "theirs"), 65534, 65534),
		os.Chmod(filepath.Join(dir, "open"), 0o777),
		os.Chmod(filepath.Join(dir, "group"), 0o775),
		os.Symlink("../theirs/sub", filepath.Join(dir, "ours/link")),
		os.Symlink(filepath.Join(dir, "ours/sub"), filepath.Join(dir, "direct")),
		os.Symlink(filepath.Join(dir, "ours"), filepath.Join(dir, "theirs/in")),
		os.Symlink("around", filepath.Join(dir, "around")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for path, alone := range map[string]bool{
		"": true, "ours": true, "ours/sub": true, "ours/new/er": true, "direct": true, "direct/new": true,
		"theirs": false, "theirs/sub": false, "theirs/new": false, "open/sub": false, "group": false,
		"ours/link": false, "theirs/in/sub": false, "around": false,
	} {
		if err := Alone(filepath.Join(dir, path)); (err == nil) != alone {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := Alone("/tmp"); err == nil {
		t.Error("everybody may write to /tmp")
	}
}

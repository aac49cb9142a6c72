package system

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPathStaysInRoot(t *testing.T) {
	root := Root(t.TempDir())
	for link, target := range map[string]string{"/abs": "/etc", "/up": "../../../etc", "/loop": "/loop", "/chain": "/abs"} {
		if err := os.Symlink(target, filepath.Join(string(root), link)); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string]string{
		"/etc/motd":        "/etc/motd",
		"/abs/motd":        "/etc/motd",
		"/up/motd":         "/etc/motd",
		"/chain/a/b":       "/etc/a/b",
		"/abs":             "/abs", // the last component is the thing itself
		"/a/../../../b":    "/b",
		"/":                "",
		"relative/is/root": "/relative/is/root",
	} {
		if got := root.Path(in); got != string(root)+want {
			t.Errorf("Path(%q) = %q, want it at %q", in, got, want)
		}
	}
	if got := Root("/").Path("/abs/motd"); got != "/abs/motd" {
		t.Errorf("on the live root Path is literal, got %q", got)
	}
	root.Path("/loop/x") // ends
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "file")
	if err := os.WriteFile(victim, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new"), 0o4751, os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "keep" {
		t.Errorf("the link was followed: %q, %v", b, err)
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != os.ModeSetuid|0o751 {
		t.Fatalf("mode is %v, %v", st.Mode(), err)
	}
	if err := WriteFile(filepath.Join(dir, "no", "dir"), nil, 0o644, 0, 0); err == nil {
		t.Error("a missing folder went unnoticed")
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "d"), []byte("x"), 0o644, os.Getuid(), os.Getgid()); err == nil {
		t.Error("a folder was replaced by a file")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".hostctl-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files stay: %v, %v", left, err)
	}
}

// Files that belong together are all written or none: where the last cannot
// be put in its place, the first are what they were.
func TestWriteFilesTogether(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := WriteFiles(map[string][]byte{at("a"): []byte("1"), at("new/b"): []byte("1")}, 0o644, os.Getuid(), os.Getgid()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("c"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{at("a"): []byte("2"), at("b"): []byte("2"), at("c"): []byte("2")}
	if err := WriteFiles(files, 0o644, os.Getuid(), os.Getgid()); err == nil || !strings.Contains(err.Error(), "cannot write "+at("c")) {
		t.Errorf("a file over a folder: %v", err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if b, readErr := os.ReadFile(at("a")); err != nil || readErr != nil || string(b) != "1" || !slices.Equal(left, []string{"a", "c", "new"}) {
		t.Errorf("a is %q and the folder holds %q (%v, %v)", b, left, err, readErr)
	}
}

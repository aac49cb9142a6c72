package node

import (
	"os"
	"path/filepath"
	"testing"
)

// An area that somebody else made, or a link in its place, is none; where
// somebody else can rename it, it is reached by itself.
func TestArea(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it needs root, to give folders away")
	}
	const nobody = 65534
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	victim := t.TempDir()
	write(filepath.Join(victim, "precious"))
	for _, c := range []struct {
		name string
		make func(top string) error
	}{
		{"a link", func(top string) error { return os.Symlink(victim, filepath.Join(top, AreaName)) }},
		{"somebody's folder", func(top string) error {
			if err := os.Mkdir(filepath.Join(top, AreaName), 0o700); err != nil {
				return err
			}
			return os.Chown(filepath.Join(top, AreaName), nobody, nobody)
		}},
	} {
		top := t.TempDir()
		if err := c.make(top); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(In(top, "/", "precious")); err == nil {
			t.Errorf("%s is an area", c.name)
		}
		if err := MakeArea(top, "/"); err == nil {
			t.Errorf("%s has been made an area", c.name)
		}
	}
	top := t.TempDir()
	if err := os.Chown(top, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := MakeArea(top, "/"); err != nil {
		t.Fatal(err)
	}
	area, known := filepath.Join(top, AreaName), In(top, "/")
	if err := os.Rename(area, area+".mine"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, area); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(known, "own"))
	if _, err := os.Lstat(filepath.Join(area+".mine", "own")); err != nil {
		t.Error(err)
	}
	for _, area := range []string{known, In(top, "/")} {
		if _, err := os.Lstat(filepath.Join(area, "precious")); err == nil {
			t.Error("what a link in its place leads to is in the area")
		}
	}
}

package flake

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A stamp holds until anything moves that an evaluation can have read.
func TestStamp(t *testing.T) {
	site := write(t, t.TempDir(), map[string]string{"a.txt": "a\n"})
	dir := write(t, t.TempDir(), map[string]string{
		"flake.hcl": "input \"site\" {\n  url = \"path:" + site + "\"\n  flake = false\n}\n", "sub/b.hcl": "", ".git/HEAD": "x\n",
	})
	if _, err := updateAndWrite(mustLoad(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	f := mustLoad(t, dir)
	if err := f.Input("site").Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	stamp := func(began time.Time) Stamp {
		t.Helper()
		s, err := f.Stamp(began)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := stamp(time.Now()); s != nil {
		t.Error("what was written just now has a stamp")
	}
	later := time.Now().Add(lately + time.Second)
	for _, moved := range []struct {
		what string
		by   func() error
	}{
		{"an edit", func() error { return os.WriteFile(filepath.Join(dir, "sub/b.hcl"), []byte("#\n"), 0o600) }},
		{"an edit of the same size, with its former time", func() error {
			p := filepath.Join(dir, "sub/b.hcl")
			st, err := os.Stat(p)
			if err == nil {
				err = os.WriteFile(p, []byte("@\n"), 0o600)
			}
			if err == nil {
				err = os.Chtimes(p, st.ModTime(), st.ModTime())
			}
			return err
		}},
		{"a new file", func() error { return os.WriteFile(filepath.Join(dir, "sub/new"), nil, 0o600) }},
		{"the lock", func() error { return os.WriteFile(filepath.Join(dir, lockName), nil, 0o600) }},
		{"a file less", func() error { return os.Remove(filepath.Join(dir, "sub/b.hcl")) }},
		{"a link", func() error { return os.Symlink("a", filepath.Join(dir, "link")) }},
		{"an input's file", func() error { return os.WriteFile(filepath.Join(site, "a.txt"), []byte("b\n"), 0o600) }},
		{"an input is gone", func() error { return os.RemoveAll(site) }},
	} {
		s := stamp(later)
		if !s.Holds() {
			t.Fatalf("before %s it does not hold", moved.what)
		}
		time.Sleep(10 * time.Millisecond) // longer than a tick of the file system's clock
		if err := moved.by(); err != nil {
			t.Fatal(err)
		}
		if s.Holds() {
			t.Errorf("after %s it holds", moved.what)
		}
	}
	write(t, site, map[string]string{"a.txt": "a\n"})
	if s := stamp(later); os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("y\n"), 0o600) != nil || !s.Holds() {
		t.Error("git's own folder counts")
	}
	if (Stamp{}).Holds() || Stamp(nil).Holds() {
		t.Error("a stamp of nothing holds")
	}
	if _, err := f.Real(dir, ".git/HEAD", nil); err == nil {
		t.Error("git's own folder can be read, which no stamp and no lock holds")
	}
}

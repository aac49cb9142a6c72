package flake

import (
	"context"
	"os"
	"path/filepath"
	"strings"
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
	if s := f.Stamp(time.Now()); s != nil {
		t.Error("what was written just now has a stamp")
	}
	later := time.Now().Add(time.Hour)
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
		{"the lock", func() error { return os.WriteFile(filepath.Join(dir, LockName), nil, 0o600) }},
		{"a file less", func() error { return os.Remove(filepath.Join(dir, "sub/b.hcl")) }},
		{"a link", func() error { return os.Symlink("a", filepath.Join(dir, "link")) }},
		{"an input's file", func() error { return os.WriteFile(filepath.Join(site, "a.txt"), []byte("b\n"), 0o600) }},
		{"an input is gone", func() error { return os.RemoveAll(site) }},
	} {
		s := f.Stamp(later)
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
	f.Input("site").place = placeOf(site)
	if s := f.Stamp(later); os.WriteFile(filepath.Join(dir, ".git/HEAD"), []byte("y\n"), 0o600) != nil || !s.Holds() {
		t.Error("git's own folder counts")
	}
	if (Stamp{}).Holds() || Stamp(nil).Holds() {
		t.Error("a stamp of nothing holds")
	}
	if _, err := f.Real(dir, ".git/HEAD", nil); err == nil {
		t.Error("git's own folder can be read, which no stamp and no lock holds")
	}
}

// There is no stamp if it could not guarantee what was read.
func TestNoStamp(t *testing.T) {
	later := time.Now().Add(time.Hour)
	t.Run("the flake is a link out of its folder", func(t *testing.T) {
		base := write(t, t.TempDir(), map[string]string{"repo/flake.hcl": "", "etc/x": ""})
		link(t, "../repo/flake.hcl", filepath.Join(base, "etc/flake.hcl"))
		if _, diags := Load(filepath.Join(base, "etc")); !strings.Contains(diags.Error(), "leads out of its folder") {
			t.Errorf("it is read: %v", diags)
		}
	})
	t.Run("the flake's path means another folder", func(t *testing.T) {
		base := write(t, t.TempDir(), map[string]string{"v1/flake.hcl": "", "v2/flake.hcl": ""})
		current := filepath.Join(base, "current")
		link(t, "v1", current)
		f := mustLoad(t, current)
		if f.Stamp(later) == nil {
			t.Error("it has no stamp before")
		}
		if err := os.Remove(current); err != nil {
			t.Fatal(err)
		}
		link(t, "v2", current)
		if f.Stamp(later) != nil {
			t.Error("it has a stamp")
		}
	})
}

func TestStampOfInputsThatFollowEachOther(t *testing.T) {
	base := write(t, t.TempDir(), map[string]string{
		"a/flake.hcl": "input \"b\" { url = \"path:../b\" }\n",
		"b/flake.hcl": "input \"a\" { url = \"path:../a\" }\n",
		"root/flake.hcl": "input \"a\" {\n  url     = \"path:../a\"\n  follows = { b = input.b }\n}\n" +
			"input \"b\" {\n  url     = \"path:../b\"\n  follows = { a = input.a }\n}\n",
	})
	dir := filepath.Join(base, "root")
	if _, err := updateAndWrite(mustLoad(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	f := mustLoad(t, dir)
	for _, name := range []string{"a", "b"} {
		if err := f.Input(name).Open(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, diags := f.Input(name).Flake(); diags.HasErrors() {
			t.Fatal(diags)
		}
	}
	if s := f.Stamp(time.Now().Add(time.Hour)); len(s) != 3 {
		t.Errorf("the stamp is of %d folders", len(s))
	}
}

// What the lock vouches for is what is read, through links too.
func TestLinkedInputs(t *testing.T) {
	base := write(t, t.TempDir(), map[string]string{
		"site-1/a.txt": "a\n", "out/a.txt": "a\n", "tree/x": "",
		"flake/flake.hcl": "input \"site\" {\n  url   = \"path:../site\"\n  flake = false\n}\n" +
			"input \"out\" {\n  url   = \"path:../tree?dir=conf\"\n  flake = false\n}\n",
	})
	link(t, "site-1", filepath.Join(base, "site"))
	link(t, "../out", filepath.Join(base, "tree/conf"))
	dir := filepath.Join(base, "flake")
	if _, err := updateAndWrite(mustLoad(t, dir), nil); err != nil {
		t.Fatal(err)
	}
	beside := write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"b\" {\n  url   = \"path:./inner\"\n  flake = false\n}\n"})
	link(t, filepath.Join(base, "out"), filepath.Join(beside, "inner"))
	if _, err := updateAndWrite(mustLoad(t, beside), nil); err == nil || !strings.Contains(err.Error(), "lies outside the flake") {
		t.Errorf("an input in the flake that is a link out of it: %v", err)
	}
	if err := mustLoad(t, dir).Input("out").Open(context.Background()); err == nil || !strings.Contains(err.Error(), "leads out of the locked content") {
		t.Errorf("a ?dir= that is a link out of the input: %v", err)
	}
	if err := mustLoad(t, dir).Input("site").Open(context.Background()); err != nil {
		t.Error(err)
	}
	write(t, base, map[string]string{"site-1/a.txt": "b\n"})
	if err := mustLoad(t, dir).Input("site").Open(context.Background()); err == nil {
		t.Error("behind a link the content is another, and the lock holds it all the same")
	}
}

func link(t *testing.T, target, at string) {
	t.Helper()
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

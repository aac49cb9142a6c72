package flake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/sys/unix"
)

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mustLoad(t *testing.T, dir string) *Flake {
	t.Helper()
	f, diags := Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return f
}

func TestDebianInputs(t *testing.T) {
	f := mustLoad(t, write(t, t.TempDir(), map[string]string{"flake.hcl": `
input "debian" {
  url        = "debian:trixie?snapshot=20261101T000000Z"
  components = ["main", "contrib"]
}
input "unstable" { url = "debian:sid" }
input "own" {
  url     = "debian:stable/updates"
  keyring = "./own.gpg"
}
host "b" {}
host "a" {}
`}))
	got := f.Debian()
	if len(got) != 3 || got[0].Suite != "trixie" || got[0].Snapshot != "20261101T000000Z" || !slices.Equal(got[0].Components, []string{"main", "contrib"}) {
		t.Errorf("Debian() is %+v", got)
	}
	if !slices.Equal(got[1].Components, []string{"main"}) || got[1].Keyring != "" {
		t.Errorf("an input that says nothing has %+v, want main and Debian's keyring", got[1])
	}
	if got[2].Keyring != filepath.Join(f.Dir, "own.gpg") {
		t.Errorf("the keyring is %q, want one of the flake", got[2].Keyring)
	}
	if !slices.Equal(f.Hosts(), []string{"a", "b"}) {
		t.Errorf("Hosts() is %v", f.Hosts())
	}
}

func TestRule24Schema(t *testing.T) {
	for _, c := range []struct{ flake, want string }{
		{`service "x" {}`, `Set options such as service in a module`},
		{`input "x" {}`, "needs a url"},
		{`input "x" { url = "http://example.org" }`, "a url must start with \"debian:\""},
		{`input "x" { url = "debian:trixie?snapshot=yesterday" }`, "a snapshot is a time"},
		{`input "x" { url = "git+https://example.org/x.git?reef=main" }`, `not "reef"`},
		{`input "x" { url = "git+https://example.org/x.git?rev=main" }`, "rev must be a full commit hash"},
		{`input "x" { url = "git+https://example.org/x.git?shallow=yes" }`, "shallow must be 1 or 0"},
		{`input "x" { url = "git+ssh://-oProxyCommand=x/y" }`, "is not a host name"},
		{`input "x" { url = "git+ssh://$(id)/y" }`, "is not a host name"},
		{`input "x" { url = "git+ssh://[fe80::1%25$(id)]/y" }`, "is not a host name"},
		{`input "x" { url = "git+ssh://-l$(id)@x/y" }`, "is not an account name"},
		{`input "x" { url = "git+https://example.org" }`, "write a host and a path"},
		{`input "x" { url = "path:x?ref=main" }`, `not "ref"`},
		{`input "x" { url = "path:x?dir=../y" }`, "dir leads out of the input"},
		{`host "x_y" {}`, "is not a host name"},
		{"host \"x\" {}\nhost \"x\" {}", "already declared"},
		{`host "x" { modles = [] }`, `not "modles"`},
		{`export { modules = { x = "../y" } }`, "outside the flake"},
		{`description = 1 +`, "Missing expression"},
	} {
		_, diags := Load(write(t, t.TempDir(), map[string]string{"flake.hcl": c.flake}))
		if !diags.HasErrors() || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.flake, diags, c.want)
		}
	}
	if _, diags := Load(t.TempDir()); !strings.Contains(diags.Error(), "no flake.hcl") {
		t.Errorf("an empty folder: %v", diags)
	}
}

// updateAndWrite locks inputs at what is current, and writes the lock.
func updateAndWrite(f *Flake, names []string) ([]InputChange, error) {
	changes, err := f.Update(context.Background(), names)
	if err != nil {
		return nil, err
	}
	text, err := f.LockText()
	if err != nil {
		return nil, err
	}
	return changes, os.WriteFile(f.LockPath(), text, 0o644)
}

func TestPathInput(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{
		"a/flake.hcl":   `input "b" { url = "path:../b" }`,
		"b/flake.hcl":   `export { modules = { m = "./m.hcl" } }`,
		"b/m.hcl":       "",
		"b/.git/config": "noise",
	})
	ctx := context.Background()
	f := mustLoad(t, filepath.Join(dir, "a"))
	if err := f.Input("b").Open(ctx); err == nil || !strings.Contains(err.Error(), "run 'hostctl update b'") {
		t.Fatalf("an input that is not locked: %v", err)
	}
	if _, err := updateAndWrite(f, nil); err != nil {
		t.Fatal(err)
	}
	f = mustLoad(t, filepath.Join(dir, "a"))
	in := f.Input("b")
	if err := in.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(in.Path(), "/@b-") {
		t.Errorf("expressions see the path %s, which differs between machines", in.Path())
	}
	other, diags := in.Flake()
	if diags.HasErrors() || other.Exports.Modules["m"] != "m.hcl" {
		t.Errorf("the exports of b are %+v: %v", other.Exports, diags)
	}
	write(t, dir, map[string]string{"b/.git/config": "other noise"})
	if err := mustLoad(t, filepath.Join(dir, "a")).Input("b").Open(ctx); err != nil {
		t.Errorf("git's own files count: %v", err)
	}
	write(t, dir, map[string]string{"b/m.hcl": "changed = true"})
	err := mustLoad(t, filepath.Join(dir, "a")).Input("b").Open(ctx)
	if err == nil || !strings.Contains(err.Error(), "is not the one in flake.lock") {
		t.Errorf("a changed input: %v", err)
	}
}

func commit(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	repo, err := git.PlainOpen(dir)
	if err != nil {
		repo, err = git.PlainInit(dir, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, files)
	for name := range files {
		if _, err := tree.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	hash, err := tree.Commit("x", &git.CommitOptions{Author: &object.Signature{Name: "t", Email: "t@example.org", When: time.Unix(0, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func TestGitInput(t *testing.T) {
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	dir := t.TempDir()
	first := commit(t, filepath.Join(dir, "b"), map[string]string{"sub/x.txt": "one", "run": "#!/bin/sh\n"})
	write(t, dir, map[string]string{"a/flake.hcl": `
input "b" {
  url   = "git+file:../b?dir=sub"
  flake = false
}`})
	ctx := context.Background()
	f := mustLoad(t, filepath.Join(dir, "a"))
	if _, err := updateAndWrite(f, nil); err != nil {
		t.Fatal(err)
	}
	commit(t, filepath.Join(dir, "b"), map[string]string{"sub/x.txt": "two"})
	f = mustLoad(t, filepath.Join(dir, "a"))
	in := f.Input("b")
	if err := in.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(in.Dir(), "x.txt")); err != nil || string(b) != "one" || in.Rev() != first {
		t.Errorf("x.txt is %q at %s (%v), want that of the locked commit %s", b, in.Rev(), err, first)
	}

	// A machine whose cache is empty fetches exactly the locked commit, once
	// somebody says so.
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	err := mustLoad(t, filepath.Join(dir, "a")).Input("b").Open(ctx)
	wantError(t, "with an empty cache", err, "it is not in the cache", "run 'hostctl flake fetch'")
	if got, err := mustLoad(t, filepath.Join(dir, "a")).Fetch(ctx); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("fetched %v: %v", got, err)
	}
	if got, err := mustLoad(t, filepath.Join(dir, "a")).Fetch(ctx); err != nil || len(got) > 0 {
		t.Errorf("fetched again %v: %v", got, err)
	}
	if err := mustLoad(t, filepath.Join(dir, "a")).Input("b").Open(ctx); err != nil {
		t.Errorf("once it is fetched: %v", err)
	}
	write(t, in.Dir(), map[string]string{"x.txt": "evil"})
	t.Setenv("HOSTCTL_CACHE", filepath.Dir(filepath.Dir(filepath.Dir(in.Dir()))))
	if err := mustLoad(t, filepath.Join(dir, "a")).Input("b").Open(ctx); err == nil {
		t.Error("a cache that was tampered with is used")
	}
	if _, err := f.Update(ctx, []string{"c"}); err == nil {
		t.Error("an input that does not exist can be updated")
	}
}

func TestLockRefusesOtherVersions(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": "", "flake.lock": `{"version": 2, "inputs": {}}`})
	if _, diags := Load(dir); !strings.Contains(diags.Error(), "its version is 2, this hostctl knows 1") {
		t.Errorf("got %v", diags)
	}
}

func TestLockRefusesOddRevisions(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": "", "flake.lock": `{"version": 1, "inputs": {"x": {"url": "git+file:x", "rev": "main", "hash": "` + strings.Repeat("0", 64) + `"}}}`})
	if _, diags := Load(dir); !strings.Contains(diags.Error(), `the revision of input "x" is not a commit hash`) {
		t.Errorf("got %v", diags)
	}
}

// Without a commit, a wrong hash would reveal the right one.
func TestLockRefusesNoRevision(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": "", "flake.lock": `{"version": 1, "inputs": {"x": {"url": "git+https://example.org/x.git", "hash": "` + strings.Repeat("0", 64) + `"}}}`})
	if _, diags := Load(dir); !strings.Contains(diags.Error(), `it has no revision of input "x"`) {
		t.Errorf("got %v", diags)
	}
}

func TestRevision(t *testing.T) {
	dir := t.TempDir()
	hash := commit(t, dir, map[string]string{"flake.hcl": ""})
	f := mustLoad(t, dir)
	if rev, dirty, err := f.Revision(); rev != hash || dirty || err != nil {
		t.Errorf("Revision() is %s %t %v, want %s, clean", rev, dirty, err, hash)
	}
	write(t, dir, map[string]string{"flake.hcl": "# x\n"})
	if _, dirty, _ := f.Revision(); !dirty {
		t.Error("a changed worktree is clean")
	}

	// What go-git would wait for.
	ended := make(chan string, 1)
	fifo := func(name string) string {
		if err := unix.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		go func() {
			rev, dirty, err := f.Revision()
			ended <- fmt.Sprint(rev, " ", dirty, " ", err)
		}()
		select {
		case got := <-ended:
			return got
		case <-time.After(10 * time.Second):
			t.Fatalf("it waits for the FIFO %s", name)
		}
		return ""
	}
	if got := fifo("fifo"); got != hash+" true <nil>" {
		t.Errorf("with a FIFO in the worktree Revision() is %s", got)
	}
	if err := os.Remove(filepath.Join(dir, ".git/HEAD")); err != nil {
		t.Fatal(err)
	}
	if got := fifo(".git/HEAD"); !strings.Contains(got, "HEAD in ") {
		t.Errorf("with a FIFO in git's folder Revision() is %s", got)
	}
}

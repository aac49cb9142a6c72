package git

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/sys/unix"
)

// The parts of git's folder that go-git does not read may be anything, and if a file
// names that folder, or another one, hostctl waits for nothing in it.
func TestRevisionOfOddRepositories(t *testing.T) {
	link := func(to, at string) { must(t, os.Symlink(to, at)) }
	write := func(name, text string) { must(t, os.WriteFile(name, []byte(text), 0o600)) }
	for name, c := range map[string]struct {
		make func(dir string)
		ok   bool
	}{
		"a hook that is a link": {func(dir string) { link("../../check", filepath.Join(dir, ".git", "hooks", "pre-commit")) }, true},
		"a linked folder":       {func(dir string) { link("/nowhere", filepath.Join(dir, ".git", "annex")) }, true},
		"a pipe beside":         {func(dir string) { must(t, unix.Mkfifo(filepath.Join(dir, ".git", "pipe"), 0o600)) }, true},
		"a pipe as a reference": {func(dir string) { must(t, unix.Mkfifo(filepath.Join(dir, ".git", "refs", "pipe"), 0o600)) }, false},
		"a pipe in what is named": {func(dir string) {
			must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, "other")))
			must(t, os.Remove(filepath.Join(dir, "other", "config")))
			must(t, unix.Mkfifo(filepath.Join(dir, "other", "config"), 0o600))
			write(filepath.Join(dir, ".git"), "gitdir: other\n")
		}, false},
		"a pipe in what is common": {func(dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "other"), 0o700))
			must(t, unix.Mkfifo(filepath.Join(dir, "other", "config"), 0o600))
			write(filepath.Join(dir, ".git", "commondir"), "../other\n")
		}, false},
	} {
		dir := t.TempDir()
		repo, err := gogit.PlainInit(dir, false)
		must(t, err)
		write(filepath.Join(dir, "flake.hcl"), "")
		tree, err := repo.Worktree()
		must(t, err)
		_, err = tree.Add("flake.hcl")
		must(t, err)
		want, err := tree.Commit("x", &gogit.CommitOptions{Author: &object.Signature{Name: "a", Email: "a@b", When: time.Unix(0, 0)}})
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(dir, ".git", "hooks"), 0o700))
		c.make(dir)
		type answer struct {
			commit string
			err    error
		}
		told := make(chan answer, 1)
		go func() {
			commit, _, err := Revision(dir, 1<<20)
			told <- answer{commit, err}
		}()
		select {
		case got := <-told:
			if (got.err == nil) != c.ok || c.ok && got.commit != want.String() {
				t.Errorf("%s: %q, %v", name, got.commit, got.err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it is waited for", name)
		}
	}
}

package flake

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/gitserver"
)

// newHome is a home folder without any key or login, and an empty cache.
func newHome(t *testing.T) string {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": "", "SSH_AUTH_SOCK": "", "GIT_CONFIG_NOSYSTEM": "1", "HOSTCTL_CACHE": t.TempDir()} {
		t.Setenv(name, value)
	}
	return home
}

func serve(t *testing.T, dir string, login bool) *gitserver.HTTPS {
	t.Helper()
	s := gitserver.NewHTTPS(t, dir, login)
	t.Setenv("SSL_CERT_FILE", s.Cert)
	return s
}

// locking is a new flake that takes url as input b, and what locking it gives.
func locking(t *testing.T, url string) (string, error) {
	t.Helper()
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": fmt.Sprintf("input \"b\" {\n  url = %q\n  flake = false\n}\n", url)})
	_, err := updateAndWrite(mustLoad(t, dir), nil)
	return dir, err
}

func open(t *testing.T, dir string) (*Input, error) {
	t.Helper()
	in := mustLoad(t, dir).Input("b")
	return in, in.Open(context.Background())
}

func wantError(t *testing.T, what string, err error, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", what, err, want)
		}
	}
}

func TestRemoteGitInput(t *testing.T) {
	newHome(t)
	repos := t.TempDir()
	b := filepath.Join(repos, "b")
	first := gitserver.Commit(t, b, map[string]string{"x.txt": "one"})
	address := "git+" + serve(t, repos, false).URL + "/b/.git"
	a, err := locking(t, address+"?ref=main&shallow=1")
	if err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, a).lock.Inputs["b"]; got.Rev != first || got.Date == nil {
		t.Errorf("locked %+v, want %s", got, first)
	}
	cached := os.Getenv("HOSTCTL_CACHE")

	// The branch moves on, and the cache is empty: the locked commit is what
	// is fetched.
	second := gitserver.Commit(t, b, map[string]string{"x.txt": "two"})
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	in, err := open(t, a)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(in.Dir(), "x.txt")); err != nil || string(text) != "one" {
		t.Errorf("x.txt is %q: %v", text, err)
	}

	_, err = locking(t, address+"?ref=nosuch")
	wantError(t, "a branch that does not exist", err, `cannot fetch input "b"`, `no branch or tag "nosuch"`, "main")
	pinned, err := locking(t, address+"?rev="+first)
	if err != nil || mustLoad(t, pinned).lock.Inputs["b"].Rev != first {
		t.Errorf("a revision in the url: %v", err)
	}
	write(t, pinned, map[string]string{"flake.hcl": strings.ReplaceAll(readFile(t, filepath.Join(pinned, "flake.hcl")), first, second)})
	_, err = open(t, pinned)
	wantError(t, "another revision in the url than in the lock", err, "flake.lock has the url", first, "run 'hostctl update b'")

	runGit(t, b, "-c", "user.name=t", "-c", "user.email=t@example.org", "tag", "-a", "-m", "x", "v1", first)
	for _, from := range []string{address + "?ref=v1", address + "?ref=refs/tags/v1", "git+file:" + b + "?ref=v1"} {
		if dir, err := locking(t, from); err != nil || mustLoad(t, dir).lock.Inputs["b"].Rev != first {
			t.Errorf("%s: %v", from, err)
		}
	}
	runGit(t, b, "tag", "-d", "v1")

	// The branch is rewritten: from an empty cache the commit is gone.
	runGit(t, b, "checkout", "-q", "--orphan", "new")
	gitserver.Commit(t, b, map[string]string{"x.txt": "three"})
	runGit(t, b, "branch", "-q", "-M", "main")
	runGit(t, b, "reflog", "expire", "--expire=now", "--all")
	runGit(t, b, "gc", "-q", "--prune=now")
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	_, err = open(t, a)
	wantError(t, "a rewritten branch", err, "no longer has revision "+first, "hostctl update")

	// The repository is deleted: what is cached still works.
	if err := os.RemoveAll(b); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, a)
	wantError(t, "a deleted repository", err, "cannot fetch", "repository not found")
	t.Setenv("HOSTCTL_CACHE", cached)
	in, err = open(t, a)
	if err != nil {
		t.Fatalf("a deleted repository, cached: %v", err)
	}
	if info, err := os.Stat(filepath.Join(cached, "inputs")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache of repositories is open to others: %v, %v", info, err)
	}
	write(t, in.Dir(), map[string]string{"x.txt": "eno"})
	_, err = open(t, a)
	wantError(t, "a changed cache", err, "somebody changed the cache; remove that folder")
}

func TestWrongHashInLock(t *testing.T) {
	newHome(t)
	repos := t.TempDir()
	gitserver.Commit(t, filepath.Join(repos, "b"), map[string]string{"x.txt": "one"})
	a, err := locking(t, "git+file:"+filepath.Join(repos, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(os.Getenv("HOSTCTL_CACHE"), "inputs")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(a, LockName)
	lock := regexp.MustCompile(`"hash": "[0-9a-f]{4}`).ReplaceAllString(readFile(t, file), `"hash": "0000`)
	write(t, a, map[string]string{LockName: lock})
	right := mustLoad(t, a).lock.Inputs["b"].Hash
	_, err = mustLoad(t, a).Fetch(t.Context())
	wantError(t, "a hash that is not the revision's", err, "does not have the content that flake.lock records", "run 'hostctl update b'")
	if strings.Contains(err.Error(), right[4:12]) {
		t.Errorf("the error tells the right hash: %v", err)
	}
	if kept, _ := filepath.Glob(filepath.Join(os.Getenv("HOSTCTL_CACHE"), "inputs", "*")); len(kept) > 0 {
		t.Errorf("what has not the hash of the lock is kept: %v", kept)
	}
	write(t, a, map[string]string{LockName: "<<<<<<< HEAD\n" + lock})
	_, diags := Load(a)
	wantError(t, "a lock with conflict marks", diags, "cannot read flake.lock", "restore it from git")
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHTTPSLogin(t *testing.T) {
	home := newHome(t)
	repos := t.TempDir()
	gitserver.Commit(t, filepath.Join(repos, "b"), map[string]string{"x.txt": "one"})
	s := serve(t, repos, true)
	address := "git+" + s.URL + "/b/.git?ref=main&shallow=1"
	netrc, config, store := filepath.Join(home, ".netrc"), filepath.Join(home, ".gitconfig"), filepath.Join(home, "store")
	logins := func(files map[string]string) {
		for _, f := range []string{netrc, config, store} {
			_ = os.Remove(f)
		}
		write(t, "/", files)
	}
	line := func(token string) string {
		return "machine example.org login x password y\nmachine 127.0.0.1 login " + s.User + " password " + token + "\n"
	}
	helper := "[credential]\n  helper = store --file " + store + "\n"
	for what, files := range map[string]map[string]string{
		"netrc":               {netrc: line(s.Token)},
		"a credential helper": {config: helper, store: "https://" + s.User + ":" + s.Token + "@" + strings.Replace(s.Host, ":", "%3a", 1) + "\n"},
	} {
		logins(files)
		dir, err := locking(t, address)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if lock := readFile(t, filepath.Join(dir, LockName)); strings.Contains(lock, s.Token) || strings.Contains(lock, s.User) {
			t.Errorf("%s: the login is in the lock", what)
		}
	}
	logins(nil)
	_, err := locking(t, address)
	wantError(t, "no login", err, s.Host+" wants a login", "~/.netrc")
	logins(map[string]string{netrc: line("0ld" + s.Token)})
	_, err = locking(t, address)
	wantError(t, "a wrong token", err, `refuses the login of "reader" from ~/.netrc`)
	if strings.Contains(err.Error(), s.Token) {
		t.Errorf("the error shows the token: %v", err)
	}
}

func TestPasswordInURL(t *testing.T) {
	for _, address := range []string{
		"git+https://me:s3cret@example.org/x.git", "git+https://me:s3%zzcret@example.org/x.git", "git+https://s3cret@example.org/x.git",
		"git+https://s3cret@example.org/x.git?ref=a&nosuch=1", "git+https:s3cret@example.org/x.git", "https://s3cret@example.org/x.git", "git+http://s3cret@example.org/x.git",
		"github:s3cret@example.org/x", "s3cret@example.org:x.git", "git+ssh://git:s3cret@example.org/x.git", "git+https://me:s3/cret@example.org/x.git",
	} {
		f, diags := Load(write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"b\" { url = \"" + address + "\" }\n"}))
		wantError(t, address, diags, "flake.hcl:1", "contains a password", "credential helper")
		if strings.Contains(diags.Error(), "s3") || diags[0].Subject != nil {
			t.Errorf("the diagnostic shows the password: %v", diags)
		}
		if f == nil {
			t.Error("no flake")
		}
	}
	for _, address := range []string{"git+ssh://git@example.org/x.git", "git+https://example.org/@me/x.git", "path:./a@b", "git+file:./a@b"} {
		mustLoad(t, write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"b\" { url = \"" + address + "\" }\n"}))
	}

	// A lock may be from before, or somebody else's.
	const held = `{"version": 1, "inputs": {"b": {"url": "git+https://s3cret@example.org/x.git?ref=m", "rev": "0123456789012345678901234567890123456789", "hash": "0123456789012345678901234567890123456789012345678901234567890123"}}}`
	f := mustLoad(t, write(t, t.TempDir(), map[string]string{"flake.hcl": `input "b" { url = "git+https://example.org/x.git?ref=m" }`, LockName: held}))
	err := f.Input("b").Open(t.Context())
	wantError(t, "a token in the lock", err, "flake.lock has the url git+https://***@example.org/x.git?ref=m", "hostctl update b")
	text, err := f.LockText()
	if err != nil || strings.Contains(fmt.Sprint(f.Input("b").Open(t.Context()))+string(text), "s3cret") {
		t.Errorf("the token of the lock is shown: %v\n%s", err, text)
	}
}

func TestSSHLogin(t *testing.T) {
	home := newHome(t)
	s := gitserver.NewSSH(t)
	repo := filepath.Join(t.TempDir(), "b")
	gitserver.Commit(t, repo, map[string]string{"x.txt": "one"})
	address := s.URL(repo) + "?ref=main&shallow=1"
	other, locked := s.NewKey(t, "other", ""), s.NewKey(t, "locked", "open sesame")
	known := filepath.Join(home, ".ssh", "known_hosts")
	here := func(files map[string]string) {
		t.Helper()
		for _, name := range []string{"known_hosts", "id_ed25519", "config"} {
			_ = os.Remove(filepath.Join(home, ".ssh", name))
		}
		write(t, filepath.Join(home, ".ssh"), files)
	}
	key := readFile(t, s.Key)

	here(map[string]string{"known_hosts": s.HostLine, "id_ed25519": key})
	if _, err := locking(t, address); err != nil {
		t.Errorf("by key file: %v", err)
	}

	here(map[string]string{"id_ed25519": key})
	_, err := locking(t, address)
	wantError(t, "no known_hosts", err, "is in no known_hosts file", "SHA256:", "ssh-keyscan -t ed25519 -p "+s.Port+" 127.0.0.1 >>"+known)
	here(map[string]string{"known_hosts": "example.org " + readFile(t, other+".pub"), "id_ed25519": key})
	_, err = locking(t, address)
	wantError(t, "another host in known_hosts", err, "is in no known_hosts file")
	here(map[string]string{"known_hosts": "[127.0.0.1]:" + s.Port + " " + readFile(t, other+".pub"), "id_ed25519": key})
	_, err = locking(t, address)
	wantError(t, "another key in known_hosts", err, "is not the one in "+known+":1", "Somebody may be intercepting the connection")

	here(map[string]string{"known_hosts": s.HostLine, "id_ed25519": readFile(t, other)})
	_, err = locking(t, address)
	wantError(t, "a key that is not let in", err, fmt.Sprintf("does not let %q in", s.User), "it accepts none of: "+filepath.Join(home, ".ssh", "id_ed25519"))
	here(map[string]string{"known_hosts": s.HostLine, "id_ed25519": readFile(t, locked)})
	_, err = locking(t, address)
	wantError(t, "a key with a passphrase", err, "has a passphrase", "ssh-add")

	// An alias of ~/.ssh/config: host, port, user and key.
	here(map[string]string{
		"known_hosts": s.HostLine, "id_ed25519": readFile(t, other),
		"config": fmt.Sprintf("Match host nowhere\n  User nobody\nHost forge\n  HostName 127.0.0.1\n  Port %s\n  User %s\n  IdentityFile %s\n", s.Port, s.User, s.Key),
	})
	if _, err := locking(t, "git+ssh://forge"+repo); err != nil {
		t.Errorf("by ~/.ssh/config: %v", err)
	}
	_, err = locking(t, "git+ssh://nobody@forge"+repo)
	wantError(t, "another user than the alias has", err, `does not let "nobody" in`)
	here(map[string]string{"known_hosts": s.HostLine, "id_ed25519": readFile(t, other)})
	_, err = locking(t, "git+ssh://127.0.0.1:"+s.Port+repo)
	wantError(t, "no user in the url", err, "most servers want git+ssh://git@127.0.0.1")
	here(map[string]string{"known_hosts": s.HostLine, "config": "Host forge\n  ProxyJump elsewhere\n"})
	_, err = locking(t, "git+ssh://forge"+repo)
	wantError(t, "a jump host", err, "proxyjump, which hostctl does not support")

	here(map[string]string{"known_hosts": s.HostLine})
	t.Setenv("SSH_AUTH_SOCK", s.Agent(t, s.Key))
	if _, err := locking(t, address); err != nil {
		t.Errorf("by agent: %v", err)
	}
	here(map[string]string{"known_hosts": s.HostLine, "config": "Host *\n  IdentitiesOnly yes\n  IdentityFile " + other + "\n"})
	_, err = locking(t, address)
	wantError(t, "IdentitiesOnly with another key", err, "it accepts none of: "+other)
	here(map[string]string{"known_hosts": s.HostLine, "config": fmt.Sprintf("Host *\n  IdentitiesOnly yes\n  IdentityFile %s\n", s.Key)})
	if _, err := locking(t, address); err != nil {
		t.Errorf("IdentitiesOnly with the right key: %v", err)
	}
	_, err = locking(t, s.URL(repo+"-gone"))
	wantError(t, "no such repository", err, "cannot fetch")
}

// A commit can hold a symbolic link and, below its name, a file.
func TestCheckoutStaysInside(t *testing.T) {
	newHome(t)
	outside := t.TempDir()
	repo := filepath.Join(t.TempDir(), "b")
	gitserver.Commit(t, repo, map[string]string{"evil": outside})
	script := `blob=$(git hash-object -w evil)
inner=$(printf '100644 blob %s\tx\n' $blob | git mktree)
tree=$(printf '120000 blob %s\ta\n040000 tree %s\ta\n' $blob $inner | git mktree)
git update-ref refs/heads/main $(git -c user.name=t -c user.email=t@example.org commit-tree -m x $tree)`
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = repo
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, err := locking(t, (&url.URL{Scheme: "git+file", Path: repo}).String())
	if err == nil {
		t.Error("such a commit is taken")
	}
	if names, _ := os.ReadDir(outside); len(names) > 0 {
		t.Errorf("it wrote %v outside the cache", names)
	}
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/test/gitserver"
	"github.com/hostctl/hostctl/test/repo"
)

// private is a flake whose secrets are in a repository of their own.
type private struct {
	*updater
	home, repo string
	said       strings.Builder // all output of all runs
}

func newPrivate(t *testing.T) *private {
	p := &private{updater: newUpdater(t), home: t.TempDir(), repo: filepath.Join(t.TempDir(), "secrets")}
	p.archive.Add(repo.Standard("1")...)
	for name, value := range map[string]string{"HOME": p.home, "SSH_AUTH_SOCK": "", "GIT_CONFIG_NOSYSTEM": "1", "HOSTCTL_CACHE": t.TempDir()} {
		t.Setenv(name, value)
	}
	encrypted, err := os.ReadFile("../../secrets/secrets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	gitserver.Commit(t, p.repo, map[string]string{"secrets/secrets.yaml": string(encrypted), ".sops.yaml": "creation_rules: []\n"})
	return p
}

func (p *private) flake(url string) {
	p.t.Helper()
	p.write("flake.hcl", `
input "debian" {
  url     = "debian:`+repo.Suite+`"
  keyring = "`+p.archive.Keyring+`"
}
input "private_secrets" {
  url   = "`+url+`"
  flake = false
}
host "a" {
  system  = "`+p.archive.Arch()+`"
  modules = ["./a.hcl"]
}
`)
	p.write("a.hcl", "secrets { default_file = \"${input.private_secrets.path}/secrets/secrets.yaml\" }\nsecret \"user_password_hashed\" {}\n")
}

func (p *private) hostctl(want int, args ...string) string {
	p.t.Helper()
	var out, errs bytes.Buffer
	if code := Run(append([]string{"--flake", p.dir}, args...), strings.NewReader(""), &out, &errs); code != want {
		p.t.Fatalf("%q exits with %d, want %d\n%s%s", args, code, want, out.String(), errs.String())
	}
	p.said.WriteString(out.String() + errs.String())
	return out.String() + errs.String()
}

func (p *private) inHome(name, text string) {
	p.t.Helper()
	full := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// evaluates locks the input, evaluates the secret that is in it, and follows
// the repository when it moves.
func (p *private) evaluates() {
	p.t.Helper()
	if out := p.hostctl(exitOK, "update"); !strings.Contains(out, "input + private_secrets ") {
		p.t.Errorf("update says:\n%s", out)
	}
	p.hostctl(exitOK, "validate")
	var m flakeMetadata
	if err := json.Unmarshal([]byte(p.hostctl(exitOK, "flake", "metadata", "--json")), &m); err != nil {
		p.t.Fatal(err)
	}
	in := m.Inputs[1]
	if in.Name != "private_secrets" || !in.Cached || in.State != "locked" || *in.Flake || in.Date == nil {
		p.t.Errorf("metadata has %+v", in)
	}
	out := p.hostctl(exitOK, "eval", "--host", "a", "--option", "secrets.default_file")
	if want := "/@private_secrets-" + in.Hash[:12] + "/secrets/secrets.yaml"; !strings.Contains(out, want) {
		p.t.Errorf("secrets.default_file is %s, want %s", out, want)
	}

	gitserver.Commit(p.t, p.repo, map[string]string{"secrets/README": "new"})
	p.hostctl(exitOK, "validate")
	if out := p.hostctl(exitOK, "update", "private_secrets"); !strings.Contains(out, "input ~ private_secrets "+in.Rev[:12]+" -> ") {
		p.t.Errorf("update of what has moved says:\n%s", out)
	}
	if err := os.Remove(filepath.Join(p.dir, "flake.lock")); err != nil {
		p.t.Fatal(err)
	}
}

// The seed's "secrets stored in a private repo", over ssh.
func TestPrivateSecretsOverSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("updates a lock again and again; TestPrivateSecretsOverHTTPS is not left out")
	}
	p := newPrivate(t)
	s := gitserver.NewSSH(t)
	p.flake(s.URL(p.repo) + "?ref=main&shallow=1")
	p.inHome(".ssh/known_hosts", s.HostLine)
	key, err := os.ReadFile(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	p.inHome(".ssh/id_ed25519", string(key))
	p.evaluates()
	if err := os.Remove(filepath.Join(p.home, ".ssh/id_ed25519")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", s.Agent(t, s.Key))
	p.evaluates()
}

// And over https with a token.
func TestPrivateSecretsOverHTTPS(t *testing.T) {
	p := newPrivate(t)
	s := gitserver.NewHTTPS(t, filepath.Dir(p.repo), true)
	t.Setenv("SSL_CERT_FILE", s.Cert)
	calls := recordGit(t)
	p.flake("git+" + s.URL + "/secrets/.git?ref=main&shallow=1")
	if out := p.hostctl(exitFailed, "update"); !strings.Contains(out, "wants a login") {
		t.Errorf("without a login:\n%s", out)
	}
	p.inHome(".netrc", "machine 127.0.0.1 login "+s.User+" password "+s.Token+"\n")
	p.evaluates()
	p.inHome(".netrc", "")
	p.inHome(".gitconfig", "[credential]\n  helper = store\n")
	p.inHome(".git-credentials", fmt.Sprintf("https://%s:%s@%s\n", s.User, s.Token, strings.Replace(s.Host, ":", "%3a", 1)))
	p.evaluates()
	p.inHome(".git-credentials", fmt.Sprintf("https://%s:%sx@%s\n", s.User, s.Token, strings.Replace(s.Host, ":", "%3a", 1)))
	p.hostctl(exitFailed, "update")

	made, err := os.ReadFile(calls)
	if err != nil || !strings.Contains(string(made), "credential fill") {
		t.Errorf("git was not asked for credentials: %q, %v", made, err)
	}
	if strings.Contains(string(made), s.Token) || strings.Contains(p.said.String(), s.Token) {
		t.Error("the token is in an argument or in an output")
	}
}

// recordGit puts a git first in PATH that writes down its arguments.
func recordGit(t *testing.T) string {
	t.Helper()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\nexec %s \"$@\"\n", calls, real)
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return calls
}

// A module of another flake means by its inputs what the root says they follow.
func TestFollowedInputsInModules(t *testing.T) {
	p := newPrivate(t)
	p.archive.Add(repo.Standard("1")...)
	files := map[string]string{
		"hw/flake.hcl":   "input \"upstream\" { url = \"debian:sid\" }\ninput \"base\" { url = \"path:./own\" }\nexport { modules = { m = \"./m.hcl\" } }\n",
		"hw/m.hcl":       "package \"dt-base\" { from = input.upstream }\nfile \"/etc/x\" { source = \"${input.base.path}/x\" }\n",
		"hw/own/x":       "of hw",
		"base/x":         "of the root",
		"base/flake.hcl": "", "hw/own/flake.hcl": "",
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(p.dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		p.write(name, text)
	}
	root := func(follows string) {
		p.write("flake.hcl", `
input "debian" {
  url     = "debian:`+repo.Suite+`"
  keyring = "`+p.archive.Keyring+`"
}
input "base" { url = "path:./base" }
input "hw" {
  url = "path:./hw"
  `+follows+`
}
host "a" {
  system  = "`+p.archive.Arch()+`"
  modules = [input.hw.modules.m]
}
`)
	}
	root("follows = { upstream = input.debian, base = input.base }")
	p.hostctl(exitOK, "update")
	out := p.hostctl(exitOK, "eval", "--host", "a", "--json")
	if !strings.Contains(out, `"from": "debian"`) {
		t.Errorf("the package is not from our debian:\n%s", out)
	}
	if out := p.hostctl(exitOK, "explain", "--host", "a", `file["/etc/x"].source`); !strings.Contains(out, "/@base-") {
		t.Errorf("the file is not of our base:\n%s", out)
	}
	root("follows = { base = input.base }")
	if out := p.hostctl(exitFailed, "validate"); !strings.Contains(out, `flake.hcl has no debian input "upstream"`) {
		t.Errorf("a Debian input that only hw has:\n%s", out)
	}
}

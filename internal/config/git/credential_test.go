package git

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestNetrc(t *testing.T) {
	const file = "machine a login u1 password p1\nmachine\n\ta\n\tlogin u2 password p#2 # note\nmacdef init\nmachine a login evil password evil\n\nmachine b login u3\ndefault login anyone password guess\n"
	for _, c := range []struct{ host, login, password string }{
		{"a", "u1", "p1"}, {"b", "anyone", "guess"},
	} {
		got := netrc(file, c.host)
		if got == nil || got.Username != c.login || got.Password != c.password {
			t.Errorf("%s: got %v, want %s", c.host, got, c.login)
		}
	}
}

// git and ssh see neither where hostctl was started nor what the environment
// says of a repository.
func TestProgramsOfALogin(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": "", "GIT_CONFIG_NOSYSTEM": "1"} {
		t.Setenv(name, value)
	}
	evil, ran := t.TempDir(), filepath.Join(home, "ran")
	for _, args := range [][]string{{"init", "-q", "--bare"}, {"config", "credential.helper", "!touch " + ran + "; echo username=x; echo password=y"}} {
		must(t, exec.Command("git", append([]string{"-C", evil}, args...)...).Run())
	}
	u, err := url.Parse("https://example.org/x.git")
	must(t, err)
	t.Chdir(evil)
	t.Setenv("TMPDIR", evil) // the folder that is ours may be made in a repository
	for _, env := range [][2]string{{"GIT_DIR", evil}, {"GIT_CONFIG_GLOBAL", filepath.Join(evil, "config")}, {"GIT_CONFIG_PARAMETERS", "'credential.helper'='!touch " + ran + "'"}} {
		t.Setenv(env[0], env[1])
	}
	if auth := askGit(t.Context(), u); auth != nil {
		t.Errorf("a repository's helper logs in as %v", auth.Username)
	}
	if _, err := os.Lstat(ran); err == nil {
		t.Error("a repository's helper runs")
	}
	must(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[credential]\n  helper = \"!echo username=ada; echo password=p\"\n"), 0o600))
	if auth := askGit(t.Context(), u); auth == nil || auth.Username != "ada" {
		t.Errorf("the user's own helper is not asked: %v", auth)
	}
	if left, _ := filepath.Glob(filepath.Join(evil, "hostctl-*")); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package flake

import (
	"context"
	"encoding/pem"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// serveGit serves the repositories below dir over HTTPS with git's own
// server, and makes this process trust it.
func serveGit(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git's server is needed, install the package git: %v", err)
	}
	server := httptest.NewTLSServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, cert, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	return server.URL
}

func TestRemoteGitInput(t *testing.T) {
	dir := t.TempDir()
	first := commit(t, filepath.Join(dir, "b"), map[string]string{"x.txt": "one"})
	url := serveGit(t, dir)
	write(t, dir, map[string]string{"a/flake.hcl": `
input "b" {
  url   = "git+` + url + `/b/.git?ref=master&shallow=1"
  flake = false
}`})
	ctx := context.Background()
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	f := mustLoad(t, filepath.Join(dir, "a"))
	if err := f.Update(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := f.lock.Inputs["b"].Rev; got != first {
		t.Errorf("locked %s, want %s", got, first)
	}

	// The branch moves on, and the cache is empty: the locked commit is what
	// is fetched.
	commit(t, filepath.Join(dir, "b"), map[string]string{"x.txt": "two"})
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	in := mustLoad(t, filepath.Join(dir, "a")).Input("b")
	if err := in.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(in.Dir(), "x.txt")); err != nil || string(b) != "one" {
		t.Errorf("x.txt is %q: %v", b, err)
	}

	write(t, dir, map[string]string{"c/flake.hcl": `input "b" { url = "git+` + url + `/b/.git?ref=nosuch" }`})
	err := mustLoad(t, filepath.Join(dir, "c")).Update(ctx, nil)
	if err == nil || !strings.Contains(err.Error(), `cannot fetch input "b"`) {
		t.Errorf("a branch that does not exist: %v", err)
	}
}

// Package gitserver serves git repositories to tests the way that real
// servers do: git's own server behind TLS and a login, and OpenSSH's sshd.
package gitserver

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// need skips a test that lacks a program. Where CI is set that is a failure:
// what silently did not run has shown nothing.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("cannot run here: it needs %s ('make test' as root installs the programs)", p)
		}
		t.Skipf("it needs %s ('make test' as root installs the programs)", p)
	}
}

// HTTPS is a server that lets one login in.
type HTTPS struct {
	URL   string // https://127.0.0.1:PORT
	Host  string // 127.0.0.1:PORT
	Cert  string // file with the certificate to trust
	User  string // "": everybody is let in
	Token string
}

// NewHTTPS serves the repositories below dir; with a login, a token is made.
func NewHTTPS(t testing.TB, dir string, login bool) *HTTPS {
	t.Helper()
	s := &HTTPS{Cert: filepath.Join(t.TempDir(), "cert.pem")}
	if login {
		s.User, s.Token = "reader", randomHex(t)
	}
	git := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(run(t, nil, "git", "--exec-path")), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, token, _ := r.BasicAuth(); login && (user != s.User || token != s.Token) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(s.Cert, cert, 0o644); err != nil {
		t.Fatal(err)
	}
	s.URL = server.URL
	s.Host = strings.TrimPrefix(server.URL, "https://")
	return s
}

func randomHex(t testing.TB) string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

// SSH is an sshd that lets one key in.
type SSH struct {
	Port     string
	User     string // whoever runs the test
	Key      string // file of the private key that is let in
	HostLine string // the server's line of known_hosts
	dir      string
}

// NewSSH starts an sshd on a free port of the loopback, and stops it with the
// test.
func NewSSH(t testing.TB) *SSH {
	t.Helper()
	need(t, "sshd", "ssh-keygen", "git")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSH{User: me.Username, dir: t.TempDir()}
	s.Key = s.NewKey(t, "client", "")
	host := s.NewKey(t, "host", "")
	s.Port = freePort(t)
	s.HostLine = "[127.0.0.1]:" + s.Port + " " + read(t, host+".pub")
	config := filepath.Join(s.dir, "sshd_config")
	write(t, config, fmt.Sprintf(`ListenAddress 127.0.0.1:%s
HostKey %s
PidFile none
AuthorizedKeysFile %s.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
MaxStartups 100
`, s.Port, host, s.Key))
	if os.Getuid() == 0 { // where sshd locks up its unprivileged half; its service makes it at boot
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path, err := exec.LookPath("sshd")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-D", "-e", "-f", config}
	// From 9.8 on sshd shuts out an address that failed before; older ones
	// do not know the option.
	if lenient := []string{"-o", "PerSourcePenalties=no"}; exec.Command(path, append(lenient, "-t", "-f", config)...).Run() == nil {
		args = append(lenient, args...)
	}
	cmd := exec.Command(path, args...)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd says:\n%s", log.String())
		}
	})
	s.wait(t)
	return s
}

// wait until sshd greets.
func (s *SSH) wait(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.Port)
		if err == nil {
			greeting := make([]byte, 4)
			_, err = conn.Read(greeting)
			conn.Close()
		}
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("sshd does not answer: %v", err)
		}
	}
}

// NewKey makes a key pair and returns the private key's file.
func (s *SSH) NewKey(t testing.TB, name, passphrase string) string {
	t.Helper()
	file := filepath.Join(s.dir, name)
	run(t, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", file)
	return file
}

// URL is the git+ssh: url of a repository's folder.
func (s *SSH) URL(repo string) string {
	return (&url.URL{Scheme: "git+ssh", User: url.User(s.User), Host: "127.0.0.1:" + s.Port, Path: repo}).String()
}

// Agent starts an ssh-agent that holds a key, and returns its socket.
func (s *SSH) Agent(t testing.TB, key string) string {
	t.Helper()
	need(t, "ssh-agent", "ssh-add")
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("ssh-agent does not answer")
		}
	}
	run(t, []string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", "-q", key)
	return socket
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Commit makes a commit of the files in the repository dir, which is made if
// need be, and returns its hash.
func Commit(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		run(t, nil, "git", "init", "-q", "-b", "main", dir)
	}
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, full, text)
	}
	run(t, nil, "git", "-C", dir, "add", "-A")
	run(t, nil, "git", "-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x")
	return strings.TrimSpace(run(t, nil, "git", "-C", dir, "rev-parse", "HEAD"))
}

func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errs.String())
	}
	return string(out)
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

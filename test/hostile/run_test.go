// Package hostile holds tests of flakes that somebody made to read, to run or
// to use up what is not theirs, evaluated as an ordinary user would.
package hostile

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/config/flake"
)

const (
	nobody   = 65534
	canary   = "Kanarienvogel-4711" // what is outside of the flake
	maxPeak  = 500 << 10            // kB of memory
	maxTime  = 30 * time.Second
	dataKB   = 1 << 20 // the limit that ends a process which takes much more
	wholeUse = "?open,?creat,openat,?openat2,execve,?execveat"
)

// ground is a machine's folder with a user's home and everything in it except
// flakes.
type ground struct {
	program, outside, home, cache string
	asRoot                        bool // the test's own user, who can make devices
}

func newGround(t *testing.T) *ground {
	t.Helper()
	for _, p := range []string{"strace", "git"} {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("cannot run here: it needs %s ('make test' as root installs the programs)", p)
			}
			t.Skipf("it needs %s", p)
		}
	}
	dir := folder(t)
	g := &ground{
		outside: filepath.Join(dir, "outside"),
		home:    filepath.Join(dir, "home"), cache: filepath.Join(dir, "cache"), asRoot: os.Geteuid() == 0,
	}
	g.program = program(t)
	secret := "machine example.org login ada password " + canary + "\n"
	for _, name := range []string{"secret", "default.hcl", "flake.hcl", "flake.lock", "h/packages.lock", "m.hcl"} {
		put(t, filepath.Join(g.outside, name), secret)
	}
	put(t, filepath.Join(g.home, ".netrc"), secret)
	put(t, filepath.Join(g.home, ".gitconfig"), "# "+canary+"\n")
	must(t, syscall.Mkfifo(filepath.Join(g.outside, "fifo"), 0o666))
	must(t, os.MkdirAll(g.cache, 0o755))
	g.give(t, dir)
	return g
}

// built is the program that the tests run; TestMain gives it a place.
var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hostctl-hostile-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(built.dir, "hostctl")
	built.Do(func() {
		build := exec.Command("go", "build", "-o", path, "../../cmd/hostctl")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // static: a loader would open libraries
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	must(t, built.err)
	return path
}

// folder is one that everybody can go through.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

// give makes all below dir that user's.
func (g *ground) give(t *testing.T, dir string) {
	t.Helper()
	if !g.asRoot {
		return
	}
	must(t, filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, nobody, nobody)
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// lock writes flake.lock as 'hostctl update' would, without packages.
func lock(t *testing.T, dir string) {
	t.Helper()
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, err := f.Update(t.Context(), nil)
	must(t, err)
	text, err := f.LockText()
	must(t, err)
	must(t, os.WriteFile(f.LockPath(), text, 0o644))
}

// outcome is how a command ended.
type outcome struct {
	said     string
	trace    string // of system calls
	inFlake  int    // how often something of the flake was opened
	problems []string
}

// run runs hostctl as an ordinary user in the flake's folder, and finds
// problems: it read something else, ran something, took too long or too much.
func (g *ground) run(t *testing.T, dir, stdin string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxTime+30*time.Second) // strace takes time
	defer cancel()
	trace := filepath.Join(g.home, "trace")
	script := fmt.Sprintf(`ulimit -d %d; exec strace -f --seccomp-bpf -y -qq -s 4096 -o "$0" -e trace=%s "$@"`, dataKB, wholeUse)
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, trace, g.program}, args...)...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "HOSTCTL_CACHE=" + g.cache, "SSL_CERT_FILE=" + os.Getenv("SSL_CERT_FILE"), "SSL_CERT_DIR=" + g.home + "/none", "LANG=C"}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if g.asRoot {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	out := outcome{said: said.String()}
	text, readErr := os.ReadFile(trace)
	must(t, readErr)
	out.trace = string(text)
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 && code != 3 {
		out.problem("it ends with %v", err)
	}
	if took > maxTime {
		out.problem("it takes %s", took)
	}
	if kB := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; kB > maxPeak {
		out.problem("it takes %d MB of memory", kB>>10)
	}
	if strings.Contains(out.said, canary) {
		out.problem("it prints what is outside of the flake")
	}
	if strings.Contains(out.said, "goroutine ") {
		out.problem("it panics")
	}
	g.judge(dir, &out)
	return out
}

func (o *outcome) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// judge searches the trace for opened files: strace -y shows the file of each
// descriptor, behind every link.
func (g *ground) judge(dir string, out *outcome) {
	result := regexp.MustCompile(`^\d+ +(\w+)\(.* = \d+<(.*)>$`)
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		out.problem("%v", err)
		return
	}
	started := 0
	for line := range strings.Lines(out.trace) {
		line = strings.TrimSuffix(line, "\n")
		if strings.Contains(line, "execve") && !strings.Contains(line, "resumed") {
			if started++; started > 1 {
				out.problem("it runs a program: %s", line)
			}
		}
		m := result.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		switch path := m[2]; {
		case path == real || strings.HasPrefix(path, real+"/"):
			out.inFlake++
		case path == g.program || path == g.cache || strings.HasPrefix(path, g.cache+"/"):
		case strings.HasPrefix(path, "/sys/kernel/mm/transparent_hugepage/"), strings.HasPrefix(path, "/sys/fs/cgroup"), isProc(path): // Go's runtime
		case path == "/etc/sops/audit.yaml": // sops's library, when the process starts
		default:
			out.problem("it opens %s: %s", path, line)
		}
	}
	if started == 0 {
		out.problem("the trace shows no program; it cannot have seen the run")
	}
}

// isProc reports what Go's runtime reads of its own process at the start.
func isProc(path string) bool {
	return regexp.MustCompile(`^/proc/\d+/(mountinfo|cgroup|maps)$`).MatchString(path)
}

func (o outcome) report(t *testing.T, what string) {
	t.Helper()
	for _, p := range o.problems {
		t.Errorf("%s: %s", what, p)
	}
	if len(o.problems) > 0 {
		t.Logf("%s says:\n%.2000s", what, o.said)
	}
}

// trust makes hostctl trust a server's certificate.
func trust(t *testing.T, g *ground, server *httptest.Server) {
	t.Helper()
	file := filepath.Join(g.home, "cert.pem")
	put(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	t.Setenv("SSL_CERT_FILE", file)
}

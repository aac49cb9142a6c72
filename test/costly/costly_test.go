// Package costly runs the real hostctl, as an ordinary user, on flakes that
// are made to take all memory or for ever (docs/security-model.md).
package costly

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	mostTime   = 30 * time.Second
	mostMemory = 500 << 20
	nobody     = 65534
)

func TestMain(m *testing.M) {
	code, err := 1, build()
	if err == nil {
		code = m.Run()
	}
	if err = errors.Join(err, os.Remove(program())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// program is the hostctl that is shipped, where any user can run it.
func program() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("hostctl-costly-%d", os.Getpid()))
}

func build() error {
	make := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program(), "./cmd/hostctl")
	make.Dir, make.Env, make.Stderr = "../..", append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	return make.Run()
}

// somewhere is a place in a file of the flake, or in what was typed.
var somewhere = regexp.MustCompile(`(?m)(\.hcl|^ +d|console-1):\d+`)

// outcome is what a run took, and said.
type outcome struct {
	code   int
	stderr string
	peak   int64 // resident memory, bytes
	took   time.Duration
}

func run(t *testing.T, dir, stdin string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(program(), args...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=/nonexistent", "XDG_CACHE_HOME=/nonexistent", "NO_COLOR=1"}
	cmd.Stdin = strings.NewReader(stdin)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return outcome{code: cmd.ProcessState.ExitCode(), stderr: stderr.String(), peak: usage.Maxrss << 10, took: took}
}

// write makes the files of a flake, which everybody may read.
func write(t *testing.T, files map[string]text) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content()), 0o644); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
	open(t, dir)
	return dir
}

// open lets everybody into a folder of the test.
func open(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
}

// Whatever a flake holds, its evaluation ends within half a minute and 500 MB,
// with an error that says where it was and which limit it met.
func TestCostlyFlakes(t *testing.T) {
	// The peak of a process begins with that of its parent.
	debug.SetGCPercent(20)
	for _, h := range flakes() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, write(t, h.files), h.stdin, h.args...)
			t.Logf("%s, %d MB: %s", got.took.Round(time.Millisecond), got.peak>>20, short(got.stderr))
			if got.code != 1 || got.took > mostTime || got.peak > mostMemory {
				t.Errorf("exit code %d, want 1; it took %s and %d MB", got.code, got.took, got.peak>>20)
			}
			if !somewhere.MatchString(got.stderr) {
				t.Error("the error has no place")
			}
			for _, want := range h.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("the error has no %q", want)
				}
			}
		})
	}
}

// slow is a flake that takes a second or more, and then is what it is.
func slow(n int) map[string]text {
	return map[string]text{"flake.hcl": plain(hosts), "m.hcl": plain(fmt.Sprintf(
		data+"my { data = length([for a in range(%d) : 0 if length([for b in range(100) : 0 if "+strings.Repeat("1 + ", 2000)+"1 == 0]) == 1]) }\n", n))}
}

// The deadline is what --eval-timeout says.
func TestEvalTimeout(t *testing.T) {
	dir := write(t, slow(20))
	for timeout, code := range map[string]int{"50ms": 1, "5m": 0, "0s": 1, "-1s": 1} {
		got := run(t, dir, "", "validate", "--eval-timeout", timeout)
		if got.code != code {
			t.Errorf("%s: exit code %d, want %d\n%s", timeout, got.code, code, got.stderr)
		}
		if timeout == "50ms" && !strings.Contains(got.stderr, "longer than 50ms, its deadline") {
			t.Errorf("the error is\n%s", got.stderr)
		}
	}
}

// An interruption ends an evaluation, and says that alone.
func TestInterruptedEvaluation(t *testing.T) {
	cmd := exec.Command(program(), "eval", "--host", "h")
	cmd.Dir = write(t, slow(1000))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if took := time.Since(began); err == nil || cmd.ProcessState.ExitCode() != 130 || took > 5*time.Second || stderr.String() != "cancelled\n" {
		t.Errorf("%v after %s\n%s", err, took, stderr.String())
	}
}

func short(s string) string { return s[:min(len(s), 1000)] }

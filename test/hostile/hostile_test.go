// Package hostile runs the real hostctl, as an ordinary user, on flakes that
// are made to take all memory or for ever (docs/security-model.md).
package hostile

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

// build makes the binary that is shipped, where any user can run it.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "hostctl")
	open(t, filepath.Dir(binary))
	make := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/hostctl")
	make.Dir, make.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// outcome is what a run took, and said.
type outcome struct {
	code   int
	stderr string
	peak   int64 // resident memory, bytes
	took   time.Duration
}

func run(t *testing.T, binary, dir, stdin string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(binary, args...)
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
func TestHostileFlakes(t *testing.T) {
	// The peak of a process begins with that of its parent.
	debug.SetGCPercent(20)
	binary := build(t)
	for _, h := range flakes() {
		t.Run(h.name, func(t *testing.T) {
			args := h.args
			if args == nil {
				args = []string{"eval", "--host", "h", "--eval-timeout", "3s"}
			}
			got := run(t, binary, write(t, h.files), h.stdin, args...)
			t.Logf("%s, %d MB: %s", got.took.Round(time.Millisecond), got.peak>>20, short(got.stderr))
			if got.code != 1 || got.took > mostTime || got.peak > mostMemory {
				t.Errorf("exit code %d, want 1; it took %s and %d MB", got.code, got.took, got.peak>>20)
			}
			for _, want := range h.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("the error has no %q", want)
				}
			}
		})
	}
}

func short(s string) string { return s[:min(len(s), 1000)] }

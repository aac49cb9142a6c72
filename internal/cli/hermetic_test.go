package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// besideTheFlake are the files evaluation's process may open outside the flake
// and the cache, each with who opens it.
var besideTheFlake = map[string]string{
	"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size": "Go's runtime: the size of a huge page",
	"/sys/fs/cgroup/":      "Go's runtime: how many processors the cgroup grants",
	"/proc/self/":          "Go's runtime: which cgroup that is",
	"/etc/sops/audit.yaml": "the sops library, when the process starts; evaluation calls nothing of it",
}

var (
	opened  = regexp.MustCompile(`\b(?:open|creat|openat2?)\((?:[^<"(]*<([^>]*)>, )?"([^"]*)"`)
	refused = regexp.MustCompile(`\b(?:socket|connect|execve|execveat)\(`)
)

func TestEvaluationOpensNothingElse(t *testing.T) {
	if testing.Short() {
		t.Skip("traces hostctl's system calls for some seconds each")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("cannot run here: it needs strace")
		}
		t.Skip("it needs strace")
	}
	flakeDir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, trace, cache := filepath.Join(dir, "hostctl"), filepath.Join(dir, "trace"), filepath.Join(dir, "cache")
	build := exec.Command("go", "build", "-o", program, "../../cmd/hostctl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as hostctl is: a loader would open libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command("strace", "-f", "-y", "-s", "4096", "-o", trace,
		"-e", "trace=?open,?creat,openat,?openat2,socket,connect,execve,?execveat",
		program, "eval", "--flake", flakeDir, "--host", "fw16-nix")
	cmd.Env = append(os.Environ(), "HOSTCTL_CACHE="+cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	inFlake, started := 0, false
	for line := range strings.Lines(string(text)) {
		if refused.MatchString(line) {
			if !started && strings.Contains(line, `execve("`+program+`"`) {
				started = true
				continue
			}
			t.Errorf("evaluation makes a socket or runs a program: %s", line)
		}
		m := opened.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		path := m[2]
		if !filepath.IsAbs(path) {
			path = filepath.Join(m[1], path)
		}
		switch {
		case path == flakeDir || strings.HasPrefix(path, flakeDir+"/"):
			inFlake++
		case path == program || strings.HasPrefix(path, cache+"/") || mayOpen(path):
		default:
			t.Errorf("evaluation opens %s: %s", path, line)
		}
	}
	if !started || inFlake < 10 {
		t.Errorf("the trace shows %d files of the flake, program started: %v; it cannot have seen the evaluation", inFlake, started)
	}
}

func mayOpen(path string) bool {
	for allowed := range besideTheFlake {
		if path == allowed || strings.HasSuffix(allowed, "/") && strings.HasPrefix(path, allowed) {
			return true
		}
	}
	return false
}

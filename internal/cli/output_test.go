package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/render"
)

// Whatever a command prints on a disk that is full, it fails and says why.
func TestStdoutFull(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOSTCTL_CACHE", ".cache")
	writeTestFile(t, "flake.hcl", []byte("host \"h\" { modules = [\"./h.hcl\"] }\n"))
	writeTestFile(t, "h.hcl", []byte("old { name = true }\noption \"new.name\" { type = bool }\nmoved {\n  from = \"old.name\"\n  to   = \"new.name\"\n}\npackages=[]\n"))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, line := range []string{
		"validate", "validate --json", "fix --check", "fix --check --json", "eval --host h", "eval --host h --option packages",
		"explain --host h packages", "explain --host h packages --json", "console --host h", "fmt --check", "fmt --check --json", "fmt -",
		"options", "options search ssh", "options show services.openssh", "options --json", "show", "show --markdown", "show --json",
		"flake metadata", "flake metadata --json", "flake init new --host n", "update --json nothere", "plan --json --host nothere",
		"generations list --root root", "generations list --json --root root", "secrets install --root root",
		"help", "--version", "completion bash", "validate --help", "__complete validate --ho",
	} {
		stdin := ""
		switch line {
		case "fmt -":
			stdin = "a = 1\n"
		case "console --host h":
			stdin = "1 + 1\n"
		case "generations list --root root":
			writeTestFile(t, "root/etc/os-release", []byte("ID=debian\nVERSION_CODENAME=trixie\n"))
		}
		var stderr bytes.Buffer
		code := Run(strings.Fields(line), strings.NewReader(stdin), full, &stderr)
		if code != exitFailed || strings.Count(stderr.String(), "no space left on device") != 1 {
			t.Errorf("hostctl %s on a full disk: exit code %d, and it says %q", line, code, stderr.String())
		}
	}
}

// What others have named and said steers no terminal: not in errors and
// questions, not in results, and not in JSON.
func TestNothingSteersTheTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOSTCTL_CACHE", ".cache")
	const steer = "\x1b]0;owned\x07\x1b[2J\u009b8m\x7f\u202e\r"
	writeTestFile(t, "flake.hcl", []byte("host \"h\" { modules = [\"./h.hcl\"] }\n"))
	writeTestFile(t, "h.hcl", []byte("packages = []\nfile \"/etc/x\" { content = \"\\u001b[2J\\u009b8m\\u007f\\u202e\" }\n"))
	writeTestFile(t, "wrong.hcl", []byte("nothere"+steer+" = \""+steer+"\"\n"))
	for _, line := range [][]string{
		{"eval", "--host", steer}, {"validate", "--flake", steer}, {"validate", "--json", "--flake", steer}, {steer}, {"switch", "--" + steer},
		{"fmt", "wrong.hcl"}, {"fmt", "--json", "wrong.hcl"}, {"explain", "--host", "h", steer},
		{"eval", "--host", "h"}, {"explain", "--host", "h", "file"}, {"explain", "--json", "--host", "h", "file"}, {"options", "search", steer}, {"generations", "list", "--root", steer},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(line, strings.NewReader(""), &stdout, &stderr)
		if said := stdout.String() + stderr.String(); said == "" {
			t.Errorf("hostctl %q: exit code %d, and nothing is said", line, code)
		} else if i := strings.IndexFunc(said, func(r rune) bool { return r != '\n' && render.IsControl(r) }); i >= 0 {
			t.Errorf("hostctl %q: %q", line, said)
		}
	}
	var stderr bytes.Buffer
	e := &env{stderr: errorsTo(&stderr)}
	e.say("process %s", steer)
	if strings.ContainsFunc(stderr.String(), func(r rune) bool { return r != '\n' && render.IsControl(r) }) || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("%q", stderr.String())
	}
}

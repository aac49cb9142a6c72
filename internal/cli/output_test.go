package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
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

// Package packaging holds no code, only the tests of what a project is installed
// by: the Debian package, and the Go that builds it.
package packaging

import (
	"bytes"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// The package has what it should, owned by root, and the same bytes each time.
func TestPackageIsReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds hostctl anew")
	}
	for _, tool := range []string{"dpkg-deb", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("it needs %s", tool)
		}
	}
	hostctl := filepath.Join(t.TempDir(), "hostctl")
	run(t, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", hostctl, "../cmd/hostctl")
	var first []byte
	var path string
	for range 2 {
		dir := t.TempDir()
		run(t, "./deb.sh", hostctl, dir)
		found, err := filepath.Glob(filepath.Join(dir, "hostctl_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v in %s: %v", found, dir, err)
		}
		path = found[0]
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("the same commit gives another package")
		}
		first = b
	}
	list := run(t, "dpkg-deb", "--contents", path) + "\n"
	for _, file := range []string{
		"/usr/bin/hostctl", "/usr/share/man/man1/hostctl-switch.1.gz", "/usr/share/bash-completion/completions/hostctl",
		"/usr/share/zsh/vendor-completions/_hostctl", "/usr/share/fish/vendor_completions.d/hostctl.fish",
		"/usr/lib/systemd/system/hostctl-recover.service", "/usr/share/doc/hostctl/copyright", "/usr/share/doc/hostctl/changelog.gz",
	} {
		if !strings.Contains(list, " ."+file+"\n") {
			t.Errorf("the package lacks %s:\n%s", file, list)
		}
	}
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); f[1] != "root/root" || strings.HasPrefix(f[0], "-") && strings.Contains(f[0][4:], "w") {
			t.Errorf("others than root may change %s", line)
		}
	}
	if got := run(t, "dpkg-deb", "--field", path, "Package"); got != "hostctl" {
		t.Errorf("it is called %q", got)
	}
	if got, want := run(t, "dpkg-deb", "--field", path, "Maintainer"), run(t, "git", "log", "-1", "--format=%aN <%aE>"); got != want {
		t.Errorf("who maintains it is %q, and the commit is of %q", got, want)
	}
	if got := run(t, "dpkg-deb", "--field", path, "Version"); exec.Command("dpkg", "--validate-version", got).Run() != nil {
		t.Errorf("its version is %q", got)
	}
}

// go.mod asks for no newer Go than the modules do that hostctl is made of, and
// README says which.
func TestGoVersion(t *testing.T) {
	needed, by := "go1", ""
	own := ""
	for line := range strings.Lines(run(t, "go", "list", "-deps", "-f", "{{with .Module}}{{.GoVersion}} {{.Path}} {{.Main}}{{end}}", "../cmd/hostctl")) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue // of Go itself, or from before go.mod had such a line
		}
		switch v := "go" + f[0]; {
		case f[2] == "true":
			own = v
		case version.Compare(v, needed) > 0:
			needed, by = v, f[1]
		}
	}
	if version.Compare(own, needed) != 0 {
		t.Errorf("go.mod asks for %s, and nothing needs more than %s (%s)", own, needed, by)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`It takes Go (\S+) to build`).FindSubmatch(readme)
	if said == nil || "go"+string(said[1]) != version.Lang(own) {
		t.Errorf("README.md says %s, go.mod %s", said, own)
	}
}

package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// TestEmptyLockInStrictMode: a lock that lost its lines takes no machine apart.
// The plan is shown, groups what would go, and is neither saved nor done.
func TestEmptyLockInStrictMode(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOSTCTL_CACHE", ".cache")
	writeTestFile(t, "flake.hcl", []byte("host \"h\" {\n  system  = \"amd64\"\n  modules = [\"./h.hcl\"]\n}\n"))
	writeTestFile(t, "h.hcl", []byte("hostctl { package_mode = \"strict\" }\n"))
	writeTestFile(t, "hosts/h/packages.lock", []byte("# hostctl packages.lock 1\n"))
	status := ""
	for _, p := range []string{"apt\nDepends: libc6", "libc6", "dpkg\nEssential: yes", "vim\nDepends: vim-common", "vim-common", "base-files\nEssential: yes"} {
		name, rest, _ := strings.Cut(p, "\n")
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n%s\n\n", name, rest)
	}
	writeTestFile(t, "root/var/lib/dpkg/status", []byte(strings.ReplaceAll(status, "\n\n\n", "\n\n")))
	writeTestFile(t, "root/etc/passwd", []byte("root:x:0:0::/root:/bin/bash\n"))
	for _, line := range []string{"plan --root root --out saved.plan", "plan --root root --json", "switch --root root --yes", "switch --root root --accept lockout"} {
		var stdout, stderr bytes.Buffer
		code := Run(append(strings.Fields(line), "--host", "h"), strings.NewReader(""), &stdout, &stderr)
		if code != exitRefused || !strings.Contains(stderr.String(), "apt, libc6 would go") || !strings.Contains(stderr.String(), "4 packages would go that nobody named, and 0 may") {
			t.Errorf("hostctl %s: exit code %d, %d was wanted\n%s%s", line, code, exitRefused, stdout.String(), stderr.String())
		}
		if line == "plan --root root --out saved.plan" {
			for _, says := range []string{
				"Refused: apt, libc6 would go", "  # installed by hand or with the system:\n  - package[\"apt\"] 1\n  - package[\"vim\"] 1\n  # needed by others that go:\n  - package[\"libc6\"] 1  # apt\n  - package[\"vim-common\"] 1  # vim\n",
				"packages = [\"apt\", \"vim\"]",
			} {
				if !strings.Contains(stdout.String(), says) {
					t.Errorf("the plan does not say %q:\n%s", says, stdout.String())
				}
			}
		}
	}
	if _, err := os.Lstat("saved.plan"); err == nil {
		t.Error("the plan is saved")
	}
}

// TestAgree: what may lock people out wants more than a yes.
func TestAgree(t *testing.T) {
	p := &spec.Plan{Lockout: []string{"port 22 closes"}}
	for _, c := range []struct {
		consent
		lockout []string
		code    int
	}{
		{consent{yes: true}, nil, exitOK},
		{consent{yes: true}, p.Lockout, exitRefused},
		{consent{}, p.Lockout, exitRefused}, // stdin is no terminal
		{consent{yes: true, accept: []string{acceptLockout}}, p.Lockout, exitOK},
		{consent{yes: true, accept: []string{"all"}}, nil, exitFailed},
		{consent{yes: true, confirmWithin: 1}, p.Lockout, exitOK},
	} {
		var stderr bytes.Buffer
		e := &env{stdin: strings.NewReader("y\n"), stdout: &output{to: &stderr}, stderr: &stderr}
		s := &session{env: e}
		question, err := s.wording("Switch?", c.consent, &spec.Plan{Lockout: c.lockout})
		if err == nil {
			_, err = s.confirm(question, c.yes)
		}
		if code := e.end(err); code != c.code || code == exitRefused && !strings.Contains(err.Error(), "port 22 closes") {
			t.Errorf("%+v: %d, %v", c, code, err)
		}
	}
}

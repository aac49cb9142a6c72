package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/guard"
	"github.com/hostctl/hostctl/internal/machine/system"
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

// TestKeyGoesMeanwhile: a key that goes between the question and the commit makes
// another plan of it, which nobody has agreed to.
func TestKeyGoesMeanwhile(t *testing.T) {
	root := t.TempDir()
	keys, dropIn := filepath.Join(root, "root/.ssh/authorized_keys"), "/etc/ssh/sshd_config"
	writeTestFile(t, filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/bash\n"))
	writeTestFile(t, filepath.Join(root, "etc/group"), []byte("root:x:0:\n"))
	writeTestFile(t, keys, []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample0 a\n"))
	want := &spec.Host{Files: map[string]spec.File{dropIn: {Type: spec.Regular, Content: "PasswordAuthentication no\n"}}}
	p := &spec.Plan{Changes: []spec.Change{{ID: spec.ID{Kind: spec.KindFile, Name: dropIn}, Action: spec.Create}}}
	s := &session{env: &env{root: root}, prev: &spec.Host{}, seen: &spec.State{Installed: map[string]spec.Installed{"openssh-server": {}}}}
	if err := s.noWorse(t.Context(), p, want, nil, guard.Person{}); err != nil {
		t.Errorf("with the key: %v", err)
	}
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	err := s.noWorse(t.Context(), p, want, nil, guard.Person{})
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != exitRefused || !strings.Contains(err.Error(), "no account that may use sudo has a key") {
		t.Fatalf("without it: %v", err)
	}
	found, err := guard.Lockout(t.Context(), s.guarding(p, want))
	if err != nil {
		t.Fatal(err)
	}
	warnings := len(p.Warnings)
	if err := s.noWorse(t.Context(), p, want, found, guard.Person{}); err != nil {
		t.Errorf("agreed to: %v", err)
	}
	if len(p.Warnings) != warnings {
		t.Errorf("the plan warns again: %q", p.Warnings)
	}
}

func TestLocalEnd(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.2 50000 192.0.2.1 2222": "192.0.2.1:2222", "fe80::1%eth0 1 fe80::2%eth0 22": "[fe80::2%eth0]:22"} {
		if got := localEnd(text); got != netip.MustParseAddrPort(want) {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{"", "UNKNOWN 65535 UNKNOWN 65535", "1 2 3"} {
		if got := localEnd(text); got.IsValid() {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Units that run hostctl are refused where it is not, by the place and the remedy.
func TestOwnProgramIsThere(t *testing.T) {
	root := t.TempDir()
	want := &spec.Host{
		Settings: spec.Settings{Hostctl: "/usr/local/bin/hostctl"},
		Units:    map[string]spec.Unit{"hostctl-secrets.service": {Content: "[Service]\nExecStart=/usr/local/bin/hostctl secrets install\n"}},
	}
	err := ownProgram(system.Root(root), want, &spec.Plan{})
	for _, text := range []string{`unit "hostctl-secrets.service"`, "/usr/local/bin/hostctl, which does not exist", "hostctl { path = "} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, and lacks %q", err, text)
		}
	}
	if err := ownProgram(system.Root(root), &spec.Host{Settings: want.Settings}, &spec.Plan{}); err != nil {
		t.Errorf("no unit runs it: %v", err)
	}
	writeTestFile(t, filepath.Join(root, "usr/local/bin/hostctl"), []byte("#!/bin/sh\n"))
	if err := ownProgram(system.Root(root), want, &spec.Plan{}); err != nil {
		t.Error(err)
	}
	const local, deb = "/usr/local/bin/hostctl", packaged
	for name, c := range map[string]struct {
		path    string
		change  spec.Change
		refused bool
	}{
		"its package has it elsewhere": {local, changeOf(spec.KindPackage, "hostctl", spec.Create), true},
		"its package brings it":        {deb, changeOf(spec.KindPackage, "hostctl", spec.Create), false},
		"its package goes":             {deb, changeOf(spec.KindPackage, "hostctl", spec.Delete), true},
		"a file brings it":             {local, changeOf(spec.KindFile, local, spec.Create), false},
	} {
		root := t.TempDir()
		if c.change.Action == spec.Delete {
			writeTestFile(t, filepath.Join(root, c.path), []byte("#!/bin/sh\n"))
		}
		want := &spec.Host{
			Settings: spec.Settings{Hostctl: c.path}, Packages: map[string]spec.Package{"hostctl": {Absent: c.change.Action == spec.Delete}},
			Units: map[string]spec.Unit{"hostctl-secrets.service": {Content: "[Service]\nExecStart=" + c.path + " secrets install\n"}},
		}
		if err := ownProgram(system.Root(root), want, &spec.Plan{Changes: []spec.Change{c.change}}); (err != nil) != c.refused {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func changeOf(kind spec.Kind, name string, action spec.Action) spec.Change {
	return spec.Change{ID: spec.ID{Kind: kind, Name: name}, Action: action}
}

package host

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// reference is a copy of this repository's own flake, with the packages of
// server-nix locked afresh and fetched.
func reference(t *testing.T) string {
	t.Helper()
	w := theWorld(t)
	flake := t.TempDir()
	if out, err := exec.Command("git", "clone", "--quiet", "../..", flake).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	w.update(t, flake)
	w.fetch(t, flake, "server-nix")
	return flake
}

// TestServerNix takes the reference server through its life: switched, looked
// at from outside, rebooted, rolled back, and switched again.
func TestServerNix(t *testing.T) {
	g := boot(t, reference(t), "server-nix")
	g.copyIn(filepath.Join(g.w.repo(t), "secrets/test-age.key"), "/var/lib/hostctl/age.key", 0o600)
	g.says("systemctl is-active ssh nftables || true", "inactive\ninactive")
	zero := g.manifest()
	g.want(2, []string{"openssh-server"}, "plan", "--detailed-exitcode")
	g.same("plan writes nothing", zero)

	g.want(0, nil, "switch", "--yes")
	g.holds()
	one := g.manifest()
	g.want(0, nil, "plan", "--detailed-exitcode")
	g.same("plan writes nothing", one)
	g.planForksNothing()

	if err := g.Reboot(t.Context()); err != nil {
		t.Error(err)
	}
	g.holds()
	g.want(0, nil, "plan", "--detailed-exitcode")

	r := g.want(0, []string{"/etc/ssh/ssh_host_ed25519_key"}, "rollback", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.same("rollback to before the switch", zero, append(machine.Accounts(), g.state()...)...)
	g.says("command -v sshd zsh nft || echo none", "none")
	g.says("ls /run/secrets 2>/dev/null || echo none", "none")
	g.says("test -e /etc/ssh/ssh_host_ed25519_key && echo there", "there")

	g.want(0, nil, "rollback", "--to", "1", "--yes")
	g.same("forth to generation 1", one, machine.Accounts()...)
	g.holds()
}

// repo is the top of the checkout that is tested.
func (w world) repo(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// holds proves from outside hostctl that the machine is what the reference
// configuration says.
func (g *guest) holds() {
	g.t.Helper()
	g.lockedVersions()
	g.says("systemctl is-active ssh nftables", "active\nactive")
	g.says("systemctl --failed --no-legend --plain", "")
	g.says("dpkg --audit", "")
	g.says("hostname", "server-nix")
	g.says("sshd -T | grep -E '^(permitrootlogin|passwordauthentication)' | sort", "passwordauthentication no\npermitrootlogin no")
	g.says("nft list ruleset | grep -c 'policy drop'", "2")
	g.secretsInPlace()
}

// lockedVersions compares dpkg's own answer with the package lock.
func (g *guest) lockedVersions() {
	g.t.Helper()
	locked, err := apt.ParseLock([]byte(g.read(filepath.Join(flakeInGuest, "hosts", g.host, "packages.lock"))))
	if err != nil {
		g.t.Fatal(err)
	}
	installed := map[string]string{}
	for _, line := range strings.Split(g.sh("dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n'"), "\n") {
		if status, rest, _ := strings.Cut(line, "|"); strings.HasPrefix(status, "ii") {
			name, version, _ := strings.Cut(rest, "|")
			installed[name] = version
		}
	}
	for _, l := range locked {
		if installed[l.Name] != l.Version {
			g.t.Errorf("package %s: the lock says %s, dpkg-query says %q", l.Name, l.Version, installed[l.Name])
		}
	}
}

// secretsInPlace compares every secret of the current generation's record
// with stat(1), and the file systems that hold them.
func (g *guest) secretsInPlace() {
	g.t.Helper()
	var host spec.Host
	if err := json.Unmarshal([]byte(g.read("/var/lib/hostctl/current/spec.json")), &host); err != nil {
		g.t.Fatal(err)
	}
	if len(host.Secrets) == 0 {
		g.t.Error("the reference server has no secrets")
	}
	for name, s := range host.Secrets {
		g.says("stat -L -c '%a %U %G' "+s.Path(name), strings.TrimLeft(s.Mode, "0")+" "+s.Owner+" "+s.Group)
		fs := g.sh("findmnt -n -o FSTYPE,OPTIONS -T $(readlink -f " + s.Path(name) + ")")
		if !strings.HasPrefix(fs, "ramfs") && !strings.Contains(fs, "noswap") {
			g.t.Errorf("secret %s lies on %s, which can be swapped out", name, fs)
		}
	}
}

// planForksNothing traces a plan that finds nothing: no process besides
// hostctl itself, however many packages, files and units there are.
func (g *guest) planForksNothing() {
	g.t.Helper()
	trace := filepath.Join(g.t.TempDir(), "trace")
	plan := g.Command(g.t.Context(), "hostctl", "plan", "--flake", flakeInGuest, "--host", g.host)
	cmd := exec.Command("strace", append([]string{"-f", "-e", "trace=process", "-o", trace}, plan.Args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		g.t.Fatalf("strace: %v\n%s", err, out)
	}
	b, err := os.ReadFile(trace)
	if err != nil {
		g.t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(b), `execve("/usr/local/bin/hostctl"`)
	if !ok {
		g.t.Fatalf("the trace shows no hostctl:\n%s", b)
	}
	for line := range strings.Lines(after) {
		started := strings.Contains(line, "execve(") || strings.Contains(line, "fork(") ||
			strings.Contains(line, "clone") && !strings.Contains(line, "resumed") && !strings.Contains(line, "CLONE_THREAD")
		if started {
			g.t.Errorf("plan starts a process: %s", line)
		}
	}
	quiet := g.Command(g.t.Context(), "hostctl", "plan", "--flake", flakeInGuest, "--host", g.host)
	r := runCommand(g.t, quiet)
	cpu := quiet.ProcessState.UserTime() + quiet.ProcessState.SystemTime()
	g.t.Logf("a plan that finds nothing: %s of CPU, %s in all\n%s", cpu, r.took, r.stdout)
}

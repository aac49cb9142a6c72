package host

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// reference is a copy of this repository's own flake, with the packages of a host
// locked afresh and fetched.
func reference(t *testing.T, host string) string {
	t.Helper()
	w := theWorld(t)
	flake := t.TempDir()
	if err := machine.Reference(t.Context(), "../..", flake); err != nil {
		t.Fatal(err)
	}
	w.update(t, flake, "--host", host)
	w.fetch(t, flake, host)
	return flake
}

// TestServerNix takes the reference server through its life: switched, looked
// at from outside, rebooted, rolled back, and switched again.
func TestServerNix(t *testing.T) {
	g := boot(t, reference(t, "server-nix"), "server-nix")
	g.copyIn("../../secrets/TEST-ONLY.agekey", "/var/lib/hostctl/age.key", 0o600)
	zero := g.manifest()
	g.want(2, []string{"openssh-server"}, "plan", "--detailed-exitcode")
	g.same("plan writes nothing", zero)

	g.want(0, nil, "switch", "--yes")
	g.holds()
	g.want(0, []string{"No drift"}, "drift", "--unowned")
	one := g.manifest()
	g.want(0, nil, "plan", "--detailed-exitcode")
	g.same("plan writes nothing", one)
	g.planForksNothing()

	if err := g.Reboot(t.Context()); err != nil {
		t.Error(err)
	}
	g.holds()
	g.want(0, nil, "plan", "--detailed-exitcode")

	owned := g.owned()
	r := g.want(0, []string{"/etc/ssh/ssh_host_ed25519_key"}, "rollback", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.same("rollback to before the switch", zero, slices.Concat(machine.Accounts(), serverDaemons(), g.stays(zero, owned))...)
	g.says("command -v sshd zsh nft || echo none", "none")
	g.says("ls /run/secrets 2>/dev/null || echo none", "none")
	g.says("test -e /etc/ssh/ssh_host_ed25519_key && echo there", "there")

	g.want(0, nil, "rollback", "--to", "1", "--yes")
	g.same("forth to generation 1", one, slices.Concat(machine.Accounts(), serverDaemons(), g.stays(one, owned))...)
	g.holds()
}

// serverDaemons are the paths below /etc that the reference server's daemons write
// themselves at start, whoever installed them.
func serverDaemons() []machine.Exclusion {
	return []machine.Exclusion{
		{Path: "/etc/cni", Why: "containerd makes the folder"},
		{Path: "/etc/console-setup", Why: "holds the next", Only: true},
		{Path: "/etc/console-setup/cached_*", Why: "console-setup.service caches fonts and key maps"},
		{Path: "/etc/libvirt", Why: "holds the next", Only: true},
		{Path: "/etc/libvirt/secrets", Why: "libvirtd makes the folder"},
		{Path: "/etc/libvirt/nwfilter", Why: "libvirtd gives each filter a random UUID"},
		{Path: "/etc/libvirt/qemu/networks/default.xml", Why: "libvirtd gives the network a random UUID"},
	}
}

// holds proves from outside hostctl that the machine is what the reference
// configuration says.
func (g *guest) holds() {
	g.t.Helper()
	g.lockedVersions()
	// libvirtd ends when nobody has asked it anything for two minutes.
	g.says("virsh --connect qemu:///system uri > /dev/null; systemctl is-active ssh hostctl-firewall docker libvirtd NetworkManager | sort | uniq -c", "5 active")
	g.says("systemctl --failed --no-legend --plain", "")
	g.says("dpkg --audit", "")
	g.says("hostname", "server-nix")
	g.says("sshd -T | grep -E '^(permitrootlogin|passwordauthentication)' | sort", "passwordauthentication no\npermitrootlogin no")
	g.says("nft list chain inet hostctl input | grep -oE 'policy drop|tcp dport 22 accept'", "policy drop\ntcp dport 22 accept")
	g.says("id -nG psiri | tr ' ' '\\n' | grep -cxE 'sudo|netdev|docker|plugdev'; getent passwd psiri | cut -d: -f6,7", "4\n/home/psiri:/usr/bin/zsh")
	g.says("sysctl -n net.ipv4.conf.all.rp_filter net.ipv4.tcp_rfc1337", "1\n1")
	g.says("readlink /etc/localtime", "/usr/share/zoneinfo/America/New_York")
	g.says("locale -a | grep en_US", "en_US.utf8")
	g.says("runuser -u psiri -- cat /run/secrets/hello_world", "Hello from a secret.")
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

// planForksNothing traces a plan without changes: it starts no process, however
// many packages, files and units there are.
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

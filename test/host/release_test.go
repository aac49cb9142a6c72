package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// releasePackages are packages of a server that both releases have.
func releasePackages() []string {
	return []string{
		"apt", "ca-certificates", "cron", "dbus", "iproute2", "kmod", "less", "libcap2-bin", "libpam-systemd", "login", "netbase",
		"e2fsprogs", "nginx", "openssh-server", "passwd", "procps", "sudo", "systemd-sysv", "tzdata", "udev",
		"apparmor", "docker.io", "ldap-utils", "locales", "logrotate", "network-manager", "rsyslog", "slapd",
	}
}

const releaseModule = `
hostctl {
  package_mode = "strict"
}

policy {
  max_removals = 200
}

file "/etc/motd" {
  content = "ours\n"
}
`

// A machine moves from one release of Debian to the next by another word in its
// flake, and back, each time in one transaction and a reboot. On both it is what
// another machine is on which apt did the same.
func TestRelease(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	t.Parallel()
	w := theWorld(t)
	var err error
	if w.base, err = machine.FormerBase(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	former, next := releasePackages(), append(releasePackages(), "docker-cli") // which was a part of docker.io
	flake := w.releaseFlake(t, machine.FormerSuite, former)
	g := w.boot(t, machine.NameFor("release"), flake, "h")
	apt := g.twin(t)
	g.want(0, nil, "switch", "--yes")
	apt.aptInstall(g.locks(), former, true)
	apt.write("/etc/motd", "ours\n", 0o644)
	g.like(apt)
	g.says("cut -d. -f1 /etc/debian_version; systemctl is-active nginx ssh", "12\nactive\nactive")
	data := []datum{inDocker(), inSlapd()}
	g.putIn(data)
	apt.putIn(data)
	was := g.moment()

	g.putFlake(w.releaseFlake(t, machine.Suite, next))
	for _, m := range []*guest{g, apt} {
		if err := m.ShareDebs(t.Context(), w.cache); err != nil {
			t.Fatal(err)
		}
	}
	r := g.want(0, nil, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.says("cut -d. -f1 /etc/debian_version; dpkg --audit", "13")
	if err := g.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.says("systemctl is-active nginx ssh; systemctl --failed --no-legend; dpkg --audit", "active\nactive")
	g.want(0, nil, "plan", "--detailed-exitcode")
	apt.aptInstall(g.locks(), next, true)
	if err := apt.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	const answers = "/var/cache/debconf/config.dat"
	g.like(apt, machine.Exclusion{Path: "/root/.profile", Data: true, Why: "base-files edits root's own copy; hostctl changes no data that is there, and lists it"},
		machine.Exclusion{Path: answers, Data: true, Why: "compared below"})
	// libc6's script asks which running services to restart. A stage has none, and
	// hostctl restarts whatever maps the former library.
	if got := strings.Join(differing(apt.read(answers), g.read(answers), "apt"), "\n"); got != "apt: Value: false\napt: Value: slapd ssh cron" {
		t.Errorf("%s differs:\n%s", answers, got)
	}
	g.hasIn(data)
	is := g.moment()

	r = g.want(0, nil, "rollback", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	if err := g.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.isAgain("back on the former release", was, append(machine.Accounts(), g.stays(was.paths, g.owned())...)...)
	g.hasIn(data)
	g.want(0, nil, "rollback", "--to", "2", "--yes")
	if err := g.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	forth := append(machine.Accounts(), g.stays(is.paths, g.owned())...)
	forth = append(forth, machine.Exclusion{Path: "/etc/ld.so.cache", Time: true, Why: "ldconfig.service makes it again at the boot"})
	g.isAgain("forth to the next release", is, forth...)
	g.hasIn(data)
}

// releaseFlake is a flake of a server on a release, with what it takes fetched.
func (w world) releaseFlake(t *testing.T, suite string, packages []string) string {
	t.Helper()
	dir := flakeFor(t, packages)
	for file, change := range map[string]func(string) string{
		"flake.hcl":           func(text string) string { return strings.ReplaceAll(text, "debian:"+machine.Suite, "debian:"+suite) },
		"hosts/h/default.hcl": func(text string) string { return text + releaseModule },
	} {
		path := filepath.Join(dir, file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(change(string(b))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.update(t, dir)
	w.fetch(t, dir, "h")
	return dir
}

package host

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/repo"
)

// injection is something that somebody does to a machine by hand, and how
// drift has to call it.
type injection struct {
	do     string // a shell line
	kind   string
	name   string
	field  string
	remedy spec.Remedy
}

// injections are all kinds of drift. Those with spec.Restores or spec.Removes
// are about things that the configuration in testdata/drift declares.
func injections() []injection {
	return slices.Concat(declaredByHand(), undeclaredByHand(), filesByHand())
}

func declaredByHand() []injection {
	return []injection{
		{"echo edited > /etc/motd", "file", "/etc/motd", "content", spec.Restores},
		{"rm /etc/tiny/removed", "file", "/etc/tiny/removed", "", spec.Restores},
		{"chmod 0666 /etc/tiny/tiny.conf", "file", "/etc/tiny/tiny.conf", "mode", spec.Restores},
		{"chown daemon /etc/tiny/owned", "file", "/etc/tiny/owned", "owner", spec.Restores},
		{"ln -sfn /tmp /etc/tiny/link", "file", "/etc/tiny/link", "target", spec.Restores},
		{"", "file", "/etc/tiny/plain", "xattrs", spec.Restores}, // the test sets it: the guest has no setfattr
		{"echo 'ssh-ed25519 BBBB eve' >> /home/ann/.ssh/authorized_keys", "authorized_keys", "/home/ann/.ssh/authorized_keys", "content", spec.Restores},
		{"echo '* * * * * root false' >> /etc/cron.d/tiny", "cron", "/etc/cron.d/tiny", "content", spec.Restores},
		{"usermod -s /bin/sh ann", "user", "ann", "shell", spec.Restores},
		{"gpasswd -a ann adm", "membership", "ann", "groups", spec.Restores},
		{"echo '# edited' >> /etc/systemd/system/tiny-web.service", "unit", "tiny-web.service", "content", spec.Restores},
		{"rm /etc/systemd/system/tiny-tick.service", "unit", "tiny-tick.service", "", spec.Restores},
		{"systemctl disable tiny-tick.timer", "timer", "tiny-tick.timer", "enabled", spec.Restores},
		{"systemctl unmask hibernate.target", "mask", "hibernate.target", "masked", spec.Restores},
		{"echo Nice=9 >> /etc/systemd/system/systemd-journald.service.d/10-tiny.conf", "drop_in", "systemd-journald.service", "drop_ins/10-tiny.conf", spec.Restores},
		{"sysctl -qw net.ipv4.ip_forward=0", "sysctl", "net.ipv4.ip_forward", "live value", spec.Restores},
		{"echo net.ipv4.tcp_ecn = 0 >> /etc/sysctl.d/60-hostctl.conf", "sysctl", "net.ipv4.tcp_ecn", "", spec.Removes},
		{"echo loop > /etc/modules-load.d/hostctl.conf", "module", "loop", "", spec.Removes},
		{"dpkg -r dt-shape", "package", "dt-shape", "version", spec.Restores},
		{"apt-get install -qq /root/tiny_2.0_amd64.deb", "package", "tiny", "version", spec.Restores},
	}
}

func undeclaredByHand() []injection {
	return []injection{
		{"dpkg -i /root/dt-trigger_1_amd64.deb", "package", "dt-trigger", "version", spec.Leaves},
		{"useradd mallory", "user", "mallory", "", spec.Leaves},
		{"useradd -o -u 0 -g 0 toor", "user", "toor", "", spec.Leaves},
		{"userdel games", "user", "games", "", spec.Leaves},
		{"usermod -s /bin/bash daemon", "user", "daemon", "shell", spec.Leaves},
		{"passwd -d root", "user", "root", "password", spec.Leaves},
		{"echo 'bin:$y$j9T$abc$def' | chpasswd -e", "user", "bin", "password", spec.Leaves},
		{"chage -E 30000 sys", "user", "sys", "expires", spec.Leaves},
		{"gpasswd -A daemon sudo", "group", "sudo", "administrators", spec.Leaves},
		{"groupadd intruders", "group", "intruders", "", spec.Leaves},
		{"gpasswd -a daemon adm", "membership", "daemon", "adm", spec.Leaves},
		{"systemctl disable apt-daily.timer", "timer", "apt-daily.timer", "enabled", spec.Leaves},
		{"systemctl disable remote-fs.target", "unit", "remote-fs.target", "enabled", spec.Leaves},
		{"systemctl mask dpkg-db-backup.timer", "mask", "dpkg-db-backup.timer", "masked", spec.Leaves},
		{"sysctl -qw net.ipv4.tcp_syncookies=0", "sysctl", "net.ipv4.tcp_syncookies", "live value", spec.Leaves},
		{"mount -t tmpfs stray /mnt", "mount", "/mnt", "", spec.Leaves},
		{"update-alternatives --install /usr/bin/dt-choice dt-choice /bin/true 1", "alternative", "/etc/alternatives/dt-choice", "", spec.Leaves},
		{"dpkg-divert --local --add /usr/bin/dt-other", "diversion", "/usr/bin/dt-other", "", spec.Leaves},
		{"dpkg-statoverride --add root root 0700 /usr/share/dt/other", "statoverride", "/usr/share/dt/other", "", spec.Leaves},
	}
}

func filesByHand() []injection {
	return []injection{
		{"echo worm >> /usr/share/dt/base/VALUE", "program_file", "/usr/share/dt/base/VALUE", "content", spec.Leaves},
		{"rm /usr/share/dt/base/stable", "program_file", "/usr/share/dt/base/stable", "content", spec.Leaves},
		{"chmod 0700 /usr/share/dt/base", "program_file", "/usr/share/dt/base", "mode", spec.Leaves},
		{"chown daemon /usr/share/dt/base/removed-in-2", "program_file", "/usr/share/dt/base/removed-in-2", "owner", spec.Leaves},
		{"echo '# mine' >> /etc/dt/config", "conffile", "/etc/dt/config", "content", spec.Leaves},
		{"chmod u+s /usr/bin/tac", "setuid", "/usr/bin/tac", "mode", spec.Leaves},
		{"install -m 4755 /bin/true /usr/local/bin/backdoor", "setuid", "/usr/local/bin/backdoor", "", spec.Leaves},
		{"setcap cap_net_raw+ep /usr/bin/dt-base", "capability", "/usr/bin/dt-base", "xattr security.capability", spec.Leaves},
		{"mkdir -p /usr/local/lib/python3.13/dist-packages/requests && touch /usr/local/lib/python3.13/dist-packages/requests/api.py", "file", "/usr/local/lib/python3.13", "", spec.Leaves},
		{"mkdir -p /usr/local/lib/node_modules/left-pad && touch /usr/local/lib/node_modules/left-pad/index.js", "file", "/usr/local/lib/node_modules", "", spec.Leaves},
		{"apt-mark hold login", "package", "login", "hold", spec.Leaves},
		{"apt-mark auto bash", "package", "bash", "auto", spec.Leaves},
		{"touch /usr/local/bin/kubectl", "file", "/usr/local/bin/kubectl", "", spec.Leaves},
		{"mkdir -p /opt/vendor/bin && touch /opt/vendor/bin/agent", "file", "/opt/vendor", "", spec.Leaves},
		{"mkdir -p /etc/sudoers.d && echo 'mallory ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/mallory", "sudoers", "/etc/sudoers.d", "", spec.Leaves},
		{"mkdir -p /root/.ssh && echo 'ssh-ed25519 CCCC eve' > /root/.ssh/authorized_keys", "authorized_keys", "/root/.ssh/authorized_keys", "", spec.Leaves},
		{"echo '* * * * * root id' > /etc/cron.d/evil", "cron", "/etc/cron.d/evil", "", spec.Leaves},
		{"mkdir -p /var/spool/cron/crontabs && echo '* * * * * id' > /var/spool/cron/crontabs/root", "cron", "/var/spool/cron", "", spec.Leaves},
		{"printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/evil.service", "unit", "/etc/systemd/system/evil.service", "", spec.Leaves},
		{"printf '[Timer]\\nOnCalendar=daily\\n' > /etc/systemd/system/evil.timer", "timer", "/etc/systemd/system/evil.timer", "", spec.Leaves},
		{"mkdir /etc/systemd/system/dbus.service.d && printf '[Service]\\nNice=1\\n' > /etc/systemd/system/dbus.service.d/evil.conf", "drop_in", "/etc/systemd/system/dbus.service.d", "", spec.Leaves},
		{"echo kernel.panic = 1 > /etc/sysctl.d/99-evil.conf", "sysctl", "/etc/sysctl.d/99-evil.conf", "", spec.Leaves},
		{"echo dummy > /etc/modules-load.d/evil.conf", "module", "/etc/modules-load.d/evil.conf", "", spec.Leaves},
		{"echo 'tmpfs /srv tmpfs noauto 0 0' >> /etc/fstab", "mount", "/etc/fstab", "content", spec.Leaves},
		{"echo 'deb [trusted=yes] file:/srv ./' > /etc/apt/sources.list.d/evil.list", "apt_source", "/etc/apt/sources.list.d/evil.list", "", spec.Leaves},
		{"echo key > /etc/apt/keyrings/evil.asc", "apt_key", "/etc/apt/keyrings/evil.asc", "", spec.Leaves},
		{"echo /usr/local/lib/evil.so > /etc/ld.so.preload.off", "file", "/etc/ld.so.preload.off", "", spec.Leaves},
	}
}

// Everything that can be changed by hand is reported as what it is, and
// nothing else is; one switch puts right what the configuration declares, and
// the rest is still listed.
func TestDriftOfEveryKind(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/drift", "drift")
	g.lock(debs(t, tinyPackage("1.0"), repo.Base("1"), repo.Config("1"), repo.Shape("1"))...)
	for _, l := range debs(t, tinyPackage("2.0"), repo.Trigger("1")) {
		g.copyIn(cached(g.w, l), "/root/"+filepath.Base(cached(g.w, l)), 0o644)
	}
	g.want(0, nil, "switch", "--yes")
	g.want(0, []string{"No drift"}, "drift", "--unowned")

	for _, i := range injections() {
		if i.do != "" {
			g.sh(i.do)
		}
	}
	if err := unix.Lsetxattr(filepath.Join(g.Root, "/etc/tiny/plain"), "user.note", []byte("by hand"), 0); err != nil {
		t.Fatal(err)
	}
	before := g.manifest()
	g.drifted(injections())
	g.same("drift changes nothing", before)

	g.want(0, []string{"/replaced:", "  /etc/motd"}, "switch", "--yes")
	g.says("cat /var/lib/hostctl/current/replaced/etc/motd; tail -1 /var/lib/hostctl/current/replaced/etc/systemd/system/tiny-web.service", "edited\n# edited")
	left := injections()
	g.drifted(slices.DeleteFunc(left, func(i injection) bool { return i.remedy != spec.Leaves }))
	g.says("cat /etc/motd; sysctl -n net.ipv4.ip_forward", "This is generation one.\n1")
	g.says("systemctl is-enabled tiny-tick.timer hibernate.target || true", "enabled\nmasked")
	g.says("dpkg-query -W -f '${Package} ${Version} ' tiny dt-shape", "dt-shape 1 tiny 1.0")
	g.says("dpkg --audit", "")
}

// cached is where the cache of this machine has a package.
func cached(w world, l spec.Locked) string {
	return filepath.Join(w.cache, "debs", l.SHA256[:2], l.SHA256, fmt.Sprintf("%s_%s_%s.deb", l.Name, l.Version, l.Arch))
}

// drifted compares what drift lists with what was done, both ways.
func (g *guest) drifted(done []injection) {
	g.t.Helper()
	r := g.want(2, nil, "drift", "--json")
	var d spec.Drift
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		g.t.Fatalf("drift --json: %v\n%s", err, r)
	}
	var got, want []string
	for _, i := range d.Items {
		got = append(got, fmt.Sprintf("%s %s %s: %s", i.Kind, i.Name, i.Field, i.Switch))
		if i.Switch == spec.Restores && i.Origin.File == "" {
			g.t.Errorf("nobody is said to have asked for %s %s", i.Kind, i.Name)
		}
	}
	for _, i := range done {
		want = append(want, fmt.Sprintf("%s %s %s: %s", i.kind, i.name, i.field, i.remedy))
	}
	missing := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(got, s) })
	more := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return slices.Contains(want, s) || collateral(s) })
	if len(missing)+len(more) > 0 {
		g.t.Errorf("of %d things drift does not list\n  %s\nand lists beside them\n  %s", len(want), strings.Join(missing, "\n  "), strings.Join(more, "\n  "))
	}
	g.t.Logf("%d things done by hand, %d items in %s", len(want), len(d.Items), r.took)
}

// collateral are the side effects of the injections: useradd makes a group,
// userdel removes one, and so on.
func collateral(item string) bool {
	return slices.Contains([]string{
		"group mallory : leaves", "group games : leaves",
		"file /usr/bin/dt-choice : leaves",
	}, item)
}

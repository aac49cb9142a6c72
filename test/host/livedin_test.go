package host

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// livedIn boots a machine that people have lived on for a while.
func livedIn(t *testing.T) *guest {
	t.Helper()
	packages := []string{"nginx-light", "postgresql", "openssh-server", "sudo", "nftables"}
	g := locked(t, flakeFor(t, packages), "h")
	g.aptInstall(g.locks(), packages, false)
	g.copyIn("testdata/livedin/live.sh", "/root/live.sh", 0o755)
	g.sh("/root/live.sh")
	g.until("cid's service runs", "pgrep -u cid -x sleep")
	g.until("sshd answers at 2222", "ip netns exec afar "+sshOfAda+" sudo true") // for which sudo leaves a file
	return g
}

// sshOfAda logs in as ada from afar.
const sshOfAda = "ssh -q -p 2222 -i /root/laptop -o ConnectTimeout=3 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ada@192.0.2.1"

// typed is what ada types from afar, with sudo where it is hostctl.
func (g *guest) typed(args ...string) result {
	g.t.Helper()
	line := fmt.Sprintf("sudo hostctl %s --flake %s --host %s", strings.Join(args, " "), flakeInGuest, g.host)
	return runCommand(g.t, g.Command(g.t.Context(), "sh", "-c", "ip netns exec afar "+sshOfAda+" '"+line+"'"))
}

// moveIn writes a flake as docs/coming-from-ansible.md describes it, with more added
// to its module, and gives the machine the packages.
func (g *guest) moveIn(more string) {
	g.t.Helper()
	page, err := os.ReadFile("../../docs/coming-from-ansible.md")
	if err != nil {
		g.t.Fatal(err)
	}
	role := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(page)
	if role == nil {
		g.t.Fatal("docs/coming-from-ansible.md has no module")
	}
	g.sh("rm -rf " + flakeInGuest + " && hostctl flake init " + flakeInGuest)
	g.host = "debian" // the machine's name
	g.edit("flake.hcl", `modules = ["./modules/shell.hcl"]`, "")
	at := filepath.Join(flakeInGuest, "hosts/debian")
	g.write(at+"/default.hcl", string(role[1])+more, 0o644)
	g.write(at+"/site.tmpl", strings.Replace(g.read("/etc/nginx/sites-enabled/site"), "listen 80;", "listen ${port};", 1), 0o644)
	dir := g.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(g.Root, flakeInGuest))); err != nil {
		g.t.Fatal(err)
	}
	g.w.update(g.t, dir)
	g.w.fetch(g.t, dir, g.host)
	g.putFlake(dir)
}

// theirs is what people have on the machine that no configuration mentions, as
// reported by programs other than hostctl.
func (g *guest) theirs() string {
	g.t.Helper()
	return g.sh(`getent passwd ada bea cid; id -nG ada; id -nG bea; id -nG cid
		getent shadow ada bea cid
		cd /home && find . -type f -o -type l | sort | xargs sha256sum; ls -lRA --time-style=+ /home
		ls /var/lib/systemd/linger; pgrep -c -u cid -x sleep
		grep -n 'by hand' /etc/nginx/nginx.conf; grep -n byhand /etc/nftables.conf; grep -n ^Port /etc/ssh/sshd_config
		sha256sum /etc/nginx/nginx.conf /etc/nftables.conf /etc/ssh/sshd_config /etc/sudoers.d/ada
		su postgres -c "psql -Atc 'select n, what from orders order by n'"
		systemctl show -p MainPID --value postgresql@17-main.service
		systemctl is-active nginx ssh postgresql@17-main`)
}

// A server in use gets a configuration as the page for Ansible users describes it.
// Nobody is locked out, nothing of theirs is lost, and a rollback leads to exactly
// the machine that hostctl found.
func TestLivedInServer(t *testing.T) {
	if os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
		t.Skip("left to make test-packages")
	}
	t.Parallel()
	g := livedIn(t)
	zero, theirs := g.moment(), g.theirs()

	g.moveIn("")
	const closes = "the firewall closes port 2222, on which sshd listens and through which this session came"
	r := g.typed("plan", "--detailed-exitcode")
	t.Logf("the page's module, planned:\n%s", r)
	if r.code != 2 || !strings.HasPrefix(r.stdout, "Lock-out: "+closes) {
		t.Errorf("the plan does not begin with the lock-out:\n%s", r)
	}
	for _, no := range []string{"- ", "user", "group ", "nginx.conf", "sshd_config", "postgres"} {
		if regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(no)).MatchString(r.stdout) {
			t.Errorf("the plan takes something away, or speaks of what nobody mentioned: %q\n%s", no, r.stdout)
		}
	}
	if r := g.typed("switch", "--yes"); r.code != 5 || !strings.Contains(r.stderr, closes) {
		t.Errorf("a switch that locks out is not refused: %s", r)
	}
	g.isAgain("a switch that was refused", zero, machine.Exclusion{Path: "/var/lib/postgresql", Why: "the server writes as it runs"})

	g.edit("hosts/debian/default.hcl", "allowed_tcp_ports = [80]", "allowed_tcp_ports = [80, 2222]")
	g.edit("hosts/debian/site.tmpl", "the shop", "the new shop")
	if r := g.typed("switch", "--yes"); r.code != 0 {
		t.Fatalf("the corrected configuration: %s", r)
	}
	g.theorems()
	g.write("/root/get", `exec 3<>/dev/tcp/192.0.2.1/80; printf 'GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n' >&3; tail -n 1 <&3`, 0o644)
	g.says("ip netns exec afar bash /root/get", "the new shop")
	g.stillTheirs("after the switch", theirs)

	if r := g.typed("rollback", "--to", "0", "--yes"); r.code != 0 {
		t.Fatalf("the way back: %s", r)
	}
	g.says("ip netns exec afar bash /root/get; nft list tables", "the shop\ntable inet filter\ntable inet byhand")
	g.stillTheirs("after the way back", theirs)
	g.isAgain("the machine as hostctl found it", zero, slices.Concat(machine.Accounts(), g.stays(zero.paths, g.owned()))...)
}

// stillTheirs fails the test if something that people had is missing.
func (g *guest) stillTheirs(when, theirs string) {
	g.t.Helper()
	if lines := differing(theirs, g.theirs(), "then"); len(lines) > 0 {
		g.t.Errorf("%s something of theirs is not as it was:\n  %s", when, strings.Join(lines, "\n  "))
	}
}

package host

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// remote runs a command in the machine over SSH, from a network namespace of its
// own, through the port that sshd listens on.
func (g *guest) remote(port, line string) result {
	g.t.Helper()
	return runCommand(g.t, g.Command(g.t.Context(), "ip", "netns", "exec", "afar", "ssh", "-q", "-p", port, "-o", "ConnectTimeout=3", "root@192.0.2.1", line))
}

// Somebody moved the machine's sshd to port 2222, and the configuration does not
// know that. The plan says so first, only an explicit consent goes ahead, and a
// trial restores the machine.
func TestLockoutIsNotSilent(t *testing.T) {
	t.Parallel()
	g := locked(t, "testdata/lockout", "far")
	g.want(0, nil, "switch", "--yes")
	g.sh(`ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
		printf 'StrictHostKeyChecking accept-new\nUserKnownHostsFile /root/.ssh/known_hosts\n' > /root/.ssh/config
		ip netns add afar
		ip link add near type veth peer name far netns afar
		ip address add 192.0.2.1/24 dev near && ip link set near up
		ip -n afar address add 192.0.2.2/24 dev far && ip -n afar link set far up
		echo 'table inet byhand {}' >> /etc/nftables.conf && systemctl enable -q --now nftables
		sed -i 's/^#Port 22$/Port 2222/' /etc/ssh/sshd_config && systemctl restart ssh`)
	g.until("sshd answers at 2222", "ip netns exec afar ssh -q -p 2222 root@192.0.2.1 true")
	g.edit("hosts/far/default.hcl", "packages", `services {
  openssh { enable = true }
}

networking {
  firewall {
    enable            = true
    allowed_tcp_ports = [80]
  }
}

packages`)
	const (
		at   = " --host far --flake " + flakeInGuest
		says = "the firewall closes port 2222, on which sshd listens and through which this session came"
	)
	if r := g.remote("2222", "hostctl plan"+at); r.code != 0 || !strings.HasPrefix(r.stdout, "Lock-out: "+says) {
		t.Errorf("a plan does not begin with it:\n%s", r)
	}
	g.want(0, []string{"nftables.service stops, and every table of nftables goes with it: inet byhand"}, "plan")
	var p spec.Plan
	if r := g.remote("2222", "hostctl plan --json"+at); json.Unmarshal([]byte(r.stdout), &p) != nil || len(p.Lockout) != 1 {
		t.Errorf("its JSON has no lockout:\n%s", r)
	}
	for line, code := range map[string]int{
		"hostctl switch --yes" + at: 5, "hostctl test --yes" + at: 5, "hostctl boot --yes" + at: 5,
		"script -qec 'hostctl switch" + at + "' /dev/null <<< y":                  1,
		"script -qec 'hostctl switch --accept nothing" + at + "' /dev/null <<< y": 1,
	} {
		if r := g.remote("2222", line); r.code != code || !strings.Contains(r.stdout+r.stderr, says) {
			t.Errorf("%s: exit code %d was wanted\n%s", line, code, r)
		}
	}
	g.want(5, []string{"the firewall closes port 2222, on which sshd listens;"}, "switch", "--yes") // who came another way
	g.listed("current", 1)

	on := g.remote("2222", "hostctl switch --yes --confirm-within 10m"+at)
	if r := g.remote("2222", "true"); r.code == 0 || on.code != 0 {
		t.Errorf("port 2222 is not closed, and all this shows nothing: %s", on)
	}
	g.sh("systemctl start hostctl-confirm.service") // as its timer does when time is up
	g.until("the machine is back", "ip netns exec afar ssh -q -o ConnectTimeout=3 -p 2222 root@192.0.2.1 true")
	g.listed("current", 1)
	g.until("the trial has ended", "! systemctl -q is-active hostctl-confirm.service")
	g.sh("nft list table inet byhand")
	// The lines about sshd went with its file: it runs as before them all the same.
	g.until("sshd listens where it did, and nowhere else", `test "$(ss -Hltn 'sport = :22 or sport = :2222' | awk '{ print $4 }' | sort)" = "$(printf '0.0.0.0:2222\n[::]:2222')"`)

	g.want(0, nil, "switch", "--yes", "--accept", "lockout")
	if r := g.remote("22", "true"); r.code != 0 {
		t.Errorf("sshd does not answer where the configuration says: %s", r)
	}
	if r := g.hostctl("drift"); strings.Contains(r.stdout, "inet hostctl") {
		t.Errorf("the firewall that the configuration asks for is drift: %s", r)
	}
	g.sh("nft insert rule inet hostctl input tcp dport 4444 accept")
	g.want(2, []string{"tcp dport 4444 accept"}, "drift")
	g.sh("systemctl reload hostctl-firewall.service")
	if r := g.remote("22", "hostctl rollback --yes"); r.code != 5 || !strings.Contains(r.stderr, "sshd stops listening on port 22, through which this session came") {
		t.Errorf("a rollback locks out without a word: %s", r)
	}
	g.remote("22", "hostctl rollback --yes --accept lockout")
	g.until("the machine is as it was", "ip netns exec afar ssh -q -o ConnectTimeout=3 -p 2222 root@192.0.2.1 true")
}

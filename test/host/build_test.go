package host

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// A build changes nothing. A later switch to the same configuration on an unchanged
// machine stages nothing; if something changed, it stages again.
func TestBuild(t *testing.T) {
	t.Parallel()
	g := small(t)
	zero := g.manifest()
	g.want(0, []string{"tiny-web.service"}, "dry-activate")
	g.same("dry-activate before any generation", zero)
	g.want(0, []string{"would be generation 1", "in /.hostctl/gen/1"}, "build")
	g.same("build", zero)
	g.says("systemctl is-active tiny-web || true", "inactive")
	r := g.want(0, []string{"generation 1 is built already", "generation 1 is current"}, "switch", "--yes")
	if strings.Contains(r.stderr, "staging") {
		t.Errorf("it stages again\n%s", r)
	}
	g.says("cat /run/tiny-web; ls -d /var/lib/hostctl/build 2>/dev/null || echo none", "greeting = hello\nnone")
	one := g.manifest()
	g.want(0, nil, "rollback", "--yes")
	g.same("rollback of what was built", zero, append(append(machine.Accounts(), g.state()...), bootRecovery())...)
	g.want(0, nil, "rollback", "--to", "1", "--yes")
	g.same("forth to what was built", one, machine.Accounts()...)

	g.edit("hosts/small/default.hcl", "hello", "built")
	g.want(0, nil, "build")
	g.sh("echo by hand >> /etc/tiny/tiny.conf")
	g.want(0, []string{"out of date, the machine has moved: file:/etc/tiny/tiny.conf", "staging generation 2", "generation 2 is current"}, "switch", "--yes")
	g.says("cat /run/tiny-web", "greeting = built")

	g.edit("hosts/small/default.hcl", "built", "built again")
	g.want(0, nil, "build")
	g.want(0, []string{"freed on /"}, "gc", "--yes")
	g.says("ls -d /var/lib/hostctl/build /.hostctl/gen/3 2>/dev/null || echo none", "none")

	by := debs(t, repo.Trigger("1"))[0]
	g.copyIn(cached(g.w, by), "/root/by-hand.deb", 0o644)
	g.sh("dpkg -i /root/by-hand.deb")
	g.want(0, []string{"generation 3: dt-trigger 1 installed, by hand", "would be generation 4"}, "build")
	g.want(0, []string{"generation 4 is built already", "generation 4 is current"}, "switch", "--yes")
}

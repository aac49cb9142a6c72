package host

import (
	"testing"

	"github.com/hostctl/hostctl/test/repo"
)

// converting is a package of a server that converts its data from one upstream
// version to the next, and has some.
func converting(version string) repo.Package {
	return repo.Package{
		Name: "valkey-server", Version: version,
		Files:   map[string]string{"/usr/share/valkey-server/version": version + "\n"},
		Scripts: map[string]string{"postinst": "#!/bin/sh\nset -e\nmkdir -p /var/lib/valkey\n[ -e /var/lib/valkey/dump ] || echo data > /var/lib/valkey/dump\n"},
	}
}

// A switch that does not work does not go back by itself where data may have
// been converted since: the plan says so beforehand, and the machine stays
// where it is until somebody decides.
func TestConvertedDataKeepsTheGeneration(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/small", "small")
	g.edit("hosts/small/default.hcl", `package "tiny" {}`, `packages = ["tiny", "valkey-server"]`)
	g.lock(debs(t, tinyPackage("1.0"), converting("1.0-1"))...)
	g.want(0, nil, "switch", "--yes")

	g.edit("hosts/small/default.hcl", "/usr/bin/tiny-web /etc/tiny/tiny.conf", "/usr/bin/false")
	g.lock(debs(t, tinyPackage("1.0"), converting("2.0-1"))...)
	g.want(2, []string{"data may migrate: /var/lib/valkey"}, "plan", "--detailed-exitcode")
	r := g.want(1, []string{"tiny-web.service", "does not go back by itself", "valkey-server 1.0-1 -> 2.0-1: /var/lib/valkey", "hostctl rollback --to 1"}, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.says("cat /usr/share/valkey-server/version; basename $(readlink /var/lib/hostctl/current)", "2.0-1\n2")

	// A change of Debian's revision alone converts nothing, and goes back.
	g.want(0, []string{"data may migrate: /var/lib/valkey"}, "rollback", "--yes")
	g.says("systemctl is-active tiny-web; cat /usr/share/valkey-server/version", "active\n1.0-1")
	g.lock(debs(t, tinyPackage("1.0"), converting("1.0-2"))...)
	g.want(3, nil, "switch", "--yes")
	g.says("cat /usr/share/valkey-server/version", "1.0-1")
}

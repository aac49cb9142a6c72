package stage

import (
	"testing"

	"github.com/hostctl/hostctl/internal/change/node"
)

func TestClassFollowsOwnership(t *testing.T) {
	c := &classifier{
		managed: map[string]bool{"/etc/motd": true, "/home/u/.zshrc": true},
		owned: map[string]bool{
			"/usr/bin/nginx": false, "/etc/nginx/nginx.conf": true, "/var/lib/mysql": false,
			"/etc/postgresql": false, "/etc/init.d/nginx": true,
		},
	}
	for path, want := range map[string]node.Class{
		"/usr/bin/nginx":                                  node.Program,
		"/etc/nginx/nginx.conf":                           node.Config,
		"/etc/motd":                                       node.Config,
		"/home/u/.zshrc":                                  node.Config,
		"/home/u/.bashrc":                                 node.State,
		"/var/lib/mysql":                                  node.Program,
		"/var/lib/mysql/ibdata1":                          node.State,
		"/etc/ssh/ssh_host_ed25519_key":                   node.State,
		"/etc/machine-id":                                 node.State,
		"/etc/postgresql/17/main/postgresql.conf":         node.State,
		"/etc/alternatives/pinentry":                      node.Program,
		"/etc/systemd/system/multi-user.target.wants/x":   node.Program,
		"/etc/ld.so.cache":                                node.Config,
		"/var/lib/systemd/catalog/database":               node.Config,
		"/var/lib/dpkg/status":                            node.Program,
		"/var/lib/dpkgs":                                  node.State,
		"/var/cache/debconf/config.dat":                   node.Program,
		"/usr/lib/locale/locale-archive":                  node.Program,
		"/boot/initrd.img":                                node.Program,
		"/etc/nginx/sites-enabled/made-by-hand":           node.Config,
		"/etc/NetworkManager/system-connections/w.nmconn": node.State,
	} {
		if got := c.class(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestVolatile(t *testing.T) {
	for _, c := range []struct {
		path string
		live bool
		want bool
	}{
		{"/etc/shadow", true, true}, {"/etc/shadow-", false, true}, {"/var/lib/dpkg/lock-frontend", true, true},
		{"/var/log/dpkg.log", true, true}, {"/var/log/dpkg.log", false, false}, {"/var/log/nginx", false, false},
		{"/var/cache/debconf/config.dat", true, false}, {"/var/lib/dpkg/status", true, false}, {"/var/tmp/x", false, true},
	} {
		if got := volatile(c.path, c.live); got != c.want {
			t.Errorf("volatile(%s, live %t) is %t", c.path, c.live, got)
		}
	}
}

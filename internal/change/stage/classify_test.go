package stage

import (
	"testing"

	"github.com/hostctl/hostctl/internal/change/commit"
)

func TestClassFollowsOwnership(t *testing.T) {
	c := &classifier{
		managed: map[string]bool{"/etc/motd": true, "/home/u/.zshrc": true},
		owned: map[string]bool{
			"/usr/bin/nginx": false, "/etc/nginx/nginx.conf": true, "/var/lib/mysql": false,
			"/etc/postgresql": false, "/etc/init.d/nginx": true,
		},
	}
	for path, want := range map[string]commit.Class{
		"/usr/bin/nginx":                                  commit.Program,
		"/etc/nginx/nginx.conf":                           commit.Config,
		"/etc/motd":                                       commit.Config,
		"/home/u/.zshrc":                                  commit.Config,
		"/home/u/.bashrc":                                 commit.State,
		"/var/lib/mysql":                                  commit.Program,
		"/var/lib/mysql/ibdata1":                          commit.State,
		"/etc/ssh/ssh_host_ed25519_key":                   commit.State,
		"/etc/machine-id":                                 commit.State,
		"/etc/postgresql/17/main/postgresql.conf":         commit.State,
		"/etc/alternatives/pinentry":                      commit.Program,
		"/etc/systemd/system/multi-user.target.wants/x":   commit.Program,
		"/etc/ld.so.cache":                                commit.Config,
		"/var/lib/systemd/catalog/database":               commit.Config,
		"/var/lib/dpkg/status":                            commit.Program,
		"/var/lib/dpkgs":                                  commit.State,
		"/var/cache/debconf/config.dat":                   commit.Program,
		"/usr/lib/locale/locale-archive":                  commit.Program,
		"/boot/initrd.img":                                commit.Program,
		"/etc/nginx/sites-enabled/made-by-hand":           commit.Config,
		"/etc/NetworkManager/system-connections/w.nmconn": commit.State,
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

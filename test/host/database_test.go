package host

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
)

// A database is state: it survives a switch, a rollback to before its server
// was there, and a switch again, with its rows.
func TestDatabaseSurvives(t *testing.T) {
	t.Parallel()
	g := locked(t, "testdata/database", "db")
	zero := g.manifest()
	g.want(0, nil, "switch", "--yes")
	g.says("systemctl is-active mariadb", "active")
	g.says("mariadb -N -e 'select @@max_connections'", "41")
	g.sh("mariadb -e 'create database shop; create table shop.t (n int primary key, s text); insert into shop.t values (1, \"one\"), (2, \"two\"), (3, \"three\")'")
	const rows, three = "mariadb -N -e 'select n, s from shop.t order by n'", "1\tone\n2\ttwo\n3\tthree"
	g.says(rows, three)

	g.edit("hosts/db/default.hcl", "= 41", "= 43")
	g.want(0, nil, "switch", "--yes")
	g.says("mariadb -N -e 'select @@max_connections'", "43")
	g.sh("mariadb -e 'insert into shop.t values (4, \"four\")'")

	g.want(0, nil, "rollback", "--yes")
	g.says("mariadb -N -e 'select @@max_connections'", "41")
	const four = three + "\n4\tfour"
	g.says(rows, four)

	owned := g.owned()
	r := g.want(0, []string{"/var/lib/mysql"}, "rollback", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.says("systemctl is-active mariadb || true", "inactive")
	g.says("command -v mariadbd || echo gone", "gone")
	g.says("test -d /var/lib/mysql/shop && echo there", "there")
	g.same("rollback to before the database server", zero, append(machine.Accounts(), g.stays(zero, owned)...)...)
	if leaks := g.sh("find / -xdev -name '*.dpkg-*' -newer /etc/machine-id -not -path '/.hostctl/*'"); leaks != "" {
		t.Errorf("dpkg's temporary files are left:\n%s", leaks)
	}

	g.want(0, nil, "switch", "--yes")
	g.says("systemctl is-active mariadb", "active")
	g.says(rows, four)
	g.says("mariadb-check --all-databases | grep -v 'OK$' || true", "")
	if log := g.sh("journalctl -u mariadb -p err --no-pager -q"); strings.Contains(log, "[ERROR]") {
		t.Errorf("mariadb complains:\n%s", log)
	}
}

package host

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// set is packages that are installed together: once by apt-get on a running
// machine, once by hostctl.
type set struct {
	name     string
	packages []string
	always   bool     // also in make test; the others are only in make test-packages
	newer    []string // those that a second switch upgrades
	data     []datum  // what users put into it
}

// datum is something that a user puts into a service, and how it is read back.
type datum struct{ put, get, want string }

func sets() []set {
	return []set{
		{
			name: "server", always: true,
			packages: []string{"nginx", "openssh-server", "sudo", "locales", "apparmor", "cron", "rsyslog", "logrotate"},
			newer:    []string{"nginx", "nginx-common", "openssh-server", "openssh-sftp-server", "openssh-client", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "sudo", "apparmor", "cron", "rsyslog"},
		},
		{
			name:     "database",
			packages: []string{"postgresql", "mariadb-server", "slapd", "ldap-utils"},
			newer:    []string{"postgresql-17", "postgresql-client-17", "mariadb-server", "mariadb-server-core", "slapd", "libldap2", "ldap-utils"},
			data:     []datum{inPostgres(), inMariaDB(), inSlapd()},
		},
		{
			name:     "network",
			packages: []string{"docker.io", "docker-cli", "network-manager", "iptables", "ca-certificates", "tzdata"},
			newer:    []string{"docker.io", "network-manager", "libnm0", "ca-certificates", "tzdata"},
			data:     []datum{inDocker()},
		},
		{
			name:     "core",
			packages: []string{"libc6", "libc-bin", "systemd", "systemd-sysv", "libsystemd0", "libsystemd-shared", "libpam-systemd", "udev", "libudev1", "dbus", "dbus-daemon"},
			newer:    []string{"libc6", "libc-bin", "systemd", "systemd-sysv", "libsystemd0", "libsystemd-shared", "libpam-systemd", "udev", "libudev1", "dbus", "dbus-daemon", "dbus-bin", "libdbus-1-3"},
		},
		{name: "modules", packages: []string{"initramfs-tools", "dkms", "v4l2loopback-dkms"}},
	}
}

func inPostgres() datum {
	return datum{
		put:  `su postgres -c "psql -qc 'create table t (s text)' -c \"insert into t values ('kept')\""`,
		get:  `su postgres -c "psql -Atc 'select s from t'"`,
		want: "kept",
	}
}

func inMariaDB() datum {
	return datum{
		put:  `mariadb -e "create database shop; create table shop.t (s text); insert into shop.t values ('kept')"`,
		get:  `mariadb -Ne "select s from shop.t"`,
		want: "kept",
	}
}

func inDocker() datum {
	const file = `"$(docker volume inspect -f '{{.Mountpoint}}' shop)/f"`
	return datum{put: "docker volume create shop && echo kept > " + file, get: "cat " + file, want: "kept"}
}

func inSlapd() datum {
	const suffix = `suffix=$(ldapsearch -Q -LLL -Y EXTERNAL -H ldapi:/// -b cn=config olcSuffix | sed -n 's/^olcSuffix: //p')`
	return datum{
		put: `printf 'dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcRootPW\nolcRootPW: secret\n' | ldapmodify -Q -Y EXTERNAL -H ldapi:/// && ` +
			suffix + ` && printf "dn: ou=kept,$suffix\nobjectClass: organizationalUnit\nou: kept\n" | ldapadd -x -H ldapi:/// -D "cn=admin,$suffix" -w secret`,
		get:  suffix + ` && ldapsearch -x -LLL -H ldapi:/// -b "$suffix" ou=kept ou | sed -n 's/^ou: //p'`,
		want: "kept",
	}
}

// TestPackagesAsByApt compares a machine on which hostctl installed and upgraded
// packages with a copy of it on which apt-get did, with daemons started on both:
// every path, the data of dpkg and debconf, every unit. Then hostctl's machine goes
// back and forward, and must each time be what it was.
func TestPackagesAsByApt(t *testing.T) {
	t.Parallel()
	for _, s := range sets() {
		t.Run(s.name, func(t *testing.T) {
			if !s.always && os.Getenv("HOSTCTL_TEST_PACKAGES") != "all" {
				t.Skip("left to make test-packages")
			}
			t.Parallel()
			ours := locked(t, flakeFor(t, s.packages), "h")
			theirs := ours.twin(t)
			present := ours.locks()
			first, repack := older(t, ours.w, present, s.newer)
			at := []moment{ours.moment()}
			steps := [][]spec.Locked{first, newer(t, ours.w, present, repack)}
			if has, err := apt.Installed(system.Root(ours.Root)); err != nil {
				t.Fatal(err)
			} else if len(missing(has, first)) == 0 {
				steps = steps[1:] // the base has it: there is only the upgrade
			}
			if len(s.newer) == 0 {
				steps = steps[:1]
			}
			for _, lock := range steps {
				ours.lock(lock...)
				theirs.lock(lock...)
				ours.want(0, nil, "switch", "--yes")
				theirs.aptInstall(lock, s.packages, false)
				ours.like(theirs)
				if len(at) == 1 {
					ours.putIn(s.data)
					theirs.putIn(s.data)
				}
				ours.hasIn(s.data)
				at = append(at, ours.moment())
			}
			ours.backAndForth(at, steps, s.data)
		})
	}
}

func missing(has map[string]spec.Installed, lock []spec.Locked) []spec.Locked {
	var out []spec.Locked
	for _, l := range lock {
		if has[l.Name].Version != l.Version {
			out = append(out, l)
		}
	}
	return out
}

// flakeFor writes a flake whose one host has these packages and nothing else.
func flakeFor(t *testing.T, packages []string) string {
	t.Helper()
	dir := t.TempDir()
	quoted := make([]string, len(packages))
	for i, p := range packages {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	for name, text := range map[string]string{
		"flake.hcl": "description = \"Packages, for tests\"\n\ninput \"debian\" {\n  url        = \"debian:trixie\"\n  components = [\"main\"]\n}\n\n" +
			"host \"h\" {\n  system  = \"amd64\"\n  modules = [\"./hosts/h\"]\n}\n",
		"hosts/h/default.hcl": "packages = [" + strings.Join(quoted, ", ") + "]\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// twin boots another machine with the same flake.
func (g *guest) twin(t *testing.T) *guest {
	t.Helper()
	return g.w.boot(t, machine.NameFor(strings.TrimPrefix(t.Name(), "Test")+"-apt"), filepath.Join(g.Root, flakeInGuest), g.host)
}

// locks is the package lock of the machine's flake.
func (g *guest) locks() []spec.Locked {
	g.t.Helper()
	l, err := apt.ParseLock([]byte(g.read(filepath.Join(flakeInGuest, "hosts", g.host, "packages.lock"))))
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

// aptInstall installs with apt-get, while everything runs, what a lock has and this
// machine lacks. asked are the packages that are not dependencies. In strict mode,
// it removes what the lock does not have.
func (g *guest) aptInstall(lock []spec.Locked, asked []string, strict bool) {
	g.t.Helper()
	has, err := apt.Installed(system.Root(g.Root))
	if err != nil {
		g.t.Fatal(err)
	}
	var debs, auto []string
	for _, l := range missing(has, lock) {
		debs = append(debs, apt.Cache{Dir: "/var/cache/hostctl"}.Deb(l))
	}
	for _, l := range lock {
		if !slices.Contains(asked, l.Name) {
			auto = append(auto, l.Name)
		}
	}
	const env = "DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical UCF_FORCE_CONFFOLD=1 "
	g.sh(env + "apt-get install -y -q --allow-downgrades --no-install-recommends -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef " +
		strings.Join(debs, " ") + " >/root/apt.log 2>&1 || { tail -40 /root/apt.log; exit 1; }")
	if strict {
		if has, err = apt.Installed(system.Root(g.Root)); err != nil {
			g.t.Fatal(err)
		}
		for _, l := range lock {
			delete(has, l.Name)
		}
		g.sh(env + "apt-get remove -y -q " + strings.Join(slices.Sorted(maps.Keys(has)), " ") + " >>/root/apt.log 2>&1 || { tail -40 /root/apt.log; exit 1; }")
	}
	g.sh("apt-mark -qq auto " + strings.Join(auto, " ") + " >/dev/null; apt-mark -qq manual " + strings.Join(asked, " ") + " >/dev/null")
}

package host

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// like fails the test where this machine differs from one on which apt did
// the same, but for the exclusions.
func (g *guest) like(apt *guest, exclusions ...machine.Exclusion) {
	g.t.Helper()
	g.settled()
	apt.settled()
	ours, theirs := g.manifest(), apt.manifest()
	all := append(append(append(machine.Running(), machine.Accounts()...), byChance()...), recovery()...)
	all = append(all, exclusions...)
	owned := g.owned()
	for p := range theirs {
		if !owned[p] {
			all = append(all, machine.Exclusion{Path: p, Time: true, Only: true, Why: "in no package: made at the moment of the installation"})
		}
	}
	if lines := machine.Diff(theirs, ours, all); len(lines) > 0 {
		g.t.Errorf("%d paths are not as apt left them:\n  %s", len(lines), strings.Join(lines[:min(len(lines), 80)], "\n  "))
	}
	for what, line := range map[string]string{
		"dpkg's database":  "dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Abbrev}\\n'; dpkg --audit; apt-mark showmanual",
		"the unit files":   "systemctl list-unit-files --no-legend --plain | grep -v ^hostctl-recover",
		"what listens":     "ss -Hltunx | awk '{print $1, $5}' | sed 's/libnetwork.*/libnetwork/; s/127.0.0.1:[345]....$/127.0.0.1:random/' | grep -v -e /run/user -e ^u_dgr | sort -u",
		"the alternatives": "update-alternatives --get-selections",
		"the accounts":     "getent passwd; getent group",
	} {
		if lines := differing(apt.sh(line), g.sh(line), "apt"); len(lines) > 0 {
			g.t.Errorf("%s differs:\n  %s", what, strings.Join(lines, "\n  "))
		}
	}
	if lines := differing(apt.units(), g.units(), "apt"); len(lines) > 0 {
		g.t.Errorf("units differ:\n  %s", strings.Join(lines, "\n  "))
	}
}

// settled waits until no job of systemd is under way.
func (g *guest) settled() {
	g.t.Helper()
	g.until("systemd has no jobs", "test -z \"$(systemctl list-jobs --no-legend)\"")
}

// ofLogins are units that come and go with logins; su, which the tests use, also
// makes some.
var ofLogins = regexp.MustCompile(`^(session-.*\.scope|user@.*|user-.*\.slice|user-runtime-dir@.*)$`)

// units are the states of all units but those that come and go.
func (g *guest) units() string {
	g.t.Helper()
	var out []string
	for line := range strings.Lines(g.sh("systemctl list-units --all --no-legend --plain --no-pager")) {
		f := strings.Fields(line)
		if len(f) < 4 || ofLogins.MatchString(f[0]) || strings.HasPrefix(f[0], "run-") {
			continue
		}
		if f[1] == "not-found" && f[2] == "inactive" {
			continue // a name that another unit mentions, until systemd forgets it
		}
		if strings.HasPrefix(f[0], "system-") && strings.HasSuffix(f[0], ".slice") {
			continue // made with a template's first instance, and stays after its last
		}
		if f[0] == "hostctl-recover.service" || f[0] == "hostctl.slice" {
			continue // hostctl's own: where it recovers, and where it runs
		}
		if f[0] == "NetworkManager-dispatcher.service" || strings.HasPrefix(f[0], "systemd-hostnamed.") {
			continue // a call over the bus starts them, and they end when nothing calls
		}
		if f[0] == "NetworkManager-wait-online.service" || f[0] == "network-online.target" || f[0] == "network.target" {
			continue // they start with a unit that wants them, and stay
		}
		out = append(out, strings.Join(f[:4], " "))
	}
	return strings.Join(out, "\n")
}

// differing are the lines that only one of two texts has.
func differing(theirs, ours, them string) []string {
	seen := map[string]int{}
	for line := range strings.Lines(theirs) {
		seen[them+": "+strings.TrimSpace(line)]++
	}
	for line := range strings.Lines(ours) {
		key := them + ": " + strings.TrimSpace(line)
		if seen[key] > 0 {
			seen[key]--
		} else {
			seen["here: "+strings.TrimSpace(line)]++
		}
	}
	maps.DeleteFunc(seen, func(_ string, n int) bool { return n == 0 })
	return slices.Sorted(maps.Keys(seen))
}

// byChance is what two machines that were installed alike differ in.
func byChance() []machine.Exclusion {
	return []machine.Exclusion{
		{Path: flakeInGuest, Why: "the test's own"},
		{Path: "/root/apt.log", Why: "the test's own"},
		{Path: "/etc/ssh/ssh_host_*", Why: "keys are random", Data: true},
		{Path: "/etc/ssl/private/ssl-cert-snakeoil.key", Why: "a key is random", Data: true},
		{Path: "/etc/ssl/certs/ssl-cert-snakeoil.pem", Why: "of a random key", Data: true},
		{Path: "/etc/ldap/slapd.d", Why: "entries carry random ids and times", Data: true},
		{Path: "/var/lib/ldap", Why: "entries carry random ids and times", Data: true},
		{Path: "/var/lib/postgresql/17/main/base/1/pg_internal.init", Why: "a cache that the first connection makes"},
		{Path: "/var/lib/postgresql/17/main/global/pg_internal.init", Why: "a cache that the first connection makes"},
		{Path: "/var/lib/mysql", Why: "tables and logs are written to as the server runs", Data: true},
		{Path: "/var/lib/mysql/mariadb_upgrade_info", Why: "an upgrade gives it to the server's user; hostctl changes no data that is there, and lists it"},
		{Path: "/var/backups/slapd-*", Why: "slapd's scripts save entries there, with random ids", Data: true},
		{Path: "/etc/mysql/debian.cnf", Why: "generated", Data: true},
		{Path: "/var/lib/postgresql/17/main", Why: "a cluster has a random id, and is written to as it runs", Data: true},
		{Path: "/etc/docker/key.json", Why: "a key is random", Data: true},
		{Path: "/var/lib/docker", Why: "an engine has a random id, and writes as it runs", Data: true},
		{Path: "/var/lib/NetworkManager", Why: "it writes when it saw which connection", Data: true},
		{Path: "/var/cache/apt/pkgcache.bin", Why: "apt makes it again"},
		{Path: "/var/cache/apt/srcpkgcache.bin", Why: "apt makes it again"},
		{Path: "/var/cache/ldconfig/aux-cache", Why: "holds inode numbers and times of libraries"},
		{Path: "/var/cache/debconf/config.dat-old", Why: "a backup, never part of a generation"},
		{Path: "/var/cache/debconf/templates.dat-old", Why: "a backup, never part of a generation"},
		{Path: "/var/cache/debconf/tmp.ci", Why: "apt-extracttemplates' empty folder, made on first use"},
		{Path: "/var/lib/dpkg/status-old", Why: "a backup, never part of a generation"},
		{Path: "/var/lib/dpkg/statoverride-old", Why: "a backup, never part of a generation"},
		{Path: "/var/lib/dpkg/diversions-old", Why: "a backup, never part of a generation"},
		{Path: "/var/lib/apt/lists/auxfiles", Why: "apt's empty folder, made on first use"},
		{Path: "/var/lib/apt/extended_states", Why: "in the order in which packages were marked; apt-mark's answer is compared"},
	}
}

// again is what a second switch to the same packages finds of the first one.
func again() []machine.Exclusion {
	return []machine.Exclusion{
		{Path: "/etc/ssl/certs/*", Why: "make-ssl-cert links a certificate by its hash when it makes it; the second time it finds it made"},
		{Path: "/var/backups", Why: "slapd's scripts save the database that they find"},
		{Path: "/var/cache/debconf/config.dat", Data: true, Why: "slapd's scripts ask other questions where they find a database"},
	}
}

// moment is a machine as it was at some generation.
type moment struct {
	paths machine.Manifest
	units string
}

func (g *guest) moment() moment {
	g.t.Helper()
	g.settled()
	return moment{g.manifest(), g.units()}
}

// isAgain fails the test where the machine is not as it was.
func (g *guest) isAgain(what string, was moment, exclusions ...machine.Exclusion) {
	g.t.Helper()
	g.settled()
	g.same(what, was.paths, exclusions...)
	if lines := differing(was.units, g.units(), "then"); len(lines) > 0 {
		g.t.Errorf("%s: units differ:\n  %s", what, strings.Join(lines, "\n  "))
	}
}

// backAndForth goes to every generation again, and at the end from before the
// first of them switches to each one's packages: steps are their locks, and at
// holds the machine before and after each. What packages own is as it was each
// time, and what users put in is still there.
func (g *guest) backAndForth(at []moment, steps [][]spec.Locked, data []datum) {
	g.t.Helper()
	owned := g.owned()
	last := len(at) - 1
	var way []int
	for n := last - 1; n >= 0; n-- {
		way = append(way, n)
	}
	way = append(way, last, 1, last, 0)
	if last == 1 {
		way = []int{0, 1, 0}
	}
	for _, n := range way {
		g.want(0, nil, "rollback", "--to", strconv.Itoa(n), "--yes")
		g.isAgain(fmt.Sprintf("generation %d again", n), at[n], append(append(machine.Accounts(), g.stays(at[n].paths, owned)...), madeByDaemons()...)...)
		if n > 0 {
			g.hasIn(data)
		}
	}
	for i, lock := range steps {
		g.lock(lock...)
		g.want(0, nil, "switch", "--yes")
		was, owned := at[i+1], g.owned()
		all := append(append(machine.Accounts(), again()...), g.stays(was.paths, owned)...)
		for p := range was.paths {
			if !owned[p] {
				all = append(all, machine.Exclusion{Path: p, Time: true, Only: true, Why: "in no package: made at the moment of the switch"})
			}
		}
		g.isAgain(fmt.Sprintf("generation %d by a second switch", i+1), was, all...)
		g.hasIn(data)
	}
}

// madeByDaemons are paths that a daemon creates at start and nobody removes,
// outside the parts of /var that always stay.
func madeByDaemons() []machine.Exclusion {
	return append(recovery(), machine.Exclusion{Path: "/etc/cni", Why: "containerd makes it when it starts"})
}

// recovery is what hostctl adds to a machine before its first commit.
func recovery() []machine.Exclusion {
	const hook = "/etc/initramfs-tools/scripts/local-bottom/hostctl"
	out := []machine.Exclusion{{Path: hook, Why: "replays the journal before PID 1"}}
	for dir := filepath.Dir(hook); dir != "/etc"; dir = filepath.Dir(dir) {
		out = append(out, machine.Exclusion{Path: dir, Only: true, Why: "a folder of that"})
	}
	return out
}

func (g *guest) putIn(data []datum) {
	g.t.Helper()
	for _, d := range data {
		g.sh(d.put)
	}
}

func (g *guest) hasIn(data []datum) {
	g.t.Helper()
	for _, d := range data {
		g.says(d.get, d.want)
	}
}

package host

import (
	"path/filepath"
	"testing"

	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
)

// purged has a conffile, which a purge by hand removes.
func purged() repo.Package {
	return repo.Package{
		Name: "dt-purged", Version: "1", Conffiles: []string{"/etc/dt-purged/a.conf"},
		Files: map[string]string{"/etc/dt-purged/a.conf": "a = 1\n", "/usr/share/dt/purged": "program\n"},
	}
}

// byDpkg are files that apt and dpkg leave next to their database when they run.
func byDpkg() []machine.Exclusion {
	return []machine.Exclusion{
		{Path: "/var/lib/dpkg/status-old", Why: "dpkg's backup of its last run, never part of a generation"},
		{Path: "/var/lib/dpkg/diversions-old", Why: "dpkg's backup of its last run, never part of a generation"},
		{Path: "/var/lib/dpkg/statoverride-old", Why: "dpkg's backup of its last run, never part of a generation"},
		{Path: "/var/lib/dpkg/triggers/Lock", Why: "a lock file, empty"},
		{Path: "/var/lib/apt/lists", Why: "apt makes its folders"},
		{Path: "/var/cache/apt", Why: "apt's caches, made again by themselves"},
		{Path: "/var/lib/dt-trigger", Why: "state that a maintainer script made by hand"},
	}
}

// Changes that somebody made with apt and dpkg between two switches are a
// generation of their own: a rollback leads to it, past it, and forward again,
// exactly.
func TestRollbackPastAptByHand(t *testing.T) {
	t.Parallel()
	g := boot(t, "testdata/small", "small")
	g.edit("hosts/small/default.hcl", `package "tiny" {}`, `packages = ["tiny", "dt-shape", "dt-purged"]`)
	g.lock(debs(t, tinyPackage("1.0"), repo.Shape("1"), purged())...)
	for _, l := range debs(t, tinyPackage("2.0"), repo.Trigger("1")) {
		g.copyIn(cached(g.w, l), "/root/"+filepath.Base(cached(g.w, l)), 0o644)
	}
	g.want(0, nil, "switch", "--yes")
	one := g.manifest()

	g.sh("apt-get install -qq /root/tiny_2.0_amd64.deb /root/dt-trigger_1_amd64.deb && dpkg -r dt-shape && dpkg -P dt-purged")
	byHand := g.manifest()
	g.edit("hosts/small/default.hcl", "generation one", "generation three")
	g.want(0, []string{"generation 2: dt-purged 1 removed, dt-shape 1 removed, dt-trigger 1 installed, tiny 1.0 -> 2.0, by hand", "generation 3 is current"}, "switch", "--yes")
	g.says("dpkg-query -W -f '${Package} ${Version} ' tiny dt-shape dt-purged dt-trigger", "dt-purged 1 dt-shape 1 dt-trigger 1 tiny 1.0")
	g.says("cat /etc/dt-purged/a.conf; dpkg --audit", "a = 1")
	three := g.manifest()

	g.want(0, []string{"generation 2 is current"}, "rollback", "--yes")
	g.same("back to what was done by hand", byHand, append(machine.Accounts(), byDpkg()...)...)
	g.says("dpkg --audit", "")
	g.want(0, []string{"generation 1 is current"}, "rollback", "--to", "1", "--yes")
	g.same("back past what was done by hand", one, append(machine.Accounts(), byDpkg()...)...)
	g.says("dpkg --audit; dpkg-query -W -f '${Version}' tiny", "1.0")
	g.want(0, []string{"generation 3 is current"}, "rollback", "--to", "3", "--yes")
	g.same("forward past it again", three, append(machine.Accounts(), byDpkg()...)...)
	g.says("dpkg --audit", "")
	g.want(0, []string{"absorbed: dt-purged"}, "generations", "list")

	// The same generation by name: back to how hostctl left it.
	g.sh("dpkg -r dt-trigger")
	g.want(0, []string{"generation 3 is current"}, "rollback", "--to", "3", "--yes")

	// What is no longer in any cache cannot come back, and hostctl does not claim so.
	g.sh("rm -rf /var/cache/hostctl/debs /var/cache/apt/archives/*.deb && dpkg -r dt-shape")
	before := g.manifest()
	g.want(1, []string{"cannot go back past generation", "dt-shape"}, "rollback", "--to", "1", "--yes")
	g.same("a refused rollback", before, byDpkg()...)
}

// If hostctl does not know dpkg's database from before somebody used dpkg by hand,
// it refuses a rollback that would break the database, before it touches anything.
func TestRollbackToATornDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	g.edit("hosts/small/default.hcl", `package "tiny" {}`, `packages = ["tiny", "dt-shape"]`)
	g.lock(debs(t, tinyPackage("1.0"), repo.Shape("1"))...)
	g.want(0, nil, "switch", "--yes")
	by := debs(t, repo.Trigger("1"))[0]
	g.copyIn(cached(g.w, by), "/root/by-hand.deb", 0o644)
	g.sh("dpkg -i /root/by-hand.deb && rm /var/lib/hostctl/former.tar.gz")
	before := g.manifest()
	r := g.want(1, []string{"the file list of dt-trigger has no entry in the status file", "nothing on this machine was changed", "'hostctl switch'"}, "rollback", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.same("a rollback that was refused", before)
	g.sh("dpkg -P dt-trigger")
	g.want(0, []string{"generation 1 is current"}, "rollback", "--yes")
	g.says("dpkg --audit", "")
}

package host

import (
	"strings"
	"testing"
)

// mallorysHome is what the configuration says of the home of an account that
// does what it can to become root.
const mallorysHome = `
user "mallory" {
  uid   = 1200
  home  = "/home/mallory"
  shell = "/bin/bash"
}

file "/home/mallory/.local/bin" {
  directory = true
  owner     = "mallory"
  group     = "mallory"
  mode      = "0711"
}

file "/home/mallory/.local/conf" {
  content = "version 1\n"
  owner   = "mallory"
}
`

// as runs a shell line, without single quotes, as mallory in her home.
func (g *guest) as(line string) string {
	g.t.Helper()
	return g.sh("cd /home/mallory && runuser -u mallory -- sh -ec '" + line + "'")
}

// rootsAlone fails the test where something of the system is not root's.
func (g *guest) rootsAlone(what string) {
	g.t.Helper()
	if got := g.sh("find /usr /etc /root -xdev -uid 1200"); got != "" {
		g.t.Fatalf("%s: mallory has %s", what, got)
	}
}

// TestLinksOfMallory: an owner of a folder above managed paths who replaces it with
// a link gains nothing. A switch refuses the link and names its owner, and so does
// the next plan, first of all.
func TestLinksOfMallory(t *testing.T) {
	t.Parallel()
	g := small(t)
	file := "hosts/small/default.hcl"
	g.write(flakeInGuest+"/"+file, g.read(flakeInGuest+"/"+file)+mallorysHome, 0o644)
	g.want(0, nil, "switch", "--yes")
	before := g.manifest()

	g.as("mv .local .local.was; ln -s /usr .local")
	g.want(2, []string{"/home/mallory/.local is a link"}, "plan", "--detailed-exitcode")
	r := g.want(1, []string{"/home/mallory/.local is a link of user 1200", "nothing on this machine was changed"}, "switch", "--yes")
	t.Logf("what a user sees:\n%s", r.stderr)
	g.rootsAlone("a link to /usr")
	g.want(2, []string{"/home/mallory/.local/bin", "behind a link"}, "drift")
	g.as("rm .local; mv .local.was .local")
	g.want(0, nil, "plan", "--detailed-exitcode")

	// A file of hers in the place of a folder, and a pipe in that of a file.
	g.as("mv .local/bin .local/was; echo > .local/bin; rm .local/conf; mkfifo .local/conf")
	g.want(0, nil, "switch", "--yes")
	g.says("stat -c '%F %U %a' /home/mallory/.local/bin", "directory mallory 711")
	g.says("cat /home/mallory/.local/conf", "version 1")
	g.as("rmdir .local/was")
	g.same("all is mended", before, g.state()...)

	// One as large as she likes is neither read nor kept in memory.
	g.as("rm .local/conf; truncate -s 8T .local/conf")
	r = g.want(0, nil, "switch", "--yes")
	if r.took.Seconds() > 60 {
		t.Errorf("a huge file: %s", r.took)
	}
	g.says("cat /home/mallory/.local/conf", "version 1")
}

// TestRacesOfMallory: she changes her folder and links to root's about all the
// time, while generations come and go. At the end, when she is tired of it, the
// machine is what the configuration says.
func TestRacesOfMallory(t *testing.T) {
	t.Parallel()
	g := small(t)
	file := "hosts/small/default.hcl"
	g.write(flakeInGuest+"/"+file, g.read(flakeInGuest+"/"+file)+mallorysHome, 0o644)
	g.want(0, nil, "switch", "--yes")
	g.sh("systemd-run --quiet --unit=races --uid=mallory --working-directory=/home/mallory sh -c '" +
		"while :; do mv .local .local.was; ln -s /usr .local; sleep 0.00$(date +%N | cut -c3); rm .local; mv .local.was .local; sleep 0.$(date +%N | cut -c3-4); done'")
	g.sh("systemctl is-active races")
	ends := map[int]int{}
	version := "version 1"
	for n := range 12 {
		next := strings.Repeat("version ", n+2)
		g.edit(file, version, next)
		version = next
		r := g.hostctl("switch", "--yes")
		ends[r.code]++
		if r.code != 0 && !strings.Contains(r.stderr, "/home/mallory/.local") {
			t.Errorf("it is refused without a word of her folder\n%s", r)
		}
		g.rootsAlone("a race")
	}
	t.Logf("exit codes: %v", ends)
	g.sh("systemctl stop races; cd /home/mallory; if test -L .local; then rm .local; mv .local.was .local; fi")
	g.want(0, nil, "switch", "--yes")
	g.rootsAlone("after the races")
}

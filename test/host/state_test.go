package host

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/test/machine"
)

// state is what hostctl says that the generations have made and leave.
func (g *guest) state() []machine.Exclusion {
	g.t.Helper()
	var list []struct {
		StatePaths []string `json:"state_paths"`
	}
	r := g.want(0, nil, "generations", "list", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		g.t.Fatalf("generations list --json: %v\n%s", err, r)
	}
	var out []machine.Exclusion
	for _, gen := range list {
		for _, p := range gen.StatePaths {
			out = append(out, machine.Exclusion{Path: p, Why: "state that a generation made; hostctl lists it"})
		}
	}
	return out
}

// stays is what a rollback must not remove: the state that hostctl lists, what
// daemons created or wrote in between (below /var, /srv, /home and /root, in no
// package's file list, and not part of the package data of dpkg and its helpers),
// and the folders that contain either.
func (g *guest) stays(before machine.Manifest, owned map[string]bool) []machine.Exclusion {
	g.t.Helper()
	out := g.state()
	for p := range g.manifest() {
		if !owned[p] && within(p, "/var", "/srv", "/home", "/root") && !within(p, registries()...) {
			out = append(out, machine.Exclusion{Path: p, Why: "made or written by a daemon since"})
		}
	}
	for _, e := range slices.Clone(out) {
		for dir := filepath.Dir(e.Path); dir != "/"; dir = filepath.Dir(dir) {
			if _, was := before[dir]; !was {
				out = append(out, machine.Exclusion{Path: dir, Why: "a folder that is not empty", Only: true})
			}
		}
	}
	return out
}

// registries are what dpkg and its helpers keep about packages: program paths,
// although no package lists them.
func registries() []string {
	return []string{
		"/var/lib/dpkg", "/var/lib/apt/extended_states", "/var/cache/debconf", "/var/lib/ucf", "/var/lib/pam",
		"/var/lib/systemd/deb-systemd-helper-enabled", "/var/lib/systemd/deb-systemd-helper-masked", "/var/lib/systemd/deb-systemd-user-helper-enabled",
	}
}

func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
}

// owned are the paths in the file lists of the packages that are installed.
func (g *guest) owned() map[string]bool {
	g.t.Helper()
	lists, err := filepath.Glob(filepath.Join(g.Root, "var/lib/dpkg/info/*.list"))
	if err != nil || len(lists) == 0 {
		g.t.Fatalf("no file lists: %v", err)
	}
	owned := map[string]bool{}
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			g.t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			owned[strings.TrimSpace(line)] = true
		}
	}
	return owned
}

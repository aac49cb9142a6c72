package flake

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/test/gitserver"
)

func lockedNames(t *testing.T, dir string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(mustLoad(t, dir).lock.Inputs))
}

func update(t *testing.T, dir string, names ...string) []InputChange {
	t.Helper()
	changes, err := updateAndWrite(mustLoad(t, dir), names)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// nested opens input NAME's own input, and returns it.
func nested(t *testing.T, dir, name, inner string) *Input {
	t.Helper()
	in := mustLoad(t, dir).Input(name)
	if err := in.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	f, diags := in.Flake()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	other := f.Input(inner)
	if err := other.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	return other
}

// The root's lock has the inputs of inputs: at first as in their own lock, or else
// at the current revision.
func TestInputsOfInputs(t *testing.T) {
	newHome(t)
	repos := t.TempDir()
	url := "git+" + serve(t, repos, false).URL
	base, hw := filepath.Join(repos, "base"), filepath.Join(repos, "hw")
	first := gitserver.Commit(t, base, map[string]string{"flake.hcl": "", "x.txt": "one"})
	gitserver.Commit(t, hw, map[string]string{"flake.hcl": "input \"base\" { url = \"" + url + "/base/.git\" }\ninput \"debian\" { url = \"debian:trixie\" }\n"})
	root := write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"hw\" { url = \"" + url + "/hw/.git\" }\n"})
	update(t, root)
	if got := lockedNames(t, root); !slices.Equal(got, []string{"hw", "hw.base"}) {
		t.Errorf("the lock holds %v", got)
	}
	in := nested(t, root, "hw", "base")
	if in.Rev() != first || !strings.HasPrefix(in.Path(), "/@hw.base-") {
		t.Errorf("hw's base is %s at %s", in.Rev(), in.Path())
	}

	// hw locks its base itself; the root takes that and not what is newer.
	update(t, hw)
	gitserver.Commit(t, hw, nil)
	second := gitserver.Commit(t, base, map[string]string{"x.txt": "two"})
	changes := update(t, root)
	if got := nested(t, root, "hw", "base").Rev(); got != first {
		t.Errorf("hw's base is %s, its lock holds %s", got, first)
	}
	if len(changes) != 1 || changes[0].Name != "hw" {
		t.Errorf("the update changed %+v, want hw alone", changes)
	}

	// The root takes base as well: a warning, until hw's follows it.
	both := "input \"base\" { url = \"" + url + "/base/.git\" }\n"
	write(t, root, map[string]string{"flake.hcl": both + "input \"hw\" { url = \"" + url + "/hw/.git\" }\n"})
	update(t, root, "base")
	warning := mustLoad(t, root).Warnings()
	wantError(t, "base twice", warning, "the same repository", "add follows = { base = input.base } to input \"hw\"")
	write(t, root, map[string]string{"flake.hcl": both + "input \"hw\" {\n  url = \"" + url + "/hw/.git\"\n  follows = { base = input.base }\n}\n"})
	if w := mustLoad(t, root).Warnings(); len(w) > 0 {
		t.Errorf("a followed input: %v", w)
	}
	if got := nested(t, root, "hw", "base").Rev(); got != second {
		t.Errorf("hw's base is %s, want ours, %s", got, second)
	}
	update(t, root, "hw")
	if got := lockedNames(t, root); !slices.Equal(got, []string{"base", "hw"}) {
		t.Errorf("with follows the lock holds %v", got)
	}

	// An update of one input does not change the others.
	write(t, root, map[string]string{"flake.hcl": "input \"hw\" { url = \"" + url + "/hw/.git\" }\ninput \"base\" { url = \"" + url + "/base/.git\" }\n"})
	update(t, root)
	gitserver.Commit(t, base, map[string]string{"x.txt": "three"})
	if got := update(t, root, "base"); len(got) != 1 || got[0].Name != "base" || got[0].Before != second {
		t.Errorf("update base changed %+v", got)
	}
	if got := lockedNames(t, root); !slices.Equal(got, []string{"base", "hw", "hw.base"}) {
		t.Errorf("after update base the lock holds %v", got)
	}
}

func TestFollowsErrors(t *testing.T) {
	for _, c := range []struct{ attribute, want string }{
		{`follows = { base = input.nosuch }`, `no input "nosuch"`},
		{`follows = { base = input.hw }`, `no input "hw" for "base" to follow`},
		{`follows = { base = "base" }`, "follows maps the input's own inputs"},
		{`follows = [input.base]`, "follows maps the input's own inputs"},
		{"flake = false\nfollows = { base = input.base }", "Only an input that is a flake"},
	} {
		_, diags := Load(write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"base\" { url = \"path:./base\" }\ninput \"hw\" {\n  url = \"path:./hw\"\n" + c.attribute + "\n}\n"}))
		wantError(t, c.attribute, diags, c.want)
	}
	for inner, want := range map[string]string{
		`input "other" { url = "path:./x" }`:     `Input "hw" has no input "base"; it has: other`,
		`input "base" { url = "debian:trixie" }`: "a package source and the other is a repository",
	} {
		dir := write(t, t.TempDir(), map[string]string{
			"flake.hcl":      "input \"base\" { url = \"path:./base\" }\ninput \"hw\" {\n  url = \"path:./hw\"\n  follows = { base = input.base }\n}\n",
			"hw/flake.hcl":   inner,
			"hw/x/flake.hcl": "", "base/flake.hcl": "",
		})
		f := mustLoad(t, dir)
		_, diags := f.Input("hw").load(filepath.Join(dir, "hw"), "", f.lock)
		wantError(t, inner, diags, want)
	}
}

// What a fetched flake says about this machine's folders is not heeded.
func TestFetchedFlakeStaysInside(t *testing.T) {
	newHome(t)
	dir := t.TempDir()
	for _, url := range []string{"path:/etc", "path:../x", "git+file:/srv/x"} {
		repo := filepath.Join(dir, "hw")
		gitserver.Commit(t, repo, map[string]string{"flake.hcl": "input \"x\" { url = \"" + url + "\" }"})
		root := write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"hw\" { url = \"git+file:" + repo + "\" }"})
		_, err := mustLoad(t, root).Update(context.Background(), nil)
		wantError(t, url, err, "cannot use a folder on this machine")
	}
}

// An input that takes itself does not go on for ever.
func TestInputsThatTakeEachOther(t *testing.T) {
	newHome(t)
	repos := t.TempDir()
	url := "git+" + serve(t, repos, false).URL + "/a/.git"
	gitserver.Commit(t, filepath.Join(repos, "a"), map[string]string{"flake.hcl": "input \"a\" { url = \"" + url + "\" }"})
	root := write(t, t.TempDir(), map[string]string{"flake.hcl": "input \"a\" { url = \"" + url + "\" }"})
	_, err := mustLoad(t, root).Update(context.Background(), nil)
	wantError(t, "a takes a", err, "inputs can nest at most 8 levels deep")
	if _, err := os.Stat(filepath.Join(root, LockName)); err == nil {
		t.Error("a lock was written")
	}
}

func TestInputWithoutFlake(t *testing.T) {
	dir := write(t, t.TempDir(), map[string]string{"flake.hcl": `input "x" { url = "path:./x" }`, "x/y": ""})
	_, err := mustLoad(t, dir).Update(context.Background(), nil)
	wantError(t, "a folder", err, `Input "x" has no flake.hcl`, "flake = false")
}

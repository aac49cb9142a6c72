package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/test/repo"
)

// updater is a flake with two hosts, and an archive to lock from.
type updater struct {
	t       *testing.T
	archive *repo.Repo
	dir     string
}

func newUpdater(t *testing.T) *updater {
	u := &updater{t, repo.New(t), t.TempDir()}
	t.Setenv("HOSTCTL_MIRROR", u.archive.URL())
	t.Setenv("HOSTCTL_CACHE", t.TempDir())
	u.write("flake.hcl", `
input "debian" {
  url     = "debian:`+repo.Suite+`"
  keyring = "`+u.archive.Keyring+`"
}
host "a" {
  system  = "`+u.archive.Arch()+`"
  modules = ["./a.hcl"]
}
host "b" {
  system  = "`+u.archive.Arch()+`"
  modules = ["./b.hcl"]
}
`)
	return u
}

func (u *updater) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(text), 0o644); err != nil {
		u.t.Fatal(err)
	}
}

func (u *updater) run(want int, args ...string) string {
	u.t.Helper()
	var out, errs bytes.Buffer
	if code := Run(append([]string{"--flake", u.dir, "update"}, args...), strings.NewReader(""), &out, &errs); code != want {
		u.t.Fatalf("update %q exits with %d, want %d\n%s%s", args, code, want, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

func (u *updater) lock(host string) string {
	u.t.Helper()
	return u.read(filepath.Join("hosts", host, "packages.lock"))
}

func (u *updater) read(name string) string {
	u.t.Helper()
	b, err := os.ReadFile(filepath.Join(u.dir, name))
	if err != nil {
		u.t.Fatal(err)
	}
	return string(b)
}

func TestUpdate(t *testing.T) {
	u := newUpdater(t)
	u.archive.Add(repo.Standard("1")...)
	u.write("a.hcl", `package "dt-base" {}`+"\n")
	u.write("b.hcl", `package "dt-shape" {}`+"\n")
	out := u.run(exitOK)
	for _, want := range []string{"a: 2 added", "+ dt-base 1", "+ dt-config 1", "b: 1 added", "+ dt-shape 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("update does not say %q:\n%s", want, out)
		}
	}
	if locked, err := apt.ParseLock([]byte(u.lock("a"))); err != nil || len(locked) != 2 || locked[0].Input != "debian" {
		t.Errorf("host a's lock is %v, %v", locked, err)
	}
	u.archive.Replace(repo.Standard("2")...)
	before := u.lock("b")
	if out := u.run(exitOK, "--host", "a"); !strings.Contains(out, "2 upgraded") || !strings.Contains(out, "~ dt-base 1 -> 2") || u.lock("b") != before {
		t.Errorf("--host a updates a alone:\n%s", out)
	}
	u.write("b.hcl", `package "dt-base" {}`+"\n")
	out = u.run(exitOK, "--json")
	for _, want := range []string{`{"host":"a","changes":[],"packages":2`, `{"name":"dt-shape","before":"1","after":""}`} {
		if !strings.Contains(out, want) {
			t.Errorf("--json lacks %s:\n%s", want, out)
		}
	}
}

// What cannot be resolved keeps every lock as it is, to the byte, also that of
// the inputs, which are looked up before.
func TestUpdateKeepsEveryLock(t *testing.T) {
	if testing.Short() {
		t.Skip("updates a lock again and again")
	}
	u := newUpdater(t)
	u.archive.Add(repo.Standard("1")...)
	writeTestFile(t, filepath.Join(u.dir, "data", "x"), []byte("1"))
	flake := u.read("flake.hcl")
	u.write("flake.hcl", flake+`
input "data" {
  url   = "path:./data"
  flake = false
}
`)
	u.write("a.hcl", `package "dt-base" {}`+"\n")
	u.write("b.hcl", `package "dt-base" {}`+"\n")
	u.run(exitOK)
	locks := func() string { return u.read("flake.lock") + u.lock("a") + u.lock("b") }
	before := locks()
	u.archive.Replace(repo.Standard("2")...)
	u.write("data/x", "2")
	u.write("b.hcl", "packages = [\n  \"dt-bsae\",\n]\n")
	if out := u.run(exitFailed); !strings.Contains(out, "dt-bsae (b.hcl:2): ") || !strings.Contains(out, "did you mean dt-base?") {
		t.Errorf("a package that is not there has no place, or no hint:\n%s", out)
	}
	u.run(exitFailed, "data")
	if locks() != before {
		t.Errorf("after a failure the locks are\n%swere\n%s", locks(), before)
	}
	u.write("b.hcl", "")
	if out := u.run(exitOK); !strings.Contains(out, "input ~ data") || locks() == before {
		t.Errorf("nothing is locked when it is mended:\n%s", out)
	}
}

// One host that cannot be resolved keeps every lock as it is.
func TestUpdateIsOneStep(t *testing.T) {
	u := newUpdater(t)
	u.archive.Add(repo.Standard("1")...)
	u.write("a.hcl", `package "dt-base" {}`+"\n")
	u.write("b.hcl", `package "dt-bsae" {}`+"\n")
	if out := u.run(exitFailed); !strings.Contains(out, "host b") || !strings.Contains(out, "did you mean dt-base?") {
		t.Errorf("the error is:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(u.dir, "hosts")); !os.IsNotExist(err) {
		t.Errorf("a lock was written: %v", err)
	}
	u.run(exitFailed, "nowhere")
}

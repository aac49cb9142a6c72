//go:build amd64

package torture

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
)

// mallory owns a home in which the configuration manages folders and files. She
// acts at hostctl's system calls, with her own rights.
const mallory = "setpriv --reuid=1200 --regid=1200 --clear-groups --no-new-privs sh -ec"

// attacks are lines of hers, run in her home, and those with which root mends it.
func attacks() map[string][2]string {
	return map[string][2]string{
		"a link to /usr":       {"mv .local .local.was; ln -s ../../usr .local", "rm .local; mv .local.was .local"},
		"nothing any more":     {"mv .local .local.was", "rm -rf .local; mv .local.was .local"},
		"a link to etc/shadow": {"mv .local/conf .local/was; ln -s ../../../etc/shadow .local/conf", "rm .local/conf; mv .local/was .local/conf"},
	}
}

// putHome is the configuration of mallory's home, in two versions.
func (h *host) putHome(n int) {
	h.t.Helper()
	more := ""
	if n == 2 {
		more = `
file "/home/mallory/.local/made" {
  directory = true
  owner     = "mallory"
  group     = "mallory"
  mode      = "0770"
}

file "/home/mallory/.local/made/new" {
  content = "new\n"
}
`
	}
	hcl := fmt.Sprintf(`
user "mallory" {
  uid   = 1200
  home  = "/home/mallory"
  shell = "/bin/sh"
}

file "/home/mallory/.local/bin" {
  directory = true
  owner     = "mallory"
  group     = "mallory"
  mode      = "0%d11"
}

file "/home/mallory/.local/conf" {
  content = "version %d\n"
  owner   = "mallory"
  mode    = "0644"
}
%s`, 6+n%2, n, more)
	for name, text := range map[string]string{
		"hosts/tortured/packages.lock": string(apt.FormatLock(nil)),
		"flake.hcl":                    "host \"tortured\" {\n  system  = \"amd64\"\n  modules = [\"./hosts/tortured\"]\n}\n",
		"hosts/tortured/default.hcl":   hcl,
	} {
		at := filepath.Join(h.flake, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
}

// roots is everything of a root but mallory's home, and what hostctl keeps.
func (h *host) roots() picture {
	look := pictureOf(h.root)
	maps.DeleteFunc(look, func(path, _ string) bool { return strings.HasPrefix(path, "/home") })
	return look
}

// TestAnotherAccount: whatever mallory does to her home at any system call with
// which hostctl reads or changes it, nothing of root's changes, and hostctl works
// afterwards.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	h := bareHost(t, "")
	for n := 1; n <= 2; n++ {
		h.putHome(n)
		h.want(0, h.switches()...)
	}
	tries, version := *interruptions/15, 1
	for what, lines := range attacks() {
		hits := map[string]int{}
		for at := 1; ; {
			h.putHome(version)
			r := h.attacked(at, what, lines)
			if r.Code == 0 {
				version = 3 - version
			}
			if r.Hit == "" { // it has fewer calls
				t.Logf("%s, at each of %d calls: %v", what, at-1, hits)
				break
			}
			name, _, _ := strings.Cut(r.Hit, " ")
			hits[name]++
			at += h.stride(r.Calls, tries)
		}
	}
}

// stride goes through the calls of a run in so many tries, 0 for all of them.
func (h *host) stride(calls, tries int) int {
	if tries == 0 {
		return 1
	}
	return max(1, len(attacks())*calls/tries)
}

func (h *host) switches() []string {
	return []string{"switch", "--yes", "--flake", h.flake, "--host", "tortured"}
}

// attacked switches, with an attack at one of the calls that name mallory's home.
func (h *host) attacked(at int, what string, lines [2]string) traced {
	h.t.Helper()
	home := filepath.Join(h.root, "home/mallory")
	before := h.roots()
	job := traceJob{Below: home, Calls: "paths", At: at, Do: "run", Args: h.args(h.switches()...)}
	job.Run = fmt.Sprintf("cd %s && %s '%s' || true", home, mallory, lines[0])
	r := trace(h.t, job)
	said := h.want(0, "recover")
	if diff := before.diff(h.roots()); len(diff) > 0 {
		h.t.Fatalf("%s at call %d (%s): root's files changed:\n  %s\nit said:\n%s%s", what, at, r.Hit, strings.Join(diff, "\n  "), r.Out, said)
	}
	if r.Hit != "" {
		h.sh("cd $1; "+lines[1]+" || true", home)
	}
	return r
}

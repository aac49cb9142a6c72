package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
)

// Whatever is wrong with the input, a switch says what and where, and has
// touched nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	g := small(t)
	g.want(0, nil, "switch", "--yes")
	before := g.manifest()
	const module = "hosts/small/default.hcl"
	good, lock := g.read(flakeInGuest+"/"+module), g.read(flakeInGuest+"/hosts/small/packages.lock")
	two := tiny(t, "2.0")
	cases := []struct {
		name  string
		says  []string
		spoil func()
	}{
		{"wrong type", []string{module + ":32", "enabled", "bool"}, func() {
			g.edit(module, "= true", `= ["yes"]`)
		}},
		{"unknown option", []string{module + ":32", "enabeld", `"enabled"`}, func() {
			g.edit(module, "enabled ", "enabeld ")
		}},
		{"syntax", []string{module + ":32"}, func() {
			g.edit(module, "enabled ", "enabled = = ")
		}},
		{"unknown group", []string{"/etc/tiny/tiny.conf", "nobodys"}, func() {
			g.edit(module, `  group   = "tiny"`, `  group   = "nobodys"`)
		}},
		{"package that the lock lacks", []string{module + ":", `"other"`, "hostctl update"}, func() {
			g.edit(module, `package "tiny" {}`, "package \"tiny\" {}\npackage \"other\" {}")
		}},
		{"lock line edited by hand", []string{"packages.lock", "line 2", "hostctl update"}, func() {
			g.lockText(strings.Replace(lock, " 1.0 ", " 1.0 x ", 1))
		}},
		{"lock cut off", []string{"packages.lock", "cut off"}, func() {
			g.lockText(strings.TrimSuffix(lock, "\n"))
		}},
		{"lock whose digest is another's", []string{"package tiny 2.0", "SHA-256"}, func() {
			l := two
			l.SHA256 = debs(t, tinyPackage("3.0"))[0].SHA256
			g.swap(two, l)
			g.lock(l)
		}},
		{".deb tampered with in the cache", []string{"package tiny 5.0", "altered"}, func() {
			l, evil := tiny(t, "5.0"), tinyPackage("5.0")
			evil.Files["/usr/bin/tiny-web"] += "# evil"
			g.swap(debs(t, evil)[0], l)
			g.lock(l)
		}},
		{"file that its own checker refuses", []string{"/etc/motd", module + ":", "no such word"}, func() {
			g.edit(module, `  content = "This is generation one.\n"`, "  content = \"x\\n\"\n  check   = [\"sh\", \"-c\", \"echo no such word; exit 1\"]")
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := g.under(t)
			c.spoil()
			r := g.want(1, c.says, "switch", "--yes")
			t.Logf("what a user sees:\n%s%s", r.stdout, r.stderr)
			g.write(flakeInGuest+"/"+module, good, 0o644)
			g.lockText(lock)
		})
	}
	g.same("after every refused switch", before)
	g.want(0, nil, "plan", "--detailed-exitcode")
}

// under is the same guest in a subtest.
func (g *guest) under(t *testing.T) *guest {
	sub := *g
	sub.t = t
	return &sub
}

func (g *guest) lockText(text string) {
	g.t.Helper()
	g.write(filepath.Join(flakeInGuest, "hosts", g.host, "packages.lock"), text, 0o644)
}

// swap puts the bytes of one package where the guest's cache keeps another.
func (g *guest) swap(bytes, as spec.Locked) {
	g.t.Helper()
	b, err := os.ReadFile(apt.Cache{Dir: g.w.cache}.Deb(bytes))
	if err != nil {
		g.t.Fatal(err)
	}
	plant(g.t, filepath.Join(g.Root, "var/cache/hostctl"), b, as)
}

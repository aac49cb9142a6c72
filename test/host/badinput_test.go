package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
	"github.com/hostctl/hostctl/test/repo"
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
		{"no age key on the host", []string{"/var/lib/hostctl/age.key"}, func() {
			g.secret("hello_world")
			g.sh("rm -f /var/lib/hostctl/age.key")
		}},
		{"another age key", []string{"hello_world", "age.key"}, func() {
			g.secret("hello_world")
			g.write("/var/lib/hostctl/age.key", strayKey, 0o600)
		}},
		{"key that the sops file lacks", []string{"hello_word", "hosts/small/secrets.yaml"}, func() {
			g.secret("hello_word")
		}},
		{"sops file tampered with", []string{"hosts/small/secrets.yaml"}, func() {
			g.secret("hello_world")
			g.edit("hosts/small/secrets.yaml", "hello_world:", "hello_world: x\nhello_word:")
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

// strayKey is an age key that nothing is encrypted to, made for this test.
const strayKey = "AGE-SECRET-KEY-1T8HXSAPSAC06LUP4209LXN9RDYCAUJQKSLUGNUG0NM6YJPRFG7LQZ2VWVY\n"

// secret declares a secret of the repository's own example file, whose key the
// machine then has.
func (g *guest) secret(name string) {
	g.t.Helper()
	g.copyIn("../../secrets/secrets.yaml", flakeInGuest+"/hosts/small/secrets.yaml", 0o644)
	g.copyIn("../../secrets/TEST-ONLY.agekey", "/var/lib/hostctl/age.key", 0o600)
	module := flakeInGuest + "/hosts/small/default.hcl"
	g.write(module, g.read(module)+"\nsecrets { default_file = \"./secrets.yaml\" }\nsecret \""+name+"\" {}\n", 0o644)
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

// swap puts the bytes of one package into another one's place in the guest's cache.
func (g *guest) swap(bytes, as spec.Locked) {
	g.t.Helper()
	b, err := os.ReadFile(apt.Cache{Dir: g.w.cache}.Deb(bytes))
	if err != nil {
		g.t.Fatal(err)
	}
	plant(g.t, filepath.Join(g.Root, "var/cache/hostctl"), b, as)
}

// A repository that is not what it was signed to be stops an update, which
// then has written nothing.
func TestBadRepository(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	cases := map[string]struct {
		spoil func(*repo.Repo)
		says  string
	}{
		"expired":     {(*repo.Repo).Expire, "has expired"},
		"unsigned":    {(*repo.Repo).Unsign, "no valid signature"},
		"foreign key": {(*repo.Repo).SignWrongly, "not signed by a key of its keyring"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := repo.New(t)
			r.Add(tinyPackage("1.0"))
			c.spoil(r)
			flake := t.TempDir()
			if err := os.CopyFS(flake, os.DirFS("testdata/small")); err != nil {
				t.Fatal(err)
			}
			key, err := os.ReadFile(r.Keyring)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(flake, "flake.hcl"))
			if err != nil {
				t.Fatal(err)
			}
			keyed := strings.Replace(string(text), `components = ["main"]`, "components = [\"main\"]\n  keyring    = \"./archive.gpg\"", 1)
			for file, content := range map[string]string{"flake.hcl": keyed, "archive.gpg": string(key)} {
				if err := os.WriteFile(filepath.Join(flake, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before, err := machine.Take(flake)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), w.hostctl, "update", "--flake", flake)
			cmd.Env = append(os.Environ(), "HOSTCTL_CACHE="+t.TempDir(), "HOSTCTL_MIRROR="+r.URL())
			got := runCommand(t, cmd)
			if got.code != 1 || !strings.Contains(got.stderr, c.says) || !strings.Contains(got.stderr, `"debian"`) {
				t.Errorf("hostctl update does not refuse it with %q and the name of the input\n%s", c.says, got)
			}
			t.Logf("what a user sees:\n%s", got.stderr)
			after, err := machine.Take(flake)
			if err != nil {
				t.Fatal(err)
			}
			if lines := machine.Diff(before, after, []machine.Exclusion{{Path: "/flake.lock", Why: "the other inputs' lock is written first"}}); len(lines) > 0 {
				t.Errorf("a refused update has changed the flake:\n  %s", strings.Join(lines, "\n  "))
			}
		})
	}
}

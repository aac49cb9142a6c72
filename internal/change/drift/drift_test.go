package drift

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// machine is a folder with what an inventory reads: accounts, dpkg's database
// with one package, and its files.
type machine struct {
	t    *testing.T
	root system.Root
}

func newMachine(t *testing.T) machine {
	m := machine{t, system.Root(t.TempDir())}
	m.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ngames:x:5:60:games:/usr/games:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/bash\n")
	m.write("/etc/group", "root:x:0:\nadm:x:4:\nann:x:1000:\n")
	m.write("/var/lib/dpkg/status", stanza("tiny", "1"))
	m.write("/var/lib/dpkg/info/tiny.list", "/.\n/usr\n/usr/bin\n/usr/bin/tiny\n/usr/bin/gone\n/usr/share/doc/left-out\n/etc\n/etc/tiny.conf\n")
	m.write("/var/lib/dpkg/info/tiny.conffiles", "/etc/tiny.conf\n")
	m.write("/var/lib/dpkg/info/tiny.md5sums", md5Line("usr/bin/tiny", "tiny\n")+md5Line("usr/bin/gone", "gone\n")+md5Line("usr/share/doc/left-out", "never there\n"))
	m.write("/etc/dpkg/dpkg.cfg.d/excludes", "path-exclude=/usr/share/doc/*\n")
	m.write("/usr/bin/tiny", "tiny\n")
	m.write("/usr/bin/gone", "gone\n")
	m.write("/etc/tiny.conf", "a conffile\n")
	m.write("/etc/made", "by a postinst\n")
	m.write("/etc/systemd/system/own.service", "[Service]\n")
	return m
}

func stanza(name, version string) string {
	return fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n", name, version)
}

func md5Line(path, content string) string {
	sum := md5.Sum([]byte(content))
	return hex.EncodeToString(sum[:]) + "  " + path + "\n"
}

func (m machine) write(path, text string) {
	m.t.Helper()
	at := m.root.Path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) take() *inventory.Inventory {
	m.t.Helper()
	inv, err := inventory.Take(m.root)
	m.must(err)
	return inv
}

// find lists what differs from base, one line an item.
func (m machine) find(base *inventory.Inventory, want *spec.Host, p *spec.Plan) []string {
	m.t.Helper()
	conffiles, err := apt.Owned(m.root)
	m.must(err)
	shipped, err := apt.ShippedFiles(m.root)
	m.must(err)
	cache, err := kind.LoadMD5Cache(filepath.Join(m.t.TempDir(), "cache"))
	m.must(err)
	altered, err := Verify(m.root, shipped, cache)
	m.must(err)
	d := spec.Drift{Items: Find(Input{Base: base, Now: m.take(), Plan: p, Spec: want, Conffiles: conffiles, Altered: altered})}
	d.Sort()
	var out []string
	for _, i := range d.Items {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", i.Kind, i.Name, i.Change, i.Field, i.Switch)))
	}
	return out
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("drift is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestFindSeesWhatOthersDid(t *testing.T) {
	m := newMachine(t)
	base := m.take()
	empty := &spec.Plan{}
	equal(t, m.find(base, &spec.Host{}, empty), nil)

	m.write("/usr/bin/tiny", "worm\n")
	m.must(os.Remove(m.root.Path("/usr/bin/gone")))
	m.write("/etc/tiny.conf", "an edited conffile\n")
	m.must(os.Chmod(m.root.Path("/etc/tiny.conf"), 0o600))
	m.write("/etc/made", "by hand\n")
	m.write("/etc/sudoers.d/ann", "ann ALL=(ALL) ALL\n")
	m.write("/etc/cron.d/job", "* * * * * root true\n")
	m.write("/home/ann/.ssh/authorized_keys", "ssh-ed25519 AAAA\n")
	m.write("/usr/local/lib/tool/a/b", "from a web page\n")
	m.must(os.Symlink("/dev/null", m.root.Path("/usr/local/bin")))
	m.must(os.MkdirAll(m.root.Path("/etc/systemd/system/multi-user.target.wants"), 0o755))
	m.must(os.Symlink("/etc/systemd/system/evil.service", m.root.Path("/etc/systemd/system/multi-user.target.wants/evil.service")))
	m.must(os.Symlink("/dev/null", m.root.Path("/etc/systemd/system/good.service")))
	m.write("/opt/suid", "x")
	m.must(os.Chmod(m.root.Path("/opt/suid"), os.ModeSetuid|0o755))
	m.write("/var/lib/dpkg/diversions", "/usr/bin/other\n/usr/bin/other.real\n:\n")
	m.write("/var/lib/dpkg/statoverride", "root root 4755 /usr/bin/tiny\n")
	m.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/zsh\nmallory:x:0:0::/:/bin/sh\n")
	m.write("/etc/group", "root:x:0:\nadm:x:4:ann\nann:x:1000:\n")
	m.write("/var/lib/dpkg/status", stanza("tiny", "1")+stanza("foo", "3"))
	m.write("/var/lib/dpkg/info/foo.list", "/.\n/usr\n/usr/share\n/usr/share/foo\n")
	m.write("/usr/share/foo", "of a package, which speaks for it\n")
	equal(t, m.find(base, &spec.Host{}, empty), []string{
		"authorized_keys /home/ann/.ssh/authorized_keys added  leaves",
		"conffile /etc/tiny.conf changed content leaves",
		"conffile /etc/tiny.conf changed mode leaves",
		"cron /etc/cron.d added  leaves",
		"diversion /usr/bin/other added  leaves",
		"file /etc/made changed content leaves",
		"file /opt added  leaves",
		"file /usr/local added  leaves",
		"mask good.service changed masked leaves",
		"membership ann added adm leaves",
		"package foo added version leaves",
		"program_file /usr/bin/gone removed content leaves",
		"program_file /usr/bin/tiny changed content leaves",
		"statoverride /usr/bin/tiny added  leaves",
		"sudoers /etc/sudoers.d added  leaves",
		"unit evil.service changed enabled leaves",
		"user ann changed shell leaves",
		"user games removed  leaves",
		"user mallory added  leaves",
	})
}

// What a generation has changed itself is no drift afterwards; what somebody
// changed beside it still is.
func TestUpdateTakesInOnlyWhatAGenerationDid(t *testing.T) {
	m := newMachine(t)
	base := m.take()
	m.write("/etc/ours", "written by a switch\n")
	m.write("/etc/theirs", "written by hand\n")
	m.write("/var/lib/dpkg/status", stanza("tiny", "1")+stanza("ours", "1")+stanza("theirs", "1"))
	Update(base, m.take(), Touched{Paths: []string{"/etc/ours"}, Packages: []string{"ours"}})
	equal(t, m.find(base, &spec.Host{}, &spec.Plan{}), []string{
		"file /etc/theirs added  leaves",
		"package theirs added version leaves",
	})
	path := filepath.Join(t.TempDir(), "baseline.json")
	m.must(Save(path, base))
	again, err := Load(path)
	m.must(err)
	if len(m.find(again, &spec.Host{}, &spec.Plan{})) != 2 {
		t.Error("a stored baseline is not the one that was saved")
	}
}

// What the plan would do about a declared thing is told once, and as the
// plan's.
func TestDeclaredIsThePlans(t *testing.T) {
	m := newMachine(t)
	base := m.take()
	m.write("/etc/made", "by hand\n")
	id := spec.ID{Kind: spec.KindFile, Name: "/etc/made"}
	want := &spec.Host{
		Files:   map[string]spec.File{"/etc/made": {Type: spec.Regular, Content: "by a spec\n"}},
		Origins: map[spec.ID]spec.Origin{id: {File: "a.hcl", Line: 3}},
	}
	p := &spec.Plan{
		Changes: []spec.Change{
			{ID: id, Action: spec.Update, Fields: []spec.Field{{Name: "content", Before: "by hand\n", After: "by a spec\n"}}},
			{ID: spec.ID{Kind: spec.KindPackage, Name: "lost"}, Action: spec.Create, Fields: []spec.Field{{Name: "version", After: "2"}}},
		},
	}
	equal(t, m.find(base, want, p), []string{"file /etc/made changed content restores"})
	for _, i := range Find(Input{Base: base, Now: m.take(), Plan: p, Spec: want}) {
		if i.Kind == "file" && (i.Origin.Line != 3 || !strings.HasPrefix(i.Before, "sha256:") || strings.Contains(i.Before+i.Now, "by")) {
			t.Errorf("the item is %+v", i)
		}
	}
}

// A hold of apt's is drift, and so is a module that the kernel lacks although
// the configuration names it; one that nothing names is none.
func TestHoldsAndModules(t *testing.T) {
	m := newMachine(t)
	base := m.take()
	m.write("/var/lib/dpkg/status", strings.Replace(stanza("tiny", "1"), "install ok", "hold ok", 1))
	now := m.take()
	now.Modules = map[string]bool{"nf_tables": true, "loop": true}
	want := &spec.Host{KernelModules: []string{"nf-tables", "wireguard"}}
	var got []string
	for _, i := range Find(Input{Base: base, Now: now, Plan: &spec.Plan{}, Spec: want}) {
		got = append(got, fmt.Sprint(i.Kind, " ", i.Name, " ", i.Field, ": ", i.Before, " -> ", i.Now, ", ", i.Switch))
	}
	equal(t, got, []string{"package tiny hold: false -> true, leaves", "module wireguard loaded: true -> false, leaves"})
	now.Modules = nil // a container
	if items := Find(Input{Base: now, Now: now, Plan: &spec.Plan{}, Spec: want}); len(items) > 0 {
		t.Errorf("where no module can be loaded drift is %+v", items)
	}
}

func TestFindUnowned(t *testing.T) {
	files := map[string]inventory.File{"/usr/bin/awk": {Target: "/etc/alternatives/awk"}}
	var got []string
	for _, i := range FindUnowned([]string{
		"/etc/owned", "/etc/hosts", "/etc/spec", "/opt", "/usr/bin/awk", "/opt/empty", "/usr/local/a", "/usr/local/a-b", "/usr/local/a/x", "/usr/local/a/y", "/var/lib/made/z",
	}, Known{
		Owners: map[string]string{"/etc/owned": "p"}, Spec: &spec.Host{}, Paths: []string{"/etc/spec", "/var/lib/made/z"}, Files: files,
	}) {
		got = append(got, fmt.Sprint(i.Kind, " ", i.Name, " ", i.Count))
	}
	equal(t, got, []string{"unowned /opt/empty 0", "unowned /usr/local/a 2", "unowned /usr/local/a-b 0"})
}

func TestEveryIgnoredPatternHasAReason(t *testing.T) {
	list := Debian()
	if len(list) == 0 {
		t.Fatal("the list is empty")
	}
	for _, i := range list {
		if i.reason == "" || i.class != made && i.class != volatile || !strings.HasPrefix(i.pattern, "/") && !strings.HasPrefix(i.pattern, "mount:") {
			t.Errorf("%q: no reason, no class or no path", i.pattern)
		}
	}
}

func TestIgnorePatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/b", "/a/b", true}, {"/a/b", "/a/b/c", false}, {"/a/b/", "/a/b", true}, {"/a/b/", "/a/b/c/d", true}, {"/a/b/", "/a/bc", false},
		{"/a/*.x", "/a/n.x", true}, {"/a/*.x", "/a/n/n.x", false}, {"/a/**/z/", "/a/b/c/z/d", true}, {"/a/**.x", "/a/b/c.x", true}, {"/a/?", "/a//", false},
	} {
		if got := (IgnoreList{compile(made, c.pattern, "why")}).somebodys(c.path); got != c.want {
			t.Errorf("%s matches %s: %t", c.pattern, c.path, got)
		}
	}
}

// TestLogins: whoever opens an account, or a group, without being asked for a
// password that was there is reported; a user's change of it is not.
func TestLogins(t *testing.T) {
	m := newMachine(t)
	shadow := func(root, games, ann string) {
		m.write("/etc/shadow", "root:"+root+":1:0:::::\ngames:*:1:0:::::\nann:"+ann+":1:0:::::\n")
		m.write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ngames:"+games+":5:60:games:/usr/games:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/bash\n")
	}
	shadow("!$y$old", "x", "!")
	m.write("/etc/gshadow", "adm:*::\n")
	base := m.take()
	ann := &spec.Host{Users: map[string]spec.User{"ann": {PasswordSecret: "pw"}}}
	shadow("$y$old", "", "$y$hers")
	m.write("/etc/gshadow", "adm:$y$x:ann:\n")
	opened := []string{"group adm changed administrators leaves", "group adm changed password leaves", "user games changed password leaves", "user root changed password leaves"}
	equal(t, m.find(base, ann, &spec.Plan{}), opened)
	equal(t, m.find(base, &spec.Host{}, &spec.Plan{}), slices.Insert(slices.Clone(opened), 2, "user ann changed password leaves"))
	set := m.take()
	shadow("$y$new", "", "$y$another")
	equal(t, m.find(set, ann, &spec.Plan{}), nil)
	shadow("", "", "")
	equal(t, m.find(set, ann, &spec.Plan{}), []string{"user ann changed password leaves", "user root changed password leaves"})
	// An older baseline says nothing of passwords, and takes what it finds.
	base.Logins, base.GroupLogins = nil, nil
	equal(t, m.find(base, ann, &spec.Plan{}), nil)
	Update(base, m.take(), Touched{})
	if base.Logins["root"].Password != "empty" {
		t.Errorf("the baseline has %+v", base.Logins)
	}
	// What a generation makes is not drift.
	made := account.Diff(account.Files{}, account.Files{account.Shadow: []byte("ann:!:1:0:::::\n")})
	Update(set, m.take(), Touched{Accounts: []account.Delta{made}})
	equal(t, m.find(set, ann, &spec.Plan{}), []string{"user root changed password leaves"})
}

// TestAutoMark: apt's mark by which a package goes with those that need it.
func TestAutoMark(t *testing.T) {
	m := newMachine(t)
	m.write("/var/lib/dpkg/status", stanza("dpkg", "1")+stanza("tiny", "1"))
	base := m.take()
	m.write("/var/lib/apt/extended_states", "Package: tiny\nArchitecture: amd64\nAuto-Installed: 1\n\n")
	equal(t, m.find(base, &spec.Host{}, &spec.Plan{}), []string{"package tiny changed auto leaves"})
}

// TestTables: while a firewall is declared, its table is there and no other has
// come beside those that programs had.
func TestTables(t *testing.T) {
	const firewall = "/etc/hostctl/firewall.nft"
	declared := &spec.Host{Files: map[string]spec.File{firewall: {}}}
	tables := func(names ...string) *inventory.Inventory {
		inv := &inventory.Inventory{Tables: map[string]bool{}}
		for _, name := range names {
			inv.Tables[name] = true
		}
		return inv
	}
	base := tables("inet hostctl", "ip docker")
	for _, c := range []struct {
		now  *inventory.Inventory
		spec *spec.Host
		want []string
	}{
		{tables("inet hostctl", "ip docker"), declared, nil},
		{tables("inet hostctl", "ip docker", "ip evil"), declared, []string{"firewall ip evil added absent present"}},
		{tables(), declared, []string{"firewall inet hostctl removed present absent"}},
		{tables("ip evil"), &spec.Host{}, nil},
		{&inventory.Inventory{}, declared, nil},
	} {
		var got []string
		for _, i := range Find(Input{Base: base, Now: c.now, Plan: &spec.Plan{}, Spec: c.spec}) {
			got = append(got, fmt.Sprintf("%s %s %s %s %s", i.Kind, i.Name, i.Change, i.Before, i.Now))
		}
		equal(t, got, c.want)
	}
	rules := Rules{Meant: []string{"policy drop;", "tcp dport 22 accept"}, Now: []string{"policy accept;", "tcp dport 22 accept", "tcp dport 4444 accept"}}
	var got []string
	for _, i := range Find(Input{Base: base, Now: tables("inet hostctl"), Plan: &spec.Plan{}, Spec: declared, Rules: rules}) {
		got = append(got, fmt.Sprintf("%s %s %q %q", i.Name, i.Field, i.Before, i.Now))
	}
	equal(t, got, []string{`inet hostctl rule "" "policy accept;"`, `inet hostctl rule "policy drop;" ""`, `inet hostctl rule "" "tcp dport 4444 accept"`})
	Update(base, tables("ip evil"), Touched{Paths: []string{"/etc/x"}})
	if base.Tables["ip evil"] {
		t.Error("what somebody else made enters the baseline")
	}
}

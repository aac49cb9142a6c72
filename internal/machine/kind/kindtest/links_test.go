package kindtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

func TestHomesAndLinks(t *testing.T) {
	root := debian(t)
	host := one("/home/ann/.config/app/conf", spec.File{Type: spec.Regular, Content: "x", Mode: "0600", Owner: "ann", Group: "ann"})
	host.Users = map[string]spec.User{"ann": {UID: ptr(1200)}}
	if err := change(t, root, host, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, root, false)["/home/ann/.config"]; got != "drwxr-xr-x 1200:1200" {
		t.Errorf("a parent in the home is %s", got)
	}
	// Ann links a folder of hers to root's: nothing is written through it.
	if err := os.Rename(root.Path("/home/ann/.config"), root.Path("/home/ann/real")); err != nil {
		t.Fatal(err)
	}
	link := root.Path("/home/ann/.config")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, 1200, 1200); err != nil {
		t.Fatal(err)
	}
	refused(t, change(t, root, host, nil, nil), "/home/ann/.config is a link of user 1200", "follows no link")
	if got := dump(t, root, false)["/etc/app"]; got != "" {
		t.Errorf("/etc/app is %s", got)
	}
	// The plan says so, and nothing is taken away through it either.
	p := planFor(t, root, host, nil)
	if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "/home/ann/.config is a link") }) {
		t.Errorf("the plan warns of %q", p.Warnings)
	}
	// One to a folder of hers could lead elsewhere the next moment.
	if err := errors.Join(os.Remove(link), os.Symlink("real", link), os.Lchown(link, 1200, 1200)); err != nil {
		t.Fatal(err)
	}
	refused(t, change(t, root, host, nil, nil), "/home/ann/.config is a link of user 1200")
	without := &spec.Host{Users: host.Users}
	if err := change(t, root, without, host, nil); err != nil {
		t.Error(err)
	}
	if got := dump(t, root, false)["/home/ann/real/app/conf"]; !strings.Contains(got, "1200:1200") {
		t.Errorf("what is behind the link is %q", got)
	}
	// One that root alone could have made is as good as a folder.
	if err := errors.Join(os.Remove(root.Path("/srv")), os.Mkdir(root.Path("/data"), 0o755), os.Symlink("/data", root.Path("/srv"))); err != nil {
		t.Fatal(err)
	}
	if err := change(t, root, one("/srv/new", regular("y")), nil, nil); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(root.Path("/data/new")); err != nil || string(b) != "y" {
		t.Errorf("/data/new is %q, %v", b, err)
	}
}

// TestRootsFoldersAreNotGivenAway: the attack of a folder that became a link to
// another that has the wanted name in it.
func TestRootsFoldersAreNotGivenAway(t *testing.T) {
	root := debian(t)
	host := one("/home/ann/.local/bin", spec.File{Type: spec.Directory, Mode: "0711", Owner: "ann", Group: "ann"})
	host.Files["/home/ann/.local/os-release"] = spec.File{Type: spec.Regular, Content: "same", Mode: "0600", Owner: "ann", Group: "ann"}
	host.Users = map[string]spec.User{"ann": {UID: ptr(1200)}}
	if err := change(t, root, host, nil, nil); err != nil {
		t.Fatal(err)
	}
	if p := planFor(t, root, host, host); !p.Empty() {
		t.Fatalf("%+v", p.Changes)
	}
	local := root.Path("/home/ann/.local")
	write(t, root, "/usr/os-release", "same")
	if err := errors.Join(os.Rename(local, local+".was"), os.Symlink("/usr", local), os.Lchown(local, 1200, 1200)); err != nil {
		t.Fatal(err)
	}
	refused(t, change(t, root, host, host, nil), "/home/ann/.local is a link of user 1200")
	for _, path := range []string{"/usr/bin", "/usr/os-release"} {
		st, err := os.Lstat(root.Path(path))
		if err != nil || st.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
}

// TestManyNames: a file with another name elsewhere is replaced, its attributes
// are not changed.
func TestManyNames(t *testing.T) {
	root := folder(t)
	write(t, root, "/etc/other", "same")
	if err := os.Link(root.Path("/etc/other"), root.Path("/etc/x")); err != nil {
		t.Fatal(err)
	}
	f := regular("same")
	f.Mode = "0600"
	if err := change(t, root, one("/etc/x", f), nil, nil); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"/etc/x": 0o600, "/etc/other": 0o644} {
		if st, err := os.Stat(root.Path(path)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
}

// TestHugeFile: one that somebody has made as large as they liked is not read.
func TestHugeFile(t *testing.T) {
	root := folder(t)
	write(t, root, "/srv/x", "")
	if err := os.Truncate(root.Path("/srv/x"), 8<<40); err != nil {
		t.Fatal(err)
	}
	host := one("/srv/x", regular("small"))
	began := time.Now()
	p := planFor(t, root, host, nil)
	if len(p.Changes) != 1 || p.Changes[0].Fields[0].Before != "8796093022208 bytes" {
		t.Errorf("%+v", p.Changes)
	}
	if err := change(t, root, host, nil, nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if b, err := os.ReadFile(root.Path("/srv/x")); string(b) != "small" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestPipeInPlace: a pipe that somebody puts where a file is wanted is waited for
// by nobody.
func TestPipeInPlace(t *testing.T) {
	root := folder(t)
	if err := errors.Join(os.Mkdir(root.Path("/srv"), 0o755), unix.Mkfifo(root.Path("/srv/x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := change(t, root, one("/srv/x", regular("text")), nil, nil); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(root.Path("/srv/x")); string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestLinkSetAnew: a file below a managed link is written where the link leads by
// then, whatever was taken away through it before.
func TestLinkSetAnew(t *testing.T) {
	root := debian(t)
	if err := errors.Join(os.Mkdir(root.Path("/srv/a"), 0o755), os.Mkdir(root.Path("/srv/b"), 0o755)); err != nil {
		t.Fatal(err)
	}
	host := func(target, name string) *spec.Host {
		h := one("/srv/link/"+name, regular("x"))
		h.Files["/srv/link"] = spec.File{Type: spec.Symlink, Target: target}
		return h
	}
	first := host("/srv/a", "old")
	if err := change(t, root, first, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := change(t, root, host("/srv/b", "new"), first, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root.Path("/srv/b/new")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root.Path("/srv/a/new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("where the link led before: %v", err)
	}
}

// TestEnabledIsASetOfLinks: whatever changes in an [Install] section, the links
// are those that it names, as systemctl makes them, and the next plan is empty.
func TestEnabledIsASetOfLinks(t *testing.T) {
	const (
		daemon  = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\n"
		shipped = "/usr/lib/systemd/system/shipped.service"
	)
	own := func(name, install string, dropIn ...string) *spec.Host {
		u := spec.Unit{Content: daemon + install, Enabled: ptr(true), DropIns: map[string]string{}}
		if name == "shipped.service" {
			u.Content = ""
		}
		for _, text := range dropIn {
			u.DropIns["10-a.conf"] = "[Install]\n" + text
		}
		return &spec.Host{Units: map[string]spec.Unit{name: u}}
	}
	for name, c := range map[string]struct {
		first, then *spec.Host
		meanwhile   func(*testing.T, system.Root)
		links       []string // below /etc/systemd/system
		planned     bool     // by the field links
	}{
		"WantedBy": {first: own("a.service", "WantedBy=one.target\n"), then: own("a.service", "WantedBy=two.target\nRequiredBy=three.target\n"),
			links: []string{"three.target.requires/a.service", "two.target.wants/a.service"}},
		"Alias": {first: own("a.service", "WantedBy=one.target\nAlias=b.service\n"), then: own("a.service", "WantedBy=one.target\nAlias=c.service\n"),
			links: []string{"c.service", "one.target.wants/a.service"}},
		"DefaultInstance": {first: own("t@.service", "WantedBy=one.target\nDefaultInstance=x\n"), then: own("t@.service", "WantedBy=one.target\nDefaultInstance=y\n"),
			meanwhile: func(t *testing.T, root system.Root) { enableByHand(t, root, "t@hand.service", "t@.service") },
			links:     []string{"one.target.wants/t@hand.service", "one.target.wants/t@y.service"}},
		"a drop-in":      {first: own("shipped.service", ""), then: own("shipped.service", "", "WantedBy=\nWantedBy=two.target\n"), links: []string{"two.target.wants/shipped.service"}},
		"a drop-in goes": {first: own("shipped.service", "", "WantedBy=two.target\n"), then: own("shipped.service", ""), links: []string{"one.target.wants/shipped.service"}},
		"a package": {first: own("shipped.service", ""), then: own("shipped.service", ""), planned: true,
			meanwhile: func(t *testing.T, root system.Root) { write(t, root, shipped, daemon+"WantedBy=two.target\n") },
			links:     []string{"two.target.wants/shipped.service"}},
		"one of two that somebody has removed": {first: own("a.service", "WantedBy=one.target two.target\n"), then: own("a.service", "WantedBy=one.target two.target\n"), planned: true,
			meanwhile: func(t *testing.T, root system.Root) {
				if err := os.Remove(root.Path("/etc/systemd/system/two.target.wants/a.service")); err != nil {
					t.Fatal(err)
				}
			},
			links: []string{"one.target.wants/a.service", "two.target.wants/a.service"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := debian(t)
			write(t, root, shipped, daemon+"WantedBy=one.target\n")
			before := unitLinks(t, root)
			if err := change(t, root, c.first, nil, nil); err != nil {
				t.Fatal(err)
			}
			if c.meanwhile != nil {
				c.meanwhile(t, root)
			}
			p := planFor(t, root, c.then, c.first)
			if p.Empty() || c.planned != strings.Contains(fmt.Sprint(p.Changes), "{links ") {
				t.Errorf("the plan is %+v", p.Changes)
			}
			if err := change(t, root, c.then, c.first, nil); err != nil {
				t.Fatal(err)
			}
			linksAre(t, root, c.then, before, c.links)
		})
	}
}

// linksAre holds the links that came since before against those that are wanted,
// and a second plan against nothing to do.
func linksAre(t *testing.T, root system.Root, host *spec.Host, before, want []string) {
	t.Helper()
	got := slices.DeleteFunc(unitLinks(t, root), func(link string) bool { return slices.Contains(before, link) })
	if !slices.Equal(got, want) {
		t.Errorf("the links are %q, want %q", got, want)
	}
	if left := planFor(t, root, host, host); !left.Empty() {
		t.Errorf("a second plan asks for %+v", left.Changes)
	}
}

// TestLinksOfOtherUnits: what a unit has others enabled by (Also=, a default
// instance, a drop-in) goes with it, and takes nothing along that is declared.
func TestLinksOfOtherUnits(t *testing.T) {
	const run = "[Service]\nExecStart=/usr/bin/sleep infinity\n"
	host := func(units map[string]spec.Unit) *spec.Host { return &spec.Host{Units: units} }
	dropIn := func(install string, enabled *bool) spec.Unit {
		u := spec.Unit{Enabled: enabled, DropIns: map[string]string{"20-b.conf": "[Service]\nNice=1\n"}}
		if install != "" {
			u.DropIns["10-a.conf"] = "[Install]\n" + install
		}
		return u
	}
	also := func(unit string) *spec.Host {
		return host(map[string]spec.Unit{
			"main.service":  {Content: run + "[Install]\nWantedBy=one.target\nAlso=" + unit + "\n", Enabled: ptr(true)},
			"one.service":   {Content: run + "[Install]\nWantedBy=one.target\nAlso=deep.service\n"},
			"deep.service":  {Content: run + "[Install]\nWantedBy=one.target\nAlso=main.service\n"},
			"two.service":   {Content: run + "[Install]\nAlias=zwei.service\nWantedBy=two.target\n"},
			"never.service": {Content: unitText, Enabled: ptr(false)},
		})
	}
	template := func(instance string, declared map[string]*bool) *spec.Host {
		units := map[string]spec.Unit{"t@.service": {Content: run + "[Install]\nWantedBy=one.target\nDefaultInstance=" + instance + "\n", Enabled: ptr(true)}}
		for name, enabled := range declared {
			u := units[name]
			u.Enabled = enabled
			units[name] = u
		}
		return host(units)
	}
	declared := map[string]*bool{"t@y.service": ptr(true)}
	for name, c := range map[string]struct {
		first, then *spec.Host
		links       []string // below /etc/systemd/system
	}{
		"Also": {first: also("one.service"), then: also("two.service"),
			links: []string{"one.target.wants/main.service", "two.target.wants/two.service", "zwei.service"}},
		"Also goes":                                 {first: also("one.service two.service"), then: also(""), links: []string{"one.target.wants/main.service"}},
		"Also comes":                                {first: also(""), then: also("two.service"), links: []string{"one.target.wants/main.service", "two.target.wants/two.service", "zwei.service"}},
		"Also of what is to be off":                 {first: also(""), then: also("never.service"), links: []string{"one.target.wants/main.service"}},
		"Also of a package's unit goes":             {first: also("shipped.service"), then: also(""), links: []string{"one.target.wants/main.service", "one.target.wants/shipped.service"}},
		"a unit with Also goes":                     {first: also("two.service"), then: host(map[string]spec.Unit{"two.service": {Content: run + "[Install]\nWantedBy=two.target\n"}}), links: nil},
		"a drop-in and all lines about the unit go": {first: host(map[string]spec.Unit{"static.service": dropIn("WantedBy=two.target\n", ptr(true))}), then: host(nil)},
		"a drop-in and enabled go":                  {first: host(map[string]spec.Unit{"static.service": dropIn("WantedBy=two.target\n", ptr(true))}), then: host(map[string]spec.Unit{"static.service": dropIn("", nil)})},
		"one of two links' drop-in and enabled go": {first: host(map[string]spec.Unit{"shipped.service": dropIn("WantedBy=two.target\n", ptr(true))}), then: host(map[string]spec.Unit{"shipped.service": dropIn("", nil)}),
			links: []string{"one.target.wants/shipped.service"}},
		"the default instance becomes the declared one": {first: template("x", declared), then: template("y", declared), links: []string{"one.target.wants/t@y.service"}},
		"the default instance was the declared one":     {first: template("y", declared), then: template("x", declared), links: []string{"one.target.wants/t@x.service", "one.target.wants/t@y.service"}},
		"the default instance was declared before":      {first: template("y", declared), then: template("y", nil), links: []string{"one.target.wants/t@y.service"}},
		"an instance without its template": {first: template("x", declared), then: template("x", map[string]*bool{"t@.service": ptr(false), "t@y.service": ptr(true)}),
			links: []string{"one.target.wants/t@y.service"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := debian(t)
			write(t, root, "/usr/lib/systemd/system/shipped.service", run+"[Install]\nWantedBy=one.target\n")
			write(t, root, "/usr/lib/systemd/system/static.service", run)
			before := unitLinks(t, root)
			if err := change(t, root, c.first, nil, nil); err != nil {
				t.Fatal(err)
			}
			if left := planFor(t, root, c.first, c.first); !left.Empty() {
				t.Errorf("after the first, a plan asks for %+v", left.Changes)
			}
			if err := change(t, root, c.then, c.first, nil); err != nil {
				t.Fatal(err)
			}
			linksAre(t, root, c.then, before, c.links)
		})
	}
}

// TestAlsoIsLookedAt: a link that Also= names and somebody has removed is planned
// for, and set again.
func TestAlsoIsLookedAt(t *testing.T) {
	root := debian(t)
	want := &spec.Host{Units: map[string]spec.Unit{
		"main.service":   {Content: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=one.target\nAlso=helper.service\n", Enabled: ptr(true)},
		"helper.service": {Content: unitText},
	}}
	if err := change(t, root, want, nil, nil); err != nil {
		t.Fatal(err)
	}
	link := root.Path("/etc/systemd/system/multi-user.target.wants/helper.service")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	p := planFor(t, root, want, want)
	if !strings.Contains(fmt.Sprint(p.Changes), "{links  /etc/systemd/system/multi-user.target.wants/helper.service}") {
		t.Errorf("the plan is %+v", p.Changes)
	}
	if err := change(t, root, want, want, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Error(err)
	}
}

func enableByHand(t *testing.T, root system.Root, unit, file string) {
	t.Helper()
	link := root.Path("/etc/systemd/system/one.target.wants/" + unit)
	if err := os.Symlink("/etc/systemd/system/"+file, link); err != nil {
		t.Fatal(err)
	}
}

func unitLinks(t *testing.T, root system.Root) []string {
	t.Helper()
	var out []string
	top := root.Path("/etc/systemd/system")
	err := filepath.WalkDir(top, func(at string, d os.DirEntry, err error) error {
		if err == nil && d.Type() == os.ModeSymlink {
			out = append(out, strings.TrimPrefix(at, top+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestUnitWithNothingToEnable: content that lost its [Install] section is refused,
// where it is to be enabled, as new content is.
func TestUnitWithNothingToEnable(t *testing.T) {
	root := debian(t)
	first, then := &spec.Host{Units: map[string]spec.Unit{"a.service": {Content: unitText, Enabled: ptr(true)}}}, &spec.Host{
		Units: map[string]spec.Unit{"a.service": {Content: "[Service]\nExecStart=/bin/true\n", Enabled: ptr(true)}}}
	if err := change(t, root, first, nil, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, change(t, root, then, first, nil), `unit "a.service"`, "no [Install] section")
	// So is a package's unit that had the section of a drop-in alone.
	root = debian(t)
	write(t, root, "/usr/lib/systemd/system/static.service", "[Service]\nExecStart=/bin/true\n")
	host := func(dropIns map[string]string) *spec.Host {
		return &spec.Host{Units: map[string]spec.Unit{"static.service": {DropIns: dropIns, Enabled: ptr(true)}}}
	}
	first = host(map[string]string{"10-a.conf": "[Install]\nWantedBy=two.target\n"})
	if err := change(t, root, first, nil, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, change(t, root, host(nil), first, nil), `unit "static.service"`, "no [Install] section")
}

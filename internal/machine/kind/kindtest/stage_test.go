package kindtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// change stages want over prev in root and returns the error.
func change(t *testing.T, root system.Root, want, prev *spec.Host, hashes map[string]string) error {
	t.Helper()
	_, err := kind.Stage(context.Background(), root, kind.Job{
		Plan: planFor(t, root, want, prev), Want: want, Prev: prev, PasswordHashes: hashes, Blob: readBlob,
	})
	return err
}

func refused(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %v, and lacks %q", err, part)
		}
	}
}

func one(path string, f spec.File) *spec.Host {
	id := spec.ID{Kind: spec.KindFile, Name: path}
	return &spec.Host{
		Files:   map[string]spec.File{path: f},
		Origins: map[spec.ID]spec.Origin{id: {File: "hosts/h.hcl", Line: 7}},
	}
}

func regular(content string) spec.File {
	return spec.File{Type: spec.Regular, Content: content, Mode: "0644"}
}

func TestFileReplacesOtherTypes(t *testing.T) {
	for name, prepare := range map[string]func(string) error{
		"empty folder": func(p string) error { return os.Mkdir(p, 0o700) },
		"link":         func(p string) error { return os.Symlink("/etc/passwd", p) },
		"folder in use": func(p string) error {
			return os.MkdirAll(filepath.Join(p, "data"), 0o700)
		},
	} {
		root := folder(t)
		if err := prepare(root.Path("/etc/x")); err != nil {
			t.Fatal(err)
		}
		err := change(t, root, one("/etc/x", regular("new")), nil, nil)
		if name == "folder in use" {
			refused(t, err, `cannot set file "/etc/x" (hosts/h.hcl:7)`, "directory stands there", "not empty")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(root.Path("/etc/x")); err != nil || string(b) != "new" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestFolderWithContentStays(t *testing.T) {
	root := folder(t)
	want := one("/etc/x.d", spec.File{Type: spec.Directory, Mode: "0755"})
	if err := change(t, root, want, nil, nil); err != nil {
		t.Fatal(err)
	}
	write(t, root, "/etc/x.d/foreign", "keep")
	if err := change(t, root, &spec.Host{}, want, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root.Path("/etc/x.d/foreign")); err != nil {
		t.Error(err)
	}
}

func TestFileErrors(t *testing.T) {
	for _, c := range []struct {
		file spec.File
		want string
	}{
		{spec.File{Type: spec.Regular, Mode: "0644", Owner: "nobody-here"}, `owner "nobody-here" is no user of the host`},
		{spec.File{Type: spec.Regular, Mode: "0644", Group: "no-group"}, `group "no-group" is no group of the host`},
		{spec.File{Type: spec.Regular, Mode: "rw"}, "four octal digits"},
		{spec.File{Type: spec.Regular, Mode: "0644", Digest: spec.Sum([]byte("lost"))}, "no such blob"},
	} {
		refused(t, change(t, folder(t), one("/etc/x", c.file), nil, nil), "hosts/h.hcl:7", c.want)
	}
}

// TestMetadataOnly: bytes that are right are not written again, which in an
// overlay would copy them.
func TestMetadataOnly(t *testing.T) {
	root := folder(t)
	write(t, root, "/etc/x", "same")
	before, err := os.Stat(root.Path("/etc/x"))
	if err != nil {
		t.Fatal(err)
	}
	f := regular("same")
	f.Mode = "0600"
	if err := change(t, root, one("/etc/x", f), nil, nil); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(root.Path("/etc/x"))
	if err != nil || !os.SameFile(before, after) || after.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", after.Mode(), err)
	}
}

func TestStageTrustsTheRootNotThePlan(t *testing.T) {
	root := folder(t)
	want := one("/etc/x.conf", regular("ours"))
	made := planFor(t, root, want, nil)
	write(t, root, "/etc/x.conf", "a package's conffile, unpacked since")
	stage(t, root, kind.Job{Plan: made, Want: want})
	if p := planFor(t, root, want, nil); !p.Empty() {
		t.Errorf("%+v", p.Changes)
	}
}

func TestChecks(t *testing.T) {
	root := debian(t)
	bad, good := regular("broken\n"), regular("fine\n")
	bad.Check = []string{"grep", "-q", "fine", "{path}"}
	good.Check = bad.Check
	err := change(t, root, one("/etc/x", bad), nil, nil)
	refused(t, err, `cannot accept file "/etc/x" (hosts/h.hcl:7)`, "grep -q fine /etc/x", "exit status 1")
	if err := change(t, root, one("/etc/x", good), nil, nil); err != nil {
		t.Error(err)
	}
	// A file that was not written is not checked again.
	good.Check = []string{"false"}
	if err := change(t, root, one("/etc/x", good), nil, nil); err != nil {
		t.Error(err)
	}
}

const hash = "$y$j9T$salt$0123456789012345678901234567890123456789012"

func shadowLine(t *testing.T, root system.Root, name string) string {
	t.Helper()
	b, err := root.Read(account.Shadow)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, name+":") {
			return line
		}
	}
	return ""
}

func TestPasswords(t *testing.T) {
	root := debian(t)
	host := &spec.Host{Users: map[string]spec.User{"ann": {PasswordSecret: "pw"}, "bob": {}}}
	if err := change(t, root, host, nil, map[string]string{"pw": hash + "\n"}); err != nil {
		t.Fatal(err)
	}
	if l := shadowLine(t, root, "ann"); !strings.HasPrefix(l, "ann:"+hash+":") {
		t.Errorf("ann's password is not the secret: %s", l)
	}
	if l := shadowLine(t, root, "bob"); !strings.HasPrefix(l, "bob:!") {
		t.Errorf("bob is not locked: %s", l)
	}
	// An account that exists keeps its password, whatever the secret is now.
	host.Users["ann"] = spec.User{PasswordSecret: "pw", Comment: "Ann"}
	if err := change(t, root, host, host, map[string]string{"pw": "$y$other"}); err != nil {
		t.Fatal(err)
	}
	if l := shadowLine(t, root, "ann"); !strings.HasPrefix(l, "ann:"+hash+":") {
		t.Errorf("the password changed: %s", l)
	}
	for _, bad := range []map[string]string{nil, {"pw": ""}, {"pw": "x:0:\nroot:y"}} {
		err := change(t, debian(t), &spec.Host{Users: map[string]spec.User{"eve": {PasswordSecret: "pw"}}}, nil, bad)
		refused(t, err, `user "eve"`, `secret "pw"`)
		if err != nil && bad["pw"] != "" && strings.Contains(err.Error(), bad["pw"]) {
			t.Error("the error tells the secret")
		}
	}
}

func TestUserChanges(t *testing.T) {
	root := debian(t)
	first := &spec.Host{Users: map[string]spec.User{"ann": {Groups: []string{"sudo", "games"}, Shell: "/bin/sh"}}}
	if err := change(t, root, first, nil, nil); err != nil {
		t.Fatal(err)
	}
	second := &spec.Host{Users: map[string]spec.User{
		"ann": {Groups: []string{"audio"}, Group: "users", Shell: "/bin/bash", Comment: "Ann B.", Home: "/srv/ann"},
	}}
	if err := change(t, root, second, first, nil); err != nil {
		t.Fatal(err)
	}
	if p := planFor(t, root, second, first); !p.Empty() {
		t.Errorf("%+v", p.Changes)
	}
	none := &spec.Host{Users: map[string]spec.User{"ann": {Groups: []string{}}}}
	if err := change(t, root, none, second, nil); err != nil {
		t.Fatal(err)
	}
	state, err := kind.Observe(root, none, nil, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	if u := state.Users["ann"]; len(u.Groups) != 0 || u.Group != "users" || u.Home != "/srv/ann" {
		t.Errorf("%+v", u)
	}
	refused(t, change(t, root, &spec.Host{Users: map[string]spec.User{"eve": {Groups: []string{"nowhere"}}}}, nil, nil), `user "eve"`, "nowhere")
}

func TestUnitsOfPackages(t *testing.T) {
	root := debian(t)
	write(t, root, "/usr/lib/systemd/system/daemon.service", unitText)
	// What a package's postinst does, after the plan was made.
	enable := func() {
		write(t, root, "/etc/systemd/system/multi-user.target.wants/.keep", "")
		link := root.Path("/etc/systemd/system/multi-user.target.wants/daemon.service")
		if err := os.Symlink("/usr/lib/systemd/system/daemon.service", link); err != nil {
			t.Fatal(err)
		}
	}
	off := &spec.Host{Units: map[string]spec.Unit{"daemon.service": {Enabled: ptr(false)}}}
	made := planFor(t, root, off, nil)
	if !made.Empty() {
		t.Fatalf("%+v", made.Changes)
	}
	enable()
	stage(t, root, kind.Job{Plan: made, Want: off})
	if p := planFor(t, root, off, nil); !p.Empty() {
		t.Errorf("the package had its way: %+v", p.Changes)
	}
	// Nobody says any more: the unit stays as it is. Its package goes: no link is left.
	enable()
	on := &spec.Host{Units: map[string]spec.Unit{"daemon.service": {Enabled: ptr(true)}}}
	if p := planFor(t, root, &spec.Host{}, on); !p.Empty() {
		t.Errorf("a unit that the spec no longer names is changed: %+v", p.Changes)
	}
	if err := os.Remove(root.Path("/usr/lib/systemd/system/daemon.service")); err != nil {
		t.Fatal(err)
	}
	if err := change(t, root, &spec.Host{}, on, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(root.Path("/etc/systemd/system/multi-user.target.wants/daemon.service")); !os.IsNotExist(err) {
		t.Errorf("a link to nothing is left: %v", err)
	}
}

func TestUnitErrors(t *testing.T) {
	root := debian(t)
	on := func(name, content string) *spec.Host {
		return &spec.Host{
			Units:   map[string]spec.Unit{name: {Content: content, Enabled: ptr(true)}},
			Origins: map[spec.ID]spec.Origin{{Kind: spec.KindUnit, Name: name}: {File: "u.hcl", Line: 2}},
		}
	}
	refused(t, change(t, root, on("static.service", "[Service]\nExecStart=/bin/true\n"), nil, nil), `unit "static.service" (u.hcl:2)`, "no [Install] section")
	refused(t, change(t, root, on("missing.service", ""), nil, nil), `unit "missing.service" (u.hcl:2)`, "no package")
	refused(t, change(t, root, &spec.Host{Units: map[string]spec.Unit{"x.service": {DropIns: map[string]string{"../../x.conf": ""}}}}, nil, nil), "NAME.conf")
}

// Settings for a unit that nothing brings are refused, all at once; those for
// units that are not files, or that the host is told to mask, are not.
func TestStrayUnits(t *testing.T) {
	root := debian(t)
	want := func(units map[string]spec.Unit) *spec.Host {
		return &spec.Host{Units: units, Origins: map[spec.ID]spec.Origin{{Kind: spec.KindUnit, Name: "libvertd.service"}: {File: "virt.hcl", Line: 2}}}
	}
	nice := map[string]string{"a.conf": "[Service]\nNice=1\n"}
	refused(t, change(t, root, want(map[string]spec.Unit{
		"libvertd.service": {ReloadIfChanged: true}, "dbuss.socket": {DropIns: nice}, "dbus.service": {DropIns: nice},
	}), nil, nil), `unit "libvertd.service" (virt.hcl:2)`, `unit "dbuss.socket"`, `/etc/systemd/system/dbuss.socket.d/NAME.conf`)
	write(t, root, "/etc/init.d/old", "#!/bin/sh\n")
	if err := change(t, root, want(map[string]spec.Unit{
		"old.service": {DropIns: nice}, "user-.slice": {DropIns: nice}, "home.mount": {DropIns: nice}, "dbus-.service": {DropIns: nice},
		"libvertd.service": {ReloadIfChanged: true, Masked: ptr(true)}, "own.service": {Content: "[Service]\nExecStart=/bin/true\n", DropIns: nice},
		"gone.service": {Enabled: ptr(false)},
	}), nil, nil); err != nil {
		t.Error(err)
	}
}

// Modules that no kernel of the root has are refused, all at once; where there
// is no kernel, nothing is known.
func TestUnknownModules(t *testing.T) {
	root := folder(t)
	want := &spec.Host{
		KernelModules: []string{"kvmfr", "vfio-pci", "nonsense", "tcp_bbr", "v4l2loopback"},
		Origins:       map[spec.ID]spec.Origin{{Kind: spec.KindKernelModule, Name: "kvmfr"}: {File: "hardware.hcl", Line: 2}},
	}
	if err := change(t, root, want, nil, nil); err != nil {
		t.Errorf("without a kernel: %v", err)
	}
	write(t, root, "/usr/lib/modules/6.12/kernel/drivers/vfio/vfio_pci.ko.xz", "")
	write(t, root, "/usr/lib/modules/6.12/modules.builtin", "kernel/net/ipv4/tcp_bbr.ko\n")
	write(t, root, "/usr/src/v4l2loopback-0.15/dkms.conf", "BUILT_MODULE_NAME[0]=\"v4l2loopback\"\n")
	err := change(t, root, want, nil, nil)
	refused(t, err, `kernel module "kvmfr" (hardware.hcl:2)`, `kernel module "nonsense"`)
	if err != nil && (strings.Contains(err.Error(), "vfio") || strings.Contains(err.Error(), "bbr") || strings.Contains(err.Error(), "v4l2")) {
		t.Errorf("modules that are there are refused: %v", err)
	}
}

func TestStatCache(t *testing.T) {
	root := folder(t)
	write(t, root, "/etc/x", "old")
	past := time.Unix(1, 0)
	if err := os.Chtimes(root.Path("/etc/x"), past, past); err != nil {
		t.Fatal(err)
	}
	want := one("/etc/x", regular("old"))
	file := filepath.Join(t.TempDir(), "cache.json")
	cache, err := kind.LoadStatCache(file)
	if err != nil {
		t.Fatal(err)
	}
	observe := func(c *kind.StatCache) string {
		state, err := kind.Observe(root, want, nil, c)
		if err != nil {
			t.Fatal(err)
		}
		return state.Files["/etc/x"].Digest
	}
	observe(cache) // too fresh to be remembered: its ctime is now
	if err := cache.Save(file); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a digest was remembered within the clock's tick: %v", err)
	}
	// Same size and mtime, other bytes: the ctime tells.
	write(t, root, "/etc/x", "new")
	if err := os.Chtimes(root.Path("/etc/x"), past, past); err != nil {
		t.Fatal(err)
	}
	if got := observe(cache); got != spec.Sum([]byte("new")) {
		t.Errorf("the cache was believed: %s", got)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kind.LoadStatCache(file); err != nil {
		t.Errorf("a damaged cache is an error: %v", err)
	}
}

// TestStatCacheHit plants a digest where the true one was remembered.
func TestStatCacheHit(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this machine's accounts are read, and their passwords")
	}
	want := one("/etc/passwd", regular(""))
	cache := kind.NewStatCache()
	digest := func() string {
		state, err := kind.Observe("/", want, nil, cache)
		if err != nil {
			t.Fatal(err)
		}
		return state.Files["/etc/passwd"].Digest
	}
	file, planted := filepath.Join(t.TempDir(), "cache.json"), strings.Repeat("0", 64)
	actual := digest()
	if err := cache.Save(file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(b), actual, planted)), 0o600); err != nil {
		t.Fatal(err)
	}
	if cache, err = kind.LoadStatCache(file); err != nil {
		t.Fatal(err)
	}
	if got := digest(); got != planted {
		t.Errorf("the file was hashed though nothing changed: %s", got)
	}
}

package kindtest

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// a resource in a case: what is wanted, and what stays when it is deleted.
type conformance struct {
	name  string
	kind  spec.Kind
	root  func(*testing.T) system.Root
	want  spec.Host
	stays []string // paths that outlive the resource by design
}

func ptr[T any](v T) *T { return &v }

const unitText = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

func cases() []conformance {
	file := func(path string, f spec.File) spec.Host {
		return spec.Host{Files: map[string]spec.File{path: f}}
	}
	return []conformance{
		{name: "file", kind: spec.KindFile, root: folder,
			want: file("/etc/motd", spec.File{Type: spec.Regular, Content: "hello\n", Mode: "0640", Owner: "root", Group: "root"})},
		{name: "empty file", kind: spec.KindFile, root: folder,
			want: file("/etc/empty", spec.File{Type: spec.Regular, Mode: "0644"})},
		{name: "file from a blob", kind: spec.KindFile, root: folder,
			want: file("/etc/blob", spec.File{Type: spec.Regular, Digest: spec.Sum([]byte(blob)), Mode: "4711"})},
		{name: "file below missing folders", kind: spec.KindFile, root: folder, stays: []string{"/srv"},
			want: file("/srv/a/b/c", spec.File{Type: spec.Regular, Content: "x", Mode: "0600"})},
		{name: "symlink", kind: spec.KindFile, root: folder,
			want: file("/etc/localtime", spec.File{Type: spec.Symlink, Target: "/srv/zone"})},
		{name: "directory", kind: spec.KindFile, root: folder,
			want: file("/etc/x.d", spec.File{Type: spec.Directory, Mode: "1770"})},
		{name: "file with a secret", kind: spec.KindFile, root: folder,
			want: file("/etc/wpa.conf", spec.File{Type: spec.Regular, Content: "psk={{secret:wifi}}", Mode: "0600", Secrets: []string{"wifi"}})},
		{name: "file owned by a user of the root", kind: spec.KindFile, root: debian,
			want: file("/etc/bus", spec.File{Type: spec.Regular, Content: "x", Mode: "0640", Owner: "messagebus", Group: "systemd-network"})},
		{name: "sysctl", kind: spec.KindSysctl, root: folder, stays: []string{"/etc/sysctl.d"},
			want: spec.Host{Sysctls: map[string]string{"net.ipv4.ip_forward": "1", "kernel.printk": "3 4 1 3"}}},
		{name: "kernel module", kind: spec.KindKernelModule, root: folder, stays: []string{"/etc/modules-load.d"},
			want: spec.Host{KernelModules: []string{"wireguard", "br_netfilter"}}},
		{name: "group", kind: spec.KindGroup, root: debian,
			want: spec.Host{Groups: map[string]spec.Group{"media": {GID: ptr(1500)}, "daemon2": {System: true}}}},
		{name: "user", kind: spec.KindUser, root: debian, stays: []string{"/home/ann"},
			want: spec.Host{
				Groups: map[string]spec.Group{"media": {}},
				Users: map[string]spec.User{
					"ann": {UID: ptr(1200), Groups: []string{"sudo", "media"}, Shell: "/bin/bash", Comment: "Ann A."},
					"svc": {System: true, Group: "media", Groups: nil},
				}}},
		{name: "unit", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{"x.service": {Content: unitText, Enabled: ptr(true)}}}},
		{name: "drop-in", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{"dbus.service": {DropIns: map[string]string{"10-a.conf": "[Service]\nNice=1\n"}}}}},
		{name: "unit with a drop-in of its own", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{"w.service": {Content: unitText, DropIns: map[string]string{"10-a.conf": "[Service]\nNice=1\n"}}}}},
		{name: "instance", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{
				"y@.service":  {Content: unitText},
				"y@1.service": {Enabled: ptr(true)},
			}}},
		{name: "alias", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{"z.service": {Content: "[Service]\nExecStart=/bin/true\n[Install]\nAlias=zz.service\n", Enabled: ptr(true)}}}},
		{name: "masked", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{"ctrl-alt-del.target": {Masked: ptr(true)}}}},
		{name: "unit that only enables another", kind: spec.KindUnit, root: debian,
			want: spec.Host{Units: map[string]spec.Unit{
				"main.service":   {Content: "[Service]\nExecStart=/bin/true\n[Install]\nAlso=helper.service\n", Enabled: ptr(true)},
				"helper.service": {Content: unitText},
			}}},
	}
}

const blob = "\x00bytes of a source file\xff"

func readBlob(digest string) ([]byte, error) {
	if digest != spec.Sum([]byte(blob)) {
		return nil, errors.New("no such blob")
	}
	return []byte(blob), nil
}

// TestConformance takes every kind through its whole life, under the usual
// umask and a strict one.
func TestConformance(t *testing.T) {
	tested := map[spec.Kind]bool{spec.KindPackage: true, spec.KindSecret: true, spec.KindSettings: true} // apt's and secret's own tests; settings are nowhere but in the record
	for _, c := range cases() {
		tested[c.kind] = true
		for _, umask := range []int{0o022, 0o077} {
			t.Run(c.name+map[int]string{0o077: " umask 077"}[umask], func(t *testing.T) {
				root := c.root(t)
				defer syscall.Umask(syscall.Umask(umask))
				c.live(t, root)
			})
		}
	}
	for _, k := range spec.Kinds() {
		if !tested[k] {
			t.Errorf("kind %s has no case", k)
		}
	}
}

func (c conformance) live(t *testing.T, root system.Root) {
	want, none := c.want, spec.Host{Name: "none"}
	before := dump(t, root, false)

	create := planFor(t, root, &want, nil)
	if !slices.ContainsFunc(create.Changes, func(ch spec.Change) bool { return ch.ID.Kind == c.kind }) {
		t.Fatalf("the plan does not bring the %s: %+v", c.kind, create.Changes)
	}
	stage(t, root, kind.Job{Plan: create, Want: &want, Blob: readBlob})
	empty := planFor(t, root, &want, &want)
	if !empty.Empty() {
		t.Fatalf("what was staged is not what is wanted: %+v", empty.Changes)
	}

	still := dump(t, root, true)
	stage(t, root, kind.Job{Plan: empty, Want: &want, Prev: &want, Blob: readBlob})
	compare(t, still, dump(t, root, true))

	remove := planFor(t, root, &none, &want)
	stage(t, root, kind.Job{Plan: remove, Want: &none, Prev: &want, Blob: readBlob})
	if left := planFor(t, root, &none, &want); !left.Empty() {
		t.Errorf("the deletion left %+v", left.Changes)
	}
	compare(t, before, dump(t, root, false), c.stays...)
}

func planFor(t *testing.T, root system.Root, want, prev *spec.Host) *spec.Plan {
	t.Helper()
	state, err := kind.Observe(root, want, prev, kind.NewStatCache())
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(plan.Input{Want: want, Prev: prev, State: state})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stage(t *testing.T, root system.Root, job kind.Job) {
	t.Helper()
	if _, err := kind.Stage(context.Background(), root, job); err != nil {
		t.Fatal(err)
	}
}

// TestAlteredFiles: what others may write, or a link, is not hostctl's file any
// more, whatever it holds.
func TestAlteredFiles(t *testing.T) {
	const dropIn = "[Service]\nNice=1\n"
	want := spec.Host{
		Units: map[string]spec.Unit{
			"x.service":    {Content: unitText},
			"dbus.service": {DropIns: map[string]string{"10-a.conf": dropIn}},
		},
		Sysctls: map[string]string{"kernel.printk": "3 4 1 3"}, KernelModules: []string{"wireguard"},
	}
	for _, c := range []struct {
		path  string
		alter func(path string) error
	}{
		{"/etc/systemd/system/x.service", func(p string) error { return os.Chmod(p, 0o666) }},
		{"/etc/systemd/system/x.service", func(p string) error { return os.Chown(p, 1000, 0) }},
		{"/etc/systemd/system/dbus.service.d/10-a.conf", func(p string) error { return os.Chmod(p, 0o664) }},
		{"/etc/systemd/system/dbus.service.d/10-a.conf", func(p string) error {
			return errors.Join(os.Rename(p, p+".theirs"), os.Symlink("10-a.conf.theirs", p))
		}},
		{"/etc/sysctl.d/60-hostctl.conf", func(p string) error { return os.Chmod(p, 0o666) }},
		{"/etc/modules-load.d/hostctl.conf", func(p string) error { return os.Chown(p, 1000, 0) }},
	} {
		root := debian(t)
		stage(t, root, kind.Job{Plan: planFor(t, root, &want, nil), Want: &want, Blob: readBlob})
		if err := c.alter(root.Path(c.path)); err != nil {
			t.Fatal(err)
		}
		p := planFor(t, root, &want, &want)
		if p.Empty() {
			t.Errorf("%s: the plan does not see it", c.path)
		}
		stage(t, root, kind.Job{Plan: p, Want: &want, Prev: &want, Blob: readBlob})
		st, err := os.Lstat(root.Path(c.path))
		if err != nil || st.Mode() != 0o644 || st.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s: it is %v (%v) afterwards", c.path, st.Mode(), err)
		}
		if p := planFor(t, root, &want, &want); !p.Empty() {
			t.Errorf("%s: the plan afterwards is %+v", c.path, p.Changes)
		}
	}
}

// TestAlteredFileIsEmptied: what somebody made of hostctl's own file is undone
// where the spec has nothing for it any more.
func TestAlteredFileIsEmptied(t *testing.T) {
	root := debian(t)
	want := spec.Host{Sysctls: map[string]string{"kernel.printk": "3 4 1 3"}, KernelModules: []string{"wireguard"}}
	stage(t, root, kind.Job{Plan: planFor(t, root, &want, nil), Want: &want, Blob: readBlob})
	for _, path := range []string{"/etc/sysctl.d/60-hostctl.conf", "/etc/modules-load.d/hostctl.conf"} {
		if err := os.Chmod(root.Path(path), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	none := spec.Host{Name: "none"}
	p := planFor(t, root, &none, &want)
	if len(p.Changes) != 2 {
		t.Errorf("the plan is %+v", p.Changes)
	}
	stage(t, root, kind.Job{Plan: p, Want: &none, Prev: &want, Blob: readBlob})
	if p := planFor(t, root, &none, &want); !p.Empty() {
		t.Errorf("it leaves %+v", p.Changes)
	}
}

// TestSecondRoot: an account with root's id, whose name comes first, makes no file
// of root's another one.
func TestSecondRoot(t *testing.T) {
	root := debian(t)
	for path, line := range map[string]string{"/etc/passwd": "backupadm:x:0:0::/root:/bin/sh\n", "/etc/group": "backup0:x:0:\n"} {
		b, err := os.ReadFile(root.Path(path))
		if err == nil {
			err = os.WriteFile(root.Path(path), append(b, line...), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := spec.Host{
		Units:   map[string]spec.Unit{"x.service": {Content: unitText, DropIns: map[string]string{"10-a.conf": "[Service]\nNice=1\n"}}},
		Sysctls: map[string]string{"kernel.printk": "3 4 1 3"}, KernelModules: []string{"wireguard"},
	}
	stage(t, root, kind.Job{Plan: planFor(t, root, &want, nil), Want: &want, Blob: readBlob})
	if p := planFor(t, root, &want, &want); !p.Empty() {
		t.Errorf("it never settles: %+v", p.Changes)
	}
}

package stage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/plan"
	"github.com/hostctl/hostctl/internal/change/stage"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
	"github.com/hostctl/hostctl/test/machine"
)

// filed is a root whose generations are files alone.
type filed struct {
	t    *testing.T
	root string
	prev *spec.Host
	n    int

	folders []string
}

func files(t *testing.T) *filed {
	t.Helper()
	base := os.Getenv("HOSTCTL_TEST_ROOT")
	if base == "" || os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs root, and HOSTCTL_TEST_ROOT to name a Debian root; 'make test' gives both")
		}
		t.Skip("needs root, and HOSTCTL_TEST_ROOT to name a Debian root")
	}
	root, err := os.MkdirTemp(filepath.Dir(base), "stage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, dir := range []string{"dev", "etc", "home/ann", "proc", "srv", "sys", "tmp", "usr/bin", "usr/sbin", "run", "var/lib/dpkg/info", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := &filed{t: t, root: root, prev: &spec.Host{}}
	for path, text := range map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nann:x:1200:1200::/home/ann:/bin/sh\n", "/etc/group": "root:x:0:\nann:x:1200:\n",
		"/var/lib/dpkg/status": "", "/etc/shadow": "root:*:1:::::\nann:*:1:::::\n", "/etc/gshadow": "root:*::\nann:*::\n",
	} {
		f.write(path, text)
	}
	if err := os.Chown(filepath.Join(root, "home/ann"), 1200, 1200); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *filed) write(path, text string) {
	f.t.Helper()
	at := filepath.Join(f.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
		f.t.Fatal(err)
	}
}

// host wants files: the text of each, "/" for a folder, "-> target" for a link.
func host(wants map[string]string) *spec.Host {
	h := &spec.Host{Version: 1, Name: "t", Files: map[string]spec.File{}}
	for path, text := range wants {
		switch target, link := strings.CutPrefix(text, "-> "); {
		case link:
			h.Files[path] = spec.File{Type: spec.Symlink, Target: target}
		case text == "/":
			h.Files[path] = spec.File{Type: spec.Directory, Mode: "0755"}
		default:
			h.Files[path] = spec.File{Type: spec.Regular, Content: text, Mode: "0644"}
		}
	}
	return h
}

func (f *filed) plan(want *spec.Host) *spec.Plan {
	f.t.Helper()
	state, err := kind.Observe(system.Root(f.root), want, f.prev, kind.NewStatCache())
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := plan.Make(plan.Input{Want: want, Prev: f.prev, State: state})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// change makes a generation of what is wanted, and says what was planned. The
// next plan has to be empty.
func (f *filed) change(wants map[string]string) (planned string, set *changeset.Changeset) {
	f.t.Helper()
	want := host(wants)
	p := f.plan(want)
	for _, c := range p.Changes {
		planned += fmt.Sprintf("%s %s\n", c.Action, c.ID.Name)
	}
	f.n++
	managed := slices.Sorted(maps.Keys(want.Files))
	managed = slices.AppendSeq(managed, maps.Keys(f.prev.Files))
	res, err := stage.Run(context.Background(), stage.Request{
		Root: f.root, Generation: f.n, Plan: p, Want: want, Prev: f.prev, Managed: managed, Folders: f.folders,
	}, testLog{f.t})
	if err == nil {
		err = res.Gone()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	transact(f.t, f.root, func(b *transaction.Builder) { b.Forward(res.Changeset, true) })
	f.prev, f.folders = want, res.Folders
	if left := f.plan(want); !left.Empty() {
		f.t.Errorf("a second plan asks for %+v", left.Changes)
	}
	return planned, res.Changeset
}

// has compares what stands below some folders, in the words of host.
func (f *filed) has(what string, want map[string]string, below ...string) {
	f.t.Helper()
	got := map[string]string{}
	for _, dir := range below {
		err := filepath.WalkDir(filepath.Join(f.root, dir), func(at string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			path := strings.TrimPrefix(at, f.root)
			switch {
			case path == dir && d.IsDir():
			case d.IsDir():
				got[path] = "/"
			case d.Type() == os.ModeSymlink:
				target, _ := os.Readlink(at)
				got[path] = "-> " + target
			default:
				text, _ := os.ReadFile(at)
				got[path] = string(text)
			}
			return nil
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			f.t.Fatal(err)
		}
	}
	if !maps.Equal(got, want) {
		f.t.Errorf("%s: there is %q, want %q", what, got, want)
	}
}

// TestFilesBehindLinks: folders of managed files become links, and managed links
// folders, or lead elsewhere. What the spec declares, or declared, is where its
// path leads, and nowhere else; the way back is exact.
func TestFilesBehindLinks(t *testing.T) {
	type wants = map[string]string
	for name, c := range map[string]struct {
		first     wants
		meanwhile func(root string) error // by an administrator
		then      wants
		plan      string
		leaves    wants // below /srv and /etc/app
	}{
		"a folder became a link, and a file changes": {
			first:     wants{"/srv/www/conf": "1"},
			meanwhile: becomesLink("srv/www", "/srv/disk"),
			then:      wants{"/srv/www/conf": "2"},
			plan:      "update /srv/www/conf\n",
			leaves:    wants{"/srv/www": "-> /srv/disk", "/srv/disk": "/", "/srv/disk/conf": "2"},
		},
		"a folder became a link, and a file goes": {
			first:     wants{"/srv/www/conf": "1"},
			meanwhile: becomesLink("srv/www", "/srv/disk"),
			plan:      "delete /srv/www/conf\n",
			leaves:    wants{"/srv/www": "-> /srv/disk", "/srv/disk": "/"},
		},
		"a link goes with what was declared behind it": {
			first:  wants{"/srv/disk": "/", "/srv/www": "-> disk", "/srv/www/conf": "1"},
			then:   wants{"/srv/disk": "/"},
			plan:   "delete /srv/www\ndelete /srv/www/conf\n",
			leaves: wants{"/srv/disk": "/"},
		},
		"a link becomes a folder": {
			first:  wants{"/srv/disk": "/", "/etc/app": "-> /srv/disk", "/etc/app/conf": "1"},
			then:   wants{"/srv/disk": "/", "/etc/app": "/", "/etc/app/conf": "1", "/etc/app/more": "2"},
			plan:   "update /etc/app\ncreate /etc/app/conf\ncreate /etc/app/more\n",
			leaves: wants{"/srv/disk": "/", "/etc/app/conf": "1", "/etc/app/more": "2"},
		},
		"a link goes, and what is below it has a folder": {
			first:     wants{"/etc/app": "-> /srv/disk"},
			meanwhile: func(root string) error { return put(root, "/srv/disk/conf", "1") },
			then:      wants{"/etc/app/conf": "1"},
			plan:      "delete /etc/app\ncreate /etc/app/conf\n",
			leaves:    wants{"/srv/disk": "/", "/srv/disk/conf": "1", "/etc/app/conf": "1"},
		},
		"a link leads elsewhere": {
			first:  wants{"/srv/1": "/", "/srv/2": "/", "/etc/app": "-> /srv/1", "/etc/app/conf": "1"},
			then:   wants{"/srv/1": "/", "/srv/2": "/", "/etc/app": "-> /srv/2", "/etc/app/conf": "1"},
			plan:   "update /etc/app\ncreate /etc/app/conf\n",
			leaves: wants{"/srv/1": "/", "/srv/2": "/", "/etc/app": "-> /srv/2", "/srv/2/conf": "1"},
		},
		"somebody had a link lead elsewhere, to a file of theirs": {
			first: wants{"/srv/1": "/", "/etc/app": "-> /srv/1", "/etc/app/conf": "1"},
			meanwhile: func(root string) error {
				at := filepath.Join(root, "etc/app")
				return errors.Join(put(root, "/srv/2/conf", "theirs"), os.Remove(at), os.Symlink("/srv/2", at))
			},
			then:   wants{"/srv/1": "/", "/etc/app": "-> /srv/1", "/etc/app/conf": "1"},
			plan:   "update /etc/app\ncreate /etc/app/conf\n",
			leaves: wants{"/srv/1": "/", "/srv/1/conf": "1", "/srv/2": "/", "/srv/2/conf": "theirs", "/etc/app": "-> /srv/1"},
		},
		"a folder becomes a link": {
			first:  wants{"/srv/disk": "/", "/etc/app": "/", "/etc/app/conf": "1", "/etc/app/old": "1"},
			then:   wants{"/srv/disk": "/", "/etc/app": "-> /srv/disk", "/etc/app/conf": "1"},
			plan:   "update /etc/app\ncreate /etc/app/conf\ndelete /etc/app/old\n",
			leaves: wants{"/srv/disk": "/", "/etc/app": "-> /srv/disk", "/srv/disk/conf": "1"},
		},
		"a link in a home becomes a folder": {
			first:  wants{"/home/ann/.config": "-> /srv"},
			then:   wants{"/home/ann/.config": "/", "/home/ann/.config/conf": "1"},
			plan:   "update /home/ann/.config\ncreate /home/ann/.config/conf\n",
			leaves: wants{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := files(t)
			f.change(c.first)
			if c.meanwhile != nil {
				if err := c.meanwhile(f.root); err != nil {
					t.Fatal(err)
				}
			}
			before := take(t, f.root)
			planned, set := f.change(c.then)
			if planned != c.plan {
				t.Errorf("the plan was\n%swant\n%s", planned, c.plan)
			}
			f.has("the switch", c.leaves, "/srv", "/etc/app")
			after := take(t, f.root)
			transact(t, f.root, func(b *transaction.Builder) { b.Inverse(set) })
			same(t, "going back is not exact", before, take(t, f.root), area())
			transact(t, f.root, func(b *transaction.Builder) { b.Forward(set, false) })
			same(t, "going forward again is not exact", after, take(t, f.root), area())
		})
	}
}

func put(root, path, text string) error {
	at := filepath.Join(root, path)
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644))
}

// becomesLink moves a folder to another disk, and leaves a link.
func becomesLink(path, target string) func(string) error {
	return func(root string) error {
		at := filepath.Join(root, path)
		return errors.Join(os.Rename(at, filepath.Join(root, target)), os.Symlink(target, at))
	}
}

// TestFoldersOfFiles: a folder that was made for a file goes with its last one, if
// it is empty, and is nobody's home. The way back is exact.
func TestFoldersOfFiles(t *testing.T) {
	type wants = map[string]string
	f := files(t)
	f.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1200:1200::/home/ann:/bin/sh\neve:x:1201:1201::/srv/eve:/bin/sh\n")
	f.write("/srv/old/.keep", "")
	if err := os.Remove(filepath.Join(f.root, "srv/old/.keep")); err != nil {
		t.Fatal(err)
	}
	var manifests []machine.Manifest
	var sets []*changeset.Changeset
	step := func(what string, w, leaves wants, folders ...string) {
		t.Helper()
		manifests = append(manifests, take(t, f.root))
		_, set := f.change(w)
		sets = append(sets, set)
		f.has(what, leaves, "/srv", "/etc/app")
		if !slices.Equal(f.folders, folders) {
			t.Errorf("%s: the record has %q, want %q", what, f.folders, folders)
		}
	}
	first := wants{"/srv/a/b/c/1": "1", "/srv/a/b/2": "2", "/srv/old/3": "3", "/srv/eve/4": "4", "/etc/app/conf.d/5": "5"}
	made := []string{"/etc/app", "/etc/app/conf.d", "/srv/a", "/srv/a/b", "/srv/a/b/c", "/srv/eve"}
	step("all", first, wants{"/srv/a": "/", "/srv/a/b": "/", "/srv/a/b/c": "/", "/srv/a/b/c/1": "1", "/srv/a/b/2": "2", "/srv/old": "/", "/srv/old/3": "3",
		"/srv/eve": "/", "/srv/eve/4": "4", "/etc/app/conf.d": "/", "/etc/app/conf.d/5": "5"}, made...)
	step("one goes", wants{"/srv/a/b/2": "2", "/srv/old/3": "3", "/etc/app/conf.d/5": "5"},
		wants{"/srv/a": "/", "/srv/a/b": "/", "/srv/a/b/2": "2", "/srv/old": "/", "/srv/old/3": "3", "/srv/eve": "/", "/etc/app/conf.d": "/", "/etc/app/conf.d/5": "5"},
		append(made[:4:4], "/srv/eve")...) // where eve lives
	f.write("/srv/a/mine", "data")
	step("all go", nil, wants{"/srv/a": "/", "/srv/a/mine": "data", "/srv/old": "/", "/srv/eve": "/"}, "/srv/eve")
	if _, err := os.Lstat(filepath.Join(f.root, "etc/app")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("/etc/app: %v", err)
	}
	if err := os.Remove(filepath.Join(f.root, "srv/a/mine")); err != nil {
		t.Fatal(err)
	}
	data := []machine.Exclusion{{Path: "/srv/a/mine", Why: "somebody's, and gone since"}, {Path: "/srv/a", Time: true, Why: "it was there"}}
	for i := range slices.Backward(sets) {
		transact(t, f.root, func(b *transaction.Builder) { b.Inverse(sets[i]) })
		same(t, fmt.Sprintf("the way back to %d is not exact", i), manifests[i], take(t, f.root), append(area(), data...))
	}
}

// TestFilledFolderStays: what somebody put into a folder that was made for a file
// has it stay, also on the way back.
func TestFilledFolderStays(t *testing.T) {
	f := files(t)
	_, set := f.change(map[string]string{"/srv/a/conf": "1"})
	f.write("/srv/a/mine", "data")
	transact(t, f.root, func(b *transaction.Builder) { b.Inverse(set) })
	f.has("back", map[string]string{"/srv/a": "/", "/srv/a/mine": "data"}, "/srv")
	transact(t, f.root, func(b *transaction.Builder) { b.Forward(set, false) })
	f.has("forward", map[string]string{"/srv/a": "/", "/srv/a/mine": "data", "/srv/a/conf": "1"}, "/srv")
}

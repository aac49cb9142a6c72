package commit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// apart runs a part of a test in a mount namespace of its own, so that what
// it mounts is seen by nobody and gone at its end.
func apart(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("mounting and chattr need root")
		}
		t.Skip("mounting and chattr need root")
	}
	if os.Getenv("HOSTCTL_APART") == t.Name() {
		// What others unmount meanwhile stays mounted here.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		before := mounts(t)
		do(t)
		for _, m := range slices.Backward(mounts(t)) {
			// Not by their number: what others mounted goes from here as well
			// when they remove its folder (mount_namespaces(7)).
			if slices.Contains(before, m) {
				continue
			}
			if err := unix.Unmount(m.point, unix.MNT_DETACH); err != nil {
				t.Errorf("cannot unmount %s: %v", m.point, err)
			}
		}
		return
	}
	// A process of its own, since a namespace that one thread has is not that of others.
	cmd := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), "HOSTCTL_APART="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("%v\n%s", err, out)
	}
}

type mount struct{ id, point string }

// mounts are those of the process, the oldest first (proc_pid_mountinfo(5)).
func mounts(t *testing.T) []mount {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var out []mount
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		out = append(out, mount{id: fields[0], point: fields[4]})
	}
	return out
}

// change is an edge with one path of each kind: a file that is replaced, one
// that comes, one that goes, a folder that comes, one that goes, and one that
// a file takes the place of.
func change(t *testing.T) scene {
	t.Helper()
	root, next := t.TempDir(), t.TempDir()
	for _, dir := range []string{"d", "goes", "turns"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"d", "comes"} {
		if err := os.MkdirAll(filepath.Join(next, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "d/f"), "old")
	write(t, filepath.Join(next, "d/f"), "new")
	write(t, filepath.Join(root, "old"), "old")
	write(t, filepath.Join(next, "new"), "new")
	write(t, filepath.Join(next, "turns"), "a file")
	write(t, filepath.Join(root, "turns/in"), "in a folder")
	s := scene{root: root}
	s.set = edge(t, root, next, 1)
	s.old = picture(t, root, true)
	return s
}

func chattr(t *testing.T, path string, flags ...string) {
	t.Helper()
	if out, err := exec.Command("chattr", append(flags, path)...).CombinedOutput(); err != nil {
		t.Fatalf("chattr: %v: %s", err, out)
	}
}

// TestPreflight makes one thing impossible at a time. Each is refused by name
// before anything is written, and the commit goes through once it is possible
// again.
func TestPreflight(t *testing.T) {
	frozen := func(flag, path string) func(*testing.T, scene) func() {
		return func(t *testing.T, s scene) func() {
			chattr(t, filepath.Join(s.root, path), "+"+flag)
			return func() { chattr(t, filepath.Join(s.root, path), "-"+flag) }
		}
	}
	mount := func(t *testing.T, source, target string, flags uintptr) func() {
		t.Helper()
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		if flags != 0 {
			if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""); err != nil {
				t.Fatal(err)
			}
		}
		return func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
		}
	}
	renamed := func(path, to string, put func(path string) error) func(*testing.T, scene) func() {
		return func(t *testing.T, s scene) func() {
			at, aside := filepath.Join(s.root, path), filepath.Join(s.root, to)
			if err := errors.Join(os.Rename(at, aside), put(at)); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := errors.Join(os.Remove(at), os.Rename(aside, at)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		says  string
		spoil func(*testing.T, scene) (mend func())
	}{
		{"an immutable file", "/d/f: it is immutable; 'chattr -i'", frozen("i", "d/f")},
		{"an append-only file that goes", "/old: it is append-only", frozen("a", "old")},
		{"an immutable folder around a name that comes", "/d: names in this folder cannot be changed, it is immutable", frozen("i", "d")},
		{"an immutable folder that goes", "/goes: it is immutable", frozen("i", "goes")},
		{"a file that is mounted on", "/d/f: something is mounted on it", func(t *testing.T, s scene) func() {
			return mount(t, filepath.Join(s.root, "old"), filepath.Join(s.root, "d/f"), 0)
		}},
		{"a folder that is mounted on", "/d: another file system is mounted there now", func(t *testing.T, s scene) func() {
			return mount(t, filepath.Join(s.root, "d"), filepath.Join(s.root, "d"), 0)
		}},
		{"a file system that is read-only", "mounted read-only", func(t *testing.T, s scene) func() {
			return mount(t, s.root, s.root, unix.MS_RDONLY)
		}},
		{"a folder that became a link", "/d: it is no folder any more", renamed("d", "d.away", func(at string) error { return os.Symlink("d.away", at) })},
		{"a folder that became a file", "/d: it is no folder any more", renamed("d", "d.away", func(at string) error { return os.WriteFile(at, nil, 0o600) })},
		{"a file that became a folder", "/d/f: it changed since", renamed("d/f", "d/f.away", func(at string) error { return os.Mkdir(at, 0o700) })},
		{"another file of the same name", "/d/f: it changed since", renamed("d/f", "d/f.away", func(at string) error { return os.WriteFile(at, []byte("old"), 0o644) })},
		{"a file where one comes", "/new: something stands there now", func(t *testing.T, s scene) func() {
			write(t, filepath.Join(s.root, "new"), "mine")
			return func() { os.Remove(filepath.Join(s.root, "new")) }
		}},
		{"a foreign file in a folder that turns into a file", "/turns/foreign is in it", func(t *testing.T, s scene) func() {
			write(t, filepath.Join(s.root, "turns/foreign"), "mine")
			return func() { os.Remove(filepath.Join(s.root, "turns/foreign")) }
		}},
		{"a file that somebody has locked", "has locked it", func(t *testing.T, s scene) func() {
			f, err := os.Open(filepath.Join(s.root, "d/f"))
			if err == nil {
				err = unix.Flock(int(f.Fd()), unix.LOCK_SH)
			}
			if err != nil {
				t.Fatal(err)
			}
			return func() { f.Close() }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			apart(t, func(t *testing.T) {
				s := change(t)
				j := Journal{Root: s.root}
				tx := s.tx(t, false)
				mend := c.spoil(t, s)
				spoilt := picture(t, s.root, true)
				err := j.Commit(tx)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v", err)
				}
				s.check(t, spoilt, "refused")
				left(t, s.root)
				mend()
				if t.Failed() {
					return
				}
				if err := j.Commit(tx); err != nil {
					t.Errorf("mended, and still: %v", err)
				}
			})
		})
	}
}

// left fails the test where a transaction has left something of its own.
func left(t *testing.T, root string) {
	t.Helper()
	for _, name := range []string{"journal", "tx", ballastFile} {
		if _, err := os.Lstat(filepath.Join(root, node.AreaName, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// TestForeignFileKeepsItsFolder: as dpkg does it.
// A file that one edge only touches, as an upgrade does with dpkg's lists of
// files, goes with the edge before it: both at once are possible.
func TestTouchedThenGone(t *testing.T) {
	root := scratch(t)
	j := Journal{Root: root}
	before := picture(t, root, false)
	var sets []*changeset.Changeset
	for i := range 2 {
		next := scratch(t)
		path := filepath.Join(next, "list")
		if err := os.WriteFile(path, []byte("same"), 0o644); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		sets = append(sets, edge(t, root, next, i+1))
		if i == 1 {
			sets[i].Entries[0].Slot = "" // as a stage has it when the bytes are the same
		}
		b := transaction.NewBuilder(root, "t", nil)
		b.Forward(sets[i], true)
		run(t, j, b)
	}
	b := transaction.NewBuilder(root, "t", nil)
	b.Inverse(sets[1])
	b.Inverse(sets[0])
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Commit(tx), j.Close()); err != nil {
		t.Fatal(err)
	}
	scene{root: root}.check(t, before, "before both")
}

func TestForeignFileKeepsItsFolder(t *testing.T) {
	s := change(t)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	write(t, filepath.Join(s.root, "goes/foreign"), "mine")
	if err := j.Commit(tx); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(s.root, "goes/foreign"), "mine")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	left(t, s.root)
	if err := j.Commit(s.tx(t, true)); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(s.root, "goes/foreign"), "mine")
	wantFile(t, filepath.Join(s.root, "turns/in"), "in a folder")
}

// TestForeignFileInTheLastMoment is put into a folder after the preflight.
func TestForeignFileInTheLastMoment(t *testing.T) {
	s := change(t)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	write(t, filepath.Join(s.root, "turns/foreign"), "mine")
	if err := finish(t, j, tx); !errors.Is(err, ErrReverted) {
		t.Fatalf("got %v", err)
	}
	wantFile(t, filepath.Join(s.root, "turns/foreign"), "mine")
	wantFile(t, filepath.Join(s.root, "d/f"), "old")
}

// TestNeitherWay: a step cannot be done, and the new node of another, which is
// live already, turned immutable: it cannot go back either. The state says so,
// and mended it is undone.
func TestNeitherWay(t *testing.T) {
	apart(t, func(t *testing.T) {
		s := change(t)
		j := Journal{Root: s.root}
		tx := s.tx(t, false)
		slot := filepath.Join(s.root, node.AreaName, "gen/1/lost")
		write(t, slot, "")
		tx.Steps = append(tx.Steps, transaction.Step{Do: transaction.Swap, Path: "/nowhere/f", Slot: "gen/1/lost", In: mustNode(t, slot).Ino})
		start(t, j, tx)
		for i, step := range tx.Steps {
			if step.Path == "/d/f" {
				if err := j.steps(tx, tx.Steps[:i+1]); err != nil {
					t.Error(err)
				}
			}
		}
		chattr(t, filepath.Join(s.root, "d/f"), "+i")
		for range 2 {
			outcome, _, err := j.Recover()
			if err == nil || !strings.Contains(err.Error(), "between two generations") || !strings.Contains(err.Error(), "hostctl recover") {
				t.Errorf("%s, %v", outcome, err)
			}
			if why, err := j.Stuck(); err != nil || !strings.Contains(why, "/d/f") {
				t.Errorf("stuck says %q, %v", why, err)
			}
		}
		chattr(t, filepath.Join(s.root, "d/f"), "-i")
		outcome, _, err := j.Recover()
		if err != nil || outcome != Reverted {
			t.Errorf("mended: %s, %v", outcome, err)
		}
		if d := s.old.diff(picture(t, s.root, true)); d != "" {
			t.Errorf("mended:\n%s", d)
		}
		left(t, s.root)
	})
}

// TestReplaysThatDie are counted: after three of them the transaction goes
// back, and after three more nobody tries by himself.
func TestReplaysThatDie(t *testing.T) {
	s := newScene(t, 3)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	start(t, j, tx)
	die := func(times int) {
		t.Helper()
		for range times {
			if _, err := j.try(tx); err != nil {
				t.Fatal(err)
			}
		}
	}
	die(maxTries)
	if outcome, _, err := j.Recover(); err != nil || outcome != Reverted {
		t.Fatalf("%s, %v", outcome, err)
	}
	s.check(t, s.old, "after three replays that died")
	left(t, s.root)

	start(t, j, tx)
	die(maxTries)
	if err := j.move(committed, reverting); err != nil {
		t.Fatal(err)
	}
	die(maxTries)
	if _, _, err := j.Recover(); err == nil || !strings.Contains(err.Error(), "forward and back") {
		t.Fatalf("got %v", err)
	}
	if outcome, _, err := j.Recover(); err != nil || outcome != Reverted {
		t.Fatalf("asked for again: %s, %v", outcome, err)
	}
	left(t, s.root)
}

// TestFolderOfTooManyFolders needs an ext4 without dir_nlink.
func TestFolderOfTooManyFolders(t *testing.T) {
	apart(t, func(t *testing.T) {
		root := ext4(t, 400<<20, "-O", "^dir_nlink", "-N", "70000")
		for i := range maxLinks - 2 {
			if err := os.Mkdir(filepath.Join(root, fmt.Sprint(i)), 0o700); err != nil {
				if errors.Is(err, unix.EMLINK) {
					break // lost+found is one
				}
				t.Error(err)
				return
			}
		}
		id, err := node.FSID(root)
		if err != nil {
			t.Error(err)
			return
		}
		area := filepath.Join(root, node.AreaName)
		if err := errors.Join(os.Remove(filepath.Join(root, "0")), os.Mkdir(area, 0o700)); err != nil {
			t.Error(err)
			return
		}
		set := changeset.New(1)
		set.Mounts = []changeset.Mount{{Point: "/", FSID: id}}
		set.Entries = []changeset.Entry{{Path: "/one-more", Class: node.Program, After: &node.Node{Attr: node.Attr{Mode: unix.S_IFDIR | 0o755}}}}
		b := transaction.NewBuilder(root, "t", nil)
		b.Forward(set, true)
		tx, err := b.Tx()
		if err != nil {
			t.Error(err)
			return
		}
		if err := (Journal{Root: root}).Commit(tx); err == nil || !strings.Contains(err.Error(), "more than the 64998 folders") {
			t.Errorf("got %v", err)
		}
	})
}

// ext4 makes and mounts a small ext4 of a file.
func ext4(t *testing.T, size int64, options ...string) string {
	t.Helper()
	return ext4At(t, filepath.Join(scratch(t), "image"), size, options...)
}

func ext4At(t *testing.T, image string, size int64, options ...string) string {
	t.Helper()
	at := t.TempDir()
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", append(options, "-q", image)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	// The child of this thread mounts in this thread's namespace.
	if out, err := exec.Command("mount", "-o", "loop", image, at).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	return at
}

package commit

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// backwards are the steps that undo a transaction.
func backwards(tx *transaction.Tx) []transaction.Step {
	var back, times []transaction.Step
	for i := len(tx.Steps) - 1; i >= 0; i-- {
		if s := tx.Steps[i].Inverse(); s.Do == transaction.Mtime {
			times = append(times, s)
		} else {
			back = append(back, s)
		}
	}
	return append(back, times...)
}

// TestJumpsThatAreCut: ways over several edges, cut anywhere, forward, while
// they are cleaned up after, and while they are undone, end in one of the
// generations that they lie between.
func TestJumpsThatAreCut(t *testing.T) {
	const edges = 4
	for seed := range rounds(150) {
		rng := rand.New(rand.NewSource(seed))
		root := scratch(t)
		grow(t, rng, root)
		j := Journal{Root: root}
		looks := []tree{picture(t, root, true)}
		var sets []*changeset.Changeset
		for i := range edges {
			next := scratch(t)
			grow(t, rng, next)
			sets = append(sets, edge(t, root, next, i+1))
			b := transaction.NewBuilder(root, "t", nil)
			b.Forward(sets[i], true)
			run(t, j, b)
			looks = append(looks, picture(t, root, true))
		}
		at := edges
		for round := range 6 {
			to := rng.Intn(edges + 1)
			if to == at {
				continue
			}
			b := transaction.NewBuilder(root, fmt.Sprint("r", round), nil)
			for k := at; k > to; k-- {
				b.Inverse(sets[k-1])
			}
			for k := at; k < to; k++ {
				b.Forward(sets[k], false)
			}
			tx, err := b.Tx()
			if err != nil {
				t.Fatal(err)
			}
			start(t, j, tx)
			n, kind, want := rng.Intn(len(tx.Steps)+1), rng.Intn(3), to
			switch kind {
			case 0:
				err = j.steps(tx, tx.Steps[:n])
			case 1:
				n = rng.Intn(len(tx.Clean) + 1)
				err = errors.Join(j.steps(tx, tx.Steps), j.move(committed, durable), j.steps(tx, tx.Clean[:n]))
			case 2:
				back := backwards(tx)
				err = errors.Join(j.steps(tx, tx.Steps[:n]), j.move(committed, reverting), j.steps(tx, back[:rng.Intn(len(back)+1)]))
				want = at
			}
			if err != nil {
				t.Fatal(err)
			}
			outcome, _, err := j.Recover()
			if err != nil || (outcome == Reverted) != (kind == 2) {
				t.Fatalf("seed %d round %d, %d to %d, cut at %d of kind %d: %s, %v", seed, round, at, to, n, kind, outcome, err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if d := looks[want].diff(picture(t, root, true)); d != "" {
				t.Fatalf("seed %d round %d, %d to %d, cut at %d of kind %d, %s:\n%s", seed, round, at, to, n, kind, outcome, d)
			}
			at = want
		}
	}
}

// TestKilledWhileGivingUp: what an undone transaction had is deleted, and the
// marker is still there.
func TestKilledWhileGivingUp(t *testing.T) {
	s := newScene(t, 7)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	tx.Discard = []string{filepath.Join(node.AreaName, "gen", "1")}
	start(t, j, tx)
	if err := errors.Join(j.steps(tx, tx.Steps[:3]), j.move(committed, reverting), j.steps(tx, backwards(tx))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.move(reverting, prepared), os.RemoveAll(filepath.Join(s.root, node.AreaName, "gen", "1"))); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if outcome, _, err := j.Recover(); err != nil {
			t.Errorf("%s, %v", outcome, err)
		}
	}
	s.check(t, s.old, "after recovery")
}

// folderGoes is a transaction that takes the folder /d away, and the file /f.
func folderGoes(t *testing.T, root string) (Journal, *transaction.Tx) {
	t.Helper()
	id, err := node.FSID(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(root, "d"), 0o755), os.MkdirAll(filepath.Join(root, node.AreaName, "gen/1"), 0o700)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "f"), "x")
	c := changeset.New(1)
	c.Mounts = []changeset.Mount{{Point: "/", FSID: id}}
	c.Entries = []changeset.Entry{
		{Path: "/d", Class: node.Program, Before: mustNode(t, filepath.Join(root, "d"))},
		{Path: "/f", Class: node.Program, Slot: "gen/1/1", Before: mustNode(t, filepath.Join(root, "f"))},
	}
	b := transaction.NewBuilder(root, "t", nil)
	b.Forward(c, true)
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	return Journal{Root: root}, tx
}

// TestFolderMadeAfterCommit: a daemon of the new generation may make the folder
// again that the commit took away, and recovery must not take that one.
func TestFolderMadeAfterCommit(t *testing.T) {
	j, tx := folderGoes(t, scratch(t))
	if err := j.Commit(tx); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(j.Root, "d"), 0o750); err != nil { // StateDirectory=, systemd.exec(5)
		t.Fatal(err)
	}
	if outcome, _, err := j.Recover(); outcome != Finished || err != nil {
		t.Fatal(outcome, err)
	}
	if _, err := os.Lstat(filepath.Join(j.Root, "d")); err != nil {
		t.Error(err)
	}
}

// TestFolderThatCannotGo: nothing hangs on an empty folder.
func TestFolderThatCannotGo(t *testing.T) {
	apart(t, func(t *testing.T) {
		j, tx := folderGoes(t, t.TempDir())
		if err := unix.Mount("tmpfs", filepath.Join(j.Root, "d"), "tmpfs", 0, ""); err != nil { // after the preflight
			t.Fatal(err)
		}
		if err := finish(t, j, tx); err != nil {
			t.Fatal(err)
		}
		if open, err := j.Open(); open != done || err != nil {
			t.Errorf("the journal is %q, %v", open, err)
		}
	})
}

// TestCleaningNeedsItsFileSystems: what is removed late must not be removed from
// the folder that a file system hides.
func TestCleaningNeedsItsFileSystems(t *testing.T) {
	apart(t, func(t *testing.T) {
		root := t.TempDir()
		opt := filepath.Join(root, "opt")
		if err := errors.Join(os.MkdirAll(filepath.Join(opt, "d"), 0o755), os.MkdirAll(filepath.Join(root, node.AreaName), 0o700)); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("none", opt, "tmpfs", 0, "size=10m"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(filepath.Join(opt, node.AreaName), 0o700), os.Mkdir(filepath.Join(opt, "d"), 0o755)); err != nil {
			t.Fatal(err)
		}
		id, err := node.FSID(opt)
		if err != nil {
			t.Fatal(err)
		}
		c := changeset.New(1)
		c.Mounts = []changeset.Mount{{Point: "/opt", FSID: id}}
		c.Entries = []changeset.Entry{{Path: "/opt/d", Class: node.Program, Before: mustNode(t, filepath.Join(opt, "d"))}}
		b := transaction.NewBuilder(root, "t", nil)
		b.Forward(c, false)
		tx, err := b.Tx()
		if err != nil {
			t.Fatal(err)
		}
		j := Journal{Root: root}
		start(t, j, tx)
		if err := errors.Join(j.steps(tx, tx.Steps), j.move(committed, durable), unix.Unmount(opt, 0)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := j.Recover(); err == nil {
			t.Error("it was cleaned up after although /opt is not there")
		}
		if _, err := os.Lstat(filepath.Join(opt, "d")); err != nil {
			t.Error(err)
		}
	})
}

// TestAttrsOfWhatWasLookedAt: whoever owns a folder can put a link in the place
// of a file in it while its mode is set.
func TestAttrsOfWhatWasLookedAt(t *testing.T) {
	root := scratch(t)
	home := filepath.Join(root, "home")
	file, other, victim := filepath.Join(home, "f"), filepath.Join(home, "other"), filepath.Join(root, "shadow")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, file, "x")
	write(t, victim, "x")
	if err := errors.Join(os.Chmod(victim, 0o600), os.Symlink(victim, other)); err != nil {
		t.Fatal(err)
	}
	n := mustNode(t, file)
	to := n.Attr
	to.Mode = unix.S_IFREG | 0o666
	step := transaction.Step{Do: transaction.Meta, Path: "/home/f", In: n.Ino, Out: n.Ino, From: &n.Attr, To: &to}
	held, err := system.OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	var stop atomic.Bool
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for !stop.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, file, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
		}
	}()
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		if err := step.Apply(held, filepath.Join(root, node.AreaName)); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	<-stopped
	if mode := mustNode(t, victim).Mode & 0o777; mode != 0o600 {
		t.Errorf("what the link leads to has mode %o", mode)
	}
}

// TestFolderFilledWhileItGoes: what somebody puts into a folder between the last
// look into it and its rename is not lost.
func TestFolderFilledWhileItGoes(t *testing.T) {
	for name, taken := range map[string]bool{"its place is free": false, "its place is taken": true} {
		t.Run(name, func(t *testing.T) {
			root := scratch(t)
			live := filepath.Join(root, "d")
			if err := errors.Join(os.MkdirAll(live, 0o755), node.MakeArea(root, "/")); err != nil {
				t.Fatal(err)
			}
			n := mustNode(t, live)
			id, err := node.FSID(root)
			if err != nil {
				t.Fatal(err)
			}
			tx := &transaction.Tx{ID: "t", Mounts: []changeset.Mount{{Point: "/", FSID: id}}, Steps: []transaction.Step{{Do: transaction.Rmdir, Path: "/d", Slot: "tx/t/d1", From: &n.Attr, To: &n.Attr}}}
			j := Journal{Root: root}
			start(t, j, tx)
			write(t, filepath.Join(live, "precious"), "x")
			if err := os.Rename(live, node.In(root, "/", "tx/t/d1")); err != nil { // and here it was killed
				t.Fatal(err)
			}
			at := live
			if taken {
				write(t, live, "a file, of a later step")
				at = node.In(root, "/", "aside/t/d")
			}
			if outcome, _, err := j.Recover(); outcome != Finished || err != nil {
				t.Fatal(outcome, err)
			}
			wantFile(t, filepath.Join(at, "precious"), "x")
		})
	}
}

// TestDurableBeforeMounts: the boot goes on to where the rest is mounted.
func TestDurableBeforeMounts(t *testing.T) {
	j, tx := folderGoes(t, scratch(t))
	tx.Mounts = append(tx.Mounts, changeset.Mount{Point: "/", FSID: "fsid:0"})
	start(t, j, tx)
	if err := errors.Join(j.steps(tx, tx.Steps), j.move(committed, durable)); err != nil {
		t.Fatal(err)
	}
	if missing, err := j.RecoverMounted(); len(missing) != 1 || err != nil {
		t.Errorf("missing are %v, %v", missing, err)
	}
}

// TestImmutableTop: that a folder may not be changed says nothing of its disk.
func TestImmutableTop(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("chattr +i takes root")
	}
	dir := scratch(t)
	d, err := node.OpenDisks([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	chattr(t, dir, "+i")
	defer chattr(t, dir, "-i")
	if err := d.Sync(); err != nil {
		t.Error(err)
	}
}

// What a transaction takes away is found where it waits: in its slot, and aside
// where somebody had changed it.
func TestTaken(t *testing.T) {
	tx := &transaction.Tx{Mounts: []changeset.Mount{{Point: "/"}, {Point: "/usr"}}, Steps: []transaction.Step{
		{Do: transaction.Swap, Path: "/usr/lib/modules/6.2/a.ko", FS: 1, Slot: "gen/5/0/1", Out: 7},
		{Do: transaction.Swap, Path: "/usr/lib/modules/6.2/modules.dep", FS: 1, Slot: "gen/5/0/2", Out: 8},
		{Do: transaction.Keep, Path: "/usr/lib/modules/6.2/modules.dep", FS: 1, Slot: "gen/5/0/2", Dest: "aside/5-x/usr/lib/modules/6.2/modules.dep"},
		{Do: transaction.Swap, Path: "/usr/lib/modules/6.2/stays", FS: 1, Slot: "gen/5/0/3", In: 9, Out: 10},
		{Do: transaction.Keep, Path: "/usr/lib/modules/6.2/stays", FS: 1, Slot: "gen/5/0/3", Dest: "aside/5-x/stays"},
		{Do: transaction.Swap, Path: "/usr/lib/modules/6.20/b.ko", FS: 1, Slot: "gen/5/0/4", Out: 11},
	}}
	want := map[string]string{
		"/usr/lib/modules/6.2/a.ko":        "/usr/.hostctl/gen/5/0/1",
		"/usr/lib/modules/6.2/modules.dep": "/usr/.hostctl/aside/5-x/usr/lib/modules/6.2/modules.dep",
	}
	if got := tx.Taken("/usr/lib/modules/6.2"); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

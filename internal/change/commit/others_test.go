package commit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// mallory is an account that owns a home with what hostctl manages in it.
const mallory = 61001

// others is a root in which mallory has a home, an edge that changes what is in
// it, and root's own files of the same names elsewhere.
type others struct {
	scene
	t      *testing.T
	victim tree
}

func newOthers(t *testing.T) others {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("another account's files need root")
		}
		t.Skip("another account's files need root")
	}
	root, next := scratch(t), scratch(t)
	for _, dir := range []string{root, next} {
		for _, p := range []string{"usr", "home/m/.local"} {
			top := filepath.Join(dir, p)
			if err := os.MkdirAll(filepath.Join(top, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(top, "meta"), "x")
			write(t, filepath.Join(top, "same"), "x")
		}
		gone := filepath.Join(root, "home/m/.local/gone")
		if err := os.MkdirAll(gone, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(gone, "f"), "x")
	}
	local := filepath.Join(next, "home/m/.local")
	write(t, filepath.Join(root, "home/m/.local/swap"), "old")
	write(t, filepath.Join(local, "swap"), "new")
	write(t, filepath.Join(local, "new"), "new")
	if err := errors.Join(os.Symlink("old", filepath.Join(root, "home/m/.local/link")), os.Symlink("new", filepath.Join(local, "link"))); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(local, "made/deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(local, "made/deep/f"), "new")
	give(t, filepath.Join(root, "home/m"), mallory)
	give(t, filepath.Join(next, "home/m"), mallory)
	o := others{t: t}
	for path, mode := range map[string]os.FileMode{"bin": 0o711, "meta": 0o666, "made": 0o770} {
		if err := os.Chmod(filepath.Join(local, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	o.root = root
	o.old = picture(t, root, true)
	o.set = edge(t, root, next, 1)
	usr := func(path string) bool { return path == "/usr" || strings.HasPrefix(path, "/usr/") }
	o.set.Entries = slices.DeleteFunc(o.set.Entries, func(e changeset.Entry) bool { return usr(e.Path) })
	o.set.Folders = slices.DeleteFunc(o.set.Folders, func(f changeset.FolderTime) bool { return usr(f.Path) })
	mend := filepath.Join(root, "usr") // from which edge has taken nodes
	for _, name := range []string{"meta", "same"} {
		write(t, filepath.Join(mend, name), "x")
	}
	o.victim = picture(t, mend, true)
	return o
}

func give(t *testing.T, dir string, uid int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(p, uid, uid))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// attack puts a link to root's files in the place of mallory's folder.
func (o others) attack() {
	o.t.Helper()
	local := filepath.Join(o.root, "home/m/.local")
	err := errors.Join(os.Rename(local, local+".was"), os.Symlink("/usr", local), os.Lchown(local, mallory, mallory))
	if err == nil {
		// In a folder as root it is the root's /usr that is meant.
		err = errors.Join(os.Remove(local), os.Symlink(filepath.Join(o.root, "usr"), local), os.Lchown(local, mallory, mallory))
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// whole fails the test where anything of root's was changed, or hostctl is stuck.
func (o others) whole(what string) {
	o.t.Helper()
	if d := o.victim.diff(picture(o.t, filepath.Join(o.root, "usr"), true)); d != "" {
		o.t.Fatalf("%s: root's files changed:\n%s", what, d)
	}
	j := Journal{Root: o.root}
	if stuck, err := j.Stuck(); stuck != "" || err != nil {
		o.t.Fatalf("%s: hostctl is stuck: %s, %v", what, stuck, err)
	}
}

// TestLinkBeforeTheSteps: a link that is there before the steps are written, or
// before they are looked at, is refused.
func TestLinkBeforeTheSteps(t *testing.T) {
	o := newOthers(t)
	o.attack()
	b := transaction.NewBuilder(o.root, "t", nil)
	b.Forward(o.set, true)
	if _, err := b.Tx(); err == nil || !strings.Contains(err.Error(), "it changed while the stage was built") {
		t.Errorf("a stage from before the link: %v", err)
	}
	o.whole("built on a link")

	o = newOthers(t)
	b = transaction.NewBuilder(o.root, "t", nil)
	b.Forward(o.set, true)
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	o.attack()
	if err := (Journal{Root: o.root}).Commit(tx); err == nil || !strings.Contains(err.Error(), "it is no folder any more") {
		t.Errorf("the preflight says %v", err)
	}
	o.whole("a link before the preflight")
}

// TestLinkOnlyForAttributes: steps that set attributes alone are refused as well.
func TestLinkOnlyForAttributes(t *testing.T) {
	o := newOthers(t)
	o.set.Entries = slices.DeleteFunc(o.set.Entries, func(e changeset.Entry) bool { return e.Slot != "" || e.Before == nil || e.After == nil })
	o.set.Folders = nil
	b := transaction.NewBuilder(o.root, "t", nil)
	b.Forward(o.set, true)
	tx, err := b.Tx()
	if err != nil || len(tx.Steps) != 1 || tx.Steps[0].Do != transaction.Meta {
		t.Fatalf("steps are %v, %v", tx.Steps, err)
	}
	o.attack()
	if err := (Journal{Root: o.root}).Commit(tx); err == nil || !strings.Contains(err.Error(), "it is no folder any more") {
		t.Errorf("the preflight says %v", err)
	}
	o.whole("attributes alone")
}

// comes says of an entry that nothing stood there before.
func comes(e changeset.Entry) bool { return e.Before == nil }

// TestLinkBetweenSteps: a link that comes after any of the steps, forward or
// back, changes nothing of root's, keeps hostctl from nothing, and costs nobody
// a file. Where all that the steps do is to make something, nothing that is
// missing behind the link stops them.
func TestLinkBetweenSteps(t *testing.T) {
	for name, of := range map[string]func(changeset.Entry) bool{"all": func(changeset.Entry) bool { return true }, "new": comes} {
		for _, undoing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, undoing %v", name, undoing), func(t *testing.T) {
				for k := 0; linkAfter(t, of, undoing, k); k++ {
				}
			})
		}
	}
}

// linkAfter makes the link after k steps; false where there are fewer.
func linkAfter(t *testing.T, of func(changeset.Entry) bool, undoing bool, k int) bool {
	o := newOthers(t)
	o.set.Entries = slices.DeleteFunc(o.set.Entries, func(e changeset.Entry) bool { return !of(e) })
	j := Journal{Root: o.root}
	tx := o.tx(t, false)
	if k > len(tx.Steps) {
		return false
	}
	what := fmt.Sprintf("step %d", k)
	start(t, j, tx)
	steps := tx.Steps
	if undoing {
		if err := errors.Join(j.steps(tx, steps), j.move(committed, reverting)); err != nil {
			t.Fatal(err)
		}
		steps = backwards(tx)
	}
	if err := j.steps(tx, steps[:k]); err != nil {
		t.Fatal(err)
	}
	tx.LetGo()
	o.attack()
	outcome, _, err := j.Recover()
	if err != nil || undoing && outcome != Reverted {
		t.Fatalf("%s: %s, %v", what, outcome, err)
	}
	o.whole(what)
	if outcome == Reverted {
		o.keptSomewhere(what)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if state, err := j.Open(); state != "" || err != nil {
		t.Fatalf("%s: the journal stays %s, %v", what, state, err)
	}
	return true
}

// keptSomewhere looks for what stood at swap before.
func (o others) keptSomewhere(what string) {
	o.t.Helper()
	for _, at := range []string{"home/m/.local.was/swap", node.AreaName + "/aside/t/home/m/.local/swap"} {
		if b, err := os.ReadFile(filepath.Join(o.root, at)); err == nil && string(b) == "old" {
			return
		}
	}
	o.t.Fatalf("%s: the file that mallory had is lost", what)
}

// TestLinkRaces: mallory's folder and a link to root's change places at any moment
// of a commit, and back.
func TestLinkRaces(t *testing.T) {
	went, refused, undone := 0, 0, 0
	for try := range 100 {
		o := newOthers(t)
		if try%2 == 1 {
			o.set.Entries = slices.DeleteFunc(o.set.Entries, func(e changeset.Entry) bool { return !comes(e) })
		}
		local := filepath.Join(o.root, "home/m/.local")
		link := local + ".link"
		if err := errors.Join(os.Symlink(filepath.Join(o.root, "usr"), link), os.Lchown(link, mallory, mallory)); err != nil {
			t.Fatal(err)
		}
		tx := o.tx(t, false)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for end := time.Now().Add(time.Duration(try) * 60 * time.Microsecond); time.Now().Before(end); {
				runtime.Gosched()
			}
			for range 1 + try/2%4 {
				_ = unix.Renameat2(unix.AT_FDCWD, link, unix.AT_FDCWD, local, unix.RENAME_EXCHANGE)
			}
		}()
		err := (Journal{Root: o.root}).Commit(tx)
		<-ended
		switch {
		case err == nil:
			went++
		case errors.Is(err, ErrReverted):
			undone++
		default:
			refused++
		}
		o.whole(fmt.Sprintf("try %d (%v)", try, err))
		if state, openErr := (Journal{Root: o.root}).Open(); openErr != nil || state != "" && err != nil {
			t.Fatalf("try %d: the journal stays %s, %v", try, state, openErr)
		}
		os.RemoveAll(o.root)
	}
	t.Logf("%d commits went through, %d were refused, %d were undone", went, refused, undone)
}

// TestWayBackPastMallory: nothing that she does to her folder keeps a machine from
// going back, and forth again.
func TestWayBackPastMallory(t *testing.T) {
	for name, c := range map[string]struct{ attack, mend func(local string) error }{
		"a link": {
			func(local string) error {
				return errors.Join(os.Rename(local, local+".was"), os.Symlink("../../usr", local), os.Lchown(local, mallory, mallory))
			},
			func(local string) error { return errors.Join(os.Remove(local), os.Rename(local+".was", local)) },
		},
		"nothing": {
			func(local string) error { return os.Rename(local, local+".was") },
			func(local string) error { return os.Rename(local+".was", local) },
		},
		"a folder": {
			func(local string) error {
				return errors.Join(os.Remove(filepath.Join(local, "new")), os.Mkdir(filepath.Join(local, "new"), 0o700))
			},
			func(local string) error { return os.Remove(filepath.Join(local, "new")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOthers(t)
			local := filepath.Join(o.root, "home/m/.local")
			goes := func(step func(*transaction.Builder)) *transaction.Tx {
				t.Helper()
				b := transaction.NewBuilder(o.root, "t", nil)
				step(b)
				tx := run(t, Journal{Root: o.root}, b)
				o.whole(name)
				return tx
			}
			goes(func(b *transaction.Builder) { b.Forward(o.set, true) })
			if err := c.attack(local); err != nil {
				t.Fatal(err)
			}
			if tx := goes(func(b *transaction.Builder) { b.Inverse(o.set) }); len(tx.Left) == 0 {
				t.Error("nothing is said to be left")
			}
			if err := c.mend(local); err != nil {
				t.Fatal(err)
			}
			goes(func(b *transaction.Builder) { b.Forward(o.set, false) })
			goes(func(b *transaction.Builder) { b.Inverse(o.set) })
		})
	}
}

// TestUndoneWayBack: a way back that mallory had undone, so that what it had taken
// away lies aside, has cost neither end of it: links and files of which no record
// has the bytes come back, hers or root's by then.
func TestUndoneWayBack(t *testing.T) {
	for _, owner := range []int{mallory, 0} {
		o := newOthers(t)
		j := Journal{Root: o.root}
		way := func(step func(*transaction.Builder)) *transaction.Builder {
			b := transaction.NewBuilder(o.root, "t", nil)
			step(b)
			return b
		}
		forward, back := func(b *transaction.Builder) { b.Forward(o.set, false) }, func(b *transaction.Builder) { b.Inverse(o.set) }
		run(t, j, way(func(b *transaction.Builder) { b.Forward(o.set, true) }))
		tx, err := way(back).Tx()
		if err != nil {
			t.Fatal(err)
		}
		start(t, j, tx)
		if err := errors.Join(j.steps(tx, tx.Steps), j.move(committed, reverting)); err != nil {
			t.Fatal(err)
		}
		tx.LetGo()
		o.attack()
		if outcome, _, err := j.Recover(); err != nil || outcome != Reverted {
			t.Fatal(outcome, err)
		}
		local := filepath.Join(o.root, "home/m/.local")
		if err := errors.Join(os.Remove(local), os.Rename(local+".was", local), os.Chown(filepath.Dir(local), owner, owner), os.Chown(local, owner, owner)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			way  func(*transaction.Builder)
			want string
		}{{back, "old"}, {forward, "new"}, {back, "old"}} {
			tx := run(t, j, way(c.way))
			text, err := os.ReadFile(filepath.Join(local, "swap"))
			target, linkErr := os.Readlink(filepath.Join(local, "link"))
			if err := errors.Join(err, linkErr); err != nil || string(text) != c.want || target != c.want || len(tx.Left) > 0 {
				t.Errorf("of user %d: %q and %q instead of %q, left %q, %v", owner, text, target, c.want, tx.Left, err)
			}
		}
	}
}

// TestAnotherFolder: attributes are set on the folder that was looked at, not on
// one of root's that mallory has put in its place.
func TestAnotherFolder(t *testing.T) {
	o := newOthers(t)
	local := filepath.Join(o.root, "home/m/.local")
	roots := filepath.Join(local, "roots")
	if err := os.Mkdir(roots, 0o700); err != nil {
		t.Fatal(err)
	}
	j := Journal{Root: o.root}
	tx := o.tx(t, false)
	start(t, j, tx)
	if err := errors.Join(os.Rename(filepath.Join(local, "bin"), filepath.Join(local, "bin.was")), os.Rename(roots, filepath.Join(local, "bin"))); err != nil {
		t.Fatal(err)
	}
	if outcome, _, err := j.Recover(); err != nil || outcome != Finished {
		t.Fatal(outcome, err)
	}
	if n := mustNode(t, filepath.Join(local, "bin")); n.UID != 0 || n.Mode&0o777 != 0o700 {
		t.Errorf("a folder of root's is user %d's now, with mode %o", n.UID, n.Mode&0o777)
	}
}

// TestFolderInTheWay: a folder that somebody makes where a step makes one is not
// given away.
func TestFolderInTheWay(t *testing.T) {
	o := newOthers(t)
	made := filepath.Join(o.root, "home/m/.local/made")
	j := Journal{Root: o.root}
	tx := o.tx(t, false)
	start(t, j, tx)
	if err := os.Mkdir(made, 0o700); err != nil {
		t.Fatal(err)
	}
	if outcome, _, err := j.Recover(); err != nil || outcome != Reverted {
		t.Fatal(outcome, err)
	}
	if n := mustNode(t, made); n.UID != 0 || n.Mode&0o777 != 0o700 {
		t.Errorf("a folder of root's is user %d's now, with mode %o", n.UID, n.Mode&0o777)
	}
}

// TestMountOfMallory: a file system of mallory's, into which root may not look,
// over the home or a folder of it keeps no transaction from its end.
func TestMountOfMallory(t *testing.T) { apart(t, mountOfMallory) }

func mountOfMallory(t *testing.T) {
	for _, where := range []string{"home/m", "home/m/.local"} {
		for _, undoing := range []bool{false, true} {
			o := newOthers(t)
			j := Journal{Root: o.root}
			tx := o.tx(t, false)
			start(t, j, tx)
			if undoing {
				if err := errors.Join(j.steps(tx, tx.Steps), j.move(committed, reverting)); err != nil {
					t.Fatal(err)
				}
			} else if err := j.steps(tx, tx.Steps[:2]); err != nil {
				t.Fatal(err)
			}
			tx.LetGo()
			unmount := mountAs(t, mallory, filepath.Join(o.root, where))
			outcome, _, err := j.Recover()
			unmount()
			if err != nil || outcome != Reverted {
				t.Errorf("%s, undoing %v: %s, %v", where, undoing, outcome, err)
			}
			o.whole(where)
		}
	}
}

// TestMountOverMount: what mallory mounts over a home that is a file system of its
// own, through which nothing below it is reached, is named with what to do.
func TestMountOverMount(t *testing.T) { apart(t, mountOverMount) }

func mountOverMount(t *testing.T) {
	root := scratch(t)
	home := filepath.Join(root, "home/m")
	if err := errors.Join(os.MkdirAll(home, 0o755), unix.Mount("m", home, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(home, unix.MNT_DETACH)
	id, err := node.FSID(home)
	if err != nil {
		t.Fatal(err)
	}
	j, tx := Journal{Root: root}, &transaction.Tx{Mounts: []changeset.Mount{{Point: "/home/m", FSID: id}}}
	unmount := mountAs(t, mallory, home)
	err = j.check(tx)
	unmount()
	if err == nil || !strings.Contains(err.Error(), "umount "+home) {
		t.Errorf("covered: %v", err)
	}
	if err := j.check(tx); err != nil {
		t.Errorf("uncovered: %v", err)
	}
}

// mountAs mounts a file system that an account serves, as fusermount3(1) does
// for it. Nobody answers.
func mountAs(t *testing.T, uid int, at string) (unmount func()) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no FUSE here: ", err)
	}
	err = unix.Mount("m", at, "fuse", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", fd, uid, uid))
	if err != nil {
		unix.Close(fd)
		t.Skip("no FUSE here: ", err)
	}
	return func() {
		if err := errors.Join(unix.Unmount(at, unix.MNT_DETACH), unix.Close(fd)); err != nil {
			t.Error(err)
		}
	}
}

// TestUndoOnBrokenDisk: what the disk keeps from being undone is not taken for
// something that mallory did.
func TestUndoOnBrokenDisk(t *testing.T) { apart(t, undoOnBrokenDisk) }

func undoOnBrokenDisk(t *testing.T) {
	o := newOthers(t)
	o.set.Entries = slices.DeleteFunc(o.set.Entries, func(e changeset.Entry) bool { return e.Slot != "" || e.Before == nil || e.After == nil })
	o.set.Folders = nil
	j := Journal{Root: o.root}
	tx := o.tx(t, false)
	start(t, j, tx)
	if err := errors.Join(j.steps(tx, tx.Steps), j.move(committed, reverting)); err != nil {
		t.Fatal(err)
	}
	tx.LetGo()
	home := filepath.Join(o.root, "home")
	if err := errors.Join(unix.Mount(home, home, "", unix.MS_BIND, ""), unix.Mount("", home, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	outcome, _, err := j.Recover()
	if unmountErr := unix.Unmount(home, unix.MNT_DETACH); unmountErr != nil {
		t.Fatal(unmountErr)
	}
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("on a read-only file system: %s, %v", outcome, err)
	}
	if outcome, _, err = j.Recover(); outcome != Reverted || err != nil {
		t.Fatal(outcome, err)
	}
	if n := mustNode(t, filepath.Join(home, "m/.local/bin")); n.Mode&0o777 != 0o755 {
		t.Errorf("the mode stays %o", n.Mode&0o777)
	}
}

// TestLockOfMallory: whoever may read a file can lock it, and keeps nobody from
// replacing it so. A lock of its owner's, or of root's, does.
func TestLockOfMallory(t *testing.T) {
	o := newOthers(t)
	if err := os.Chmod(o.root, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.root, "usr/same")
	for uid, counts := range map[uint32]bool{mallory: false, 0: true} {
		cmd := exec.Command("flock", "--shared", path, "sh", "-c", "echo; exec sleep 60")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = out.Read(make([]byte, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
		err = inUse(map[uint64]string{mustNode(t, path).Ino: path})
		if counts != (err != nil) {
			t.Errorf("with a lock of user %d: %v", uid, err)
		}
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	}
}

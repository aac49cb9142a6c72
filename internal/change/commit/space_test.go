package commit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// tmpfs mounts a small file system in memory.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	at := t.TempDir()
	if err := unix.Mount("none", at, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	return at
}

// fill takes all the room below a folder.
func fill(t *testing.T, dir string) (filler string) {
	t.Helper()
	filler = filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for buf := make([]byte, 4096); err == nil; {
		_, err = f.Write(buf)
	}
	if !node.IsFull(err) {
		t.Fatal(err)
	}
	return filler
}

// small is a root on a file system of its own, and a transaction on it that
// has been prepared.
func small(t *testing.T, options string) (Journal, *transaction.Tx, error) {
	t.Helper()
	root := tmpfs(t, options)
	id, err := node.FSID(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := &node.Attr{Mode: unix.S_IFDIR | 0o755}
	tx := &transaction.Tx{ID: "t", Mounts: []changeset.Mount{{Point: "/", FSID: id}}}
	for _, name := range []string{"/a", "/b", "/c", "/d"} {
		tx.Steps = append(tx.Steps, transaction.Step{Do: transaction.Mkdir, Path: name, Slot: "tx/t/" + name[1:], From: dir, To: dir})
	}
	j := Journal{Root: root}
	if err := os.Mkdir(filepath.Join(root, node.AreaName), 0o700); err != nil {
		t.Fatal(err)
	}
	return j, tx, j.prepare(tx, nil)
}

// TestBallastIsGivenUp: what finds no room finds it once the ballast is gone,
// and only then.
func TestBallastIsGivenUp(t *testing.T) {
	apart(t, func(t *testing.T) {
		j, tx, err := small(t, "size=4m")
		if err != nil {
			t.Error(err)
			return
		}
		fill(t, j.Root)
		ballast := filepath.Join(tx.Area(j.Root, 0), ballastFile)
		if st, err := os.Stat(ballast); err != nil || st.Size() != minBallast {
			t.Errorf("the ballast is not there: %v", err)
			return
		}
		write := func(name string) func() error {
			return func() error {
				return os.WriteFile(filepath.Join(j.Root, name), make([]byte, minBallast-64<<10), 0o600)
			}
		}
		if err := j.spare(tx, write("one")); err != nil {
			t.Errorf("there was ballast: %v", err)
		}
		if _, err := os.Stat(ballast); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the ballast is there still: %v", err)
		}
		if err := j.spare(tx, write("two")); !node.IsFull(err) {
			t.Errorf("there is no ballast any more, and: %v", err)
		}
		// Nothing of what the steps need has to be found any more.
		if err := j.move(prepared, committed); err != nil {
			t.Error(err)
		}
		if outcome, _, err := j.Recover(); err != nil || outcome != Finished {
			t.Errorf("on a full disk: %s, %v", outcome, err)
		}
	})
}

// TestNoRoomIsFoundOutBeforeTheMarker: of bytes, and of inodes.
func TestNoRoomIsFoundOutBeforeTheMarker(t *testing.T) {
	for options, says := range map[string]string{
		"size=512k":            "1.0 MiB are needed there",
		"size=8m,nr_inodes=10": "12 inodes are needed",
	} {
		apart(t, func(t *testing.T) {
			j, tx, err := small(t, options)
			var space *node.SpaceError
			if !errors.As(err, &space) || !strings.Contains(err.Error(), "too full: ") || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", options, err)
			}
			if err := j.give(tx); err != nil {
				t.Error(err)
			}
			left(t, j.Root)
		})
	}
}

// TestWriteBackError is of a disk that takes nothing any more: its image lies
// in a memory that is full. The error is told to whoever had the file system
// open before, even when somebody else has been told already.
func TestWriteBackError(t *testing.T) {
	apart(t, func(t *testing.T) {
		memory := tmpfs(t, "size=24m")
		root := ext4At(t, filepath.Join(memory, "image"), 64<<20, "-O", "^has_journal", "-E", "lazy_itable_init=0")
		d, err := node.OpenDisks([]string{root})
		if err != nil {
			t.Error(err)
			return
		}
		defer d.Close()
		other, err := os.Open(root)
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		if err := d.Sync(); err != nil {
			t.Errorf("all is well still: %v", err)
		}
		fill(t, memory)
		if err := os.WriteFile(filepath.Join(root, "f"), make([]byte, 4<<20), 0o600); err != nil {
			t.Error(err)
		}
		if err := unix.Syncfs(int(other.Fd())); err == nil {
			t.Error("the disk took what it cannot hold")
		}
		if err := d.Sync(); err == nil || !strings.Contains(err.Error(), "durable") {
			t.Errorf("opened before the write: %v", err)
		}
	})
}

// TestJournalOfTheDiskGivenUp: of an ext4 that cannot write its journal one caller
// of syncfs(2) is told, and the next one that all is well.
func TestJournalOfTheDiskGivenUp(t *testing.T) {
	apart(t, func(t *testing.T) {
		memory := tmpfs(t, "size=41m")
		root := ext4At(t, filepath.Join(memory, "image"), 40<<20, "-E", "lazy_itable_init=0,lazy_journal_init=1")
		d, err := node.OpenDisks([]string{root})
		if err != nil {
			t.Error(err)
			return
		}
		defer d.Close()
		if err := d.Sync(); err != nil {
			t.Errorf("all is well still: %v", err)
		}
		fill(t, memory)
		if err := os.Mkdir(filepath.Join(root, "lost"), 0o755); err != nil {
			t.Error(err)
		}
		other, err := os.Open(root)
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		if err := unix.Syncfs(int(other.Fd())); err == nil {
			t.Error("the disk took what it cannot hold")
		}
		if err := d.Sync(); err == nil || !strings.Contains(err.Error(), "durable") {
			t.Errorf("after somebody else was told: %v", err)
		}
	})
}

// TestSweep: what a disk forgot that it was freed goes, and nothing else does.
func TestSweep(t *testing.T) {
	root := t.TempDir()
	for path, goes := range map[string]bool{
		"opt/.hostctl/ballast": true, "opt/.hostctl/tx/1/2": true, "var/lib/current.new": true,
		"opt/.hostctl/gen/1/a": false, "var/lib/current": false, "srv/ballast": false,
	} {
		at := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if ok, err := node.Exists(at); ok == goes || err != nil {
				t.Errorf("%s is there: %v (%v)", path, ok, err)
			}
		}()
	}
	if err := (Journal{Root: root}).Sweep([]string{"/", "/opt"}, "var/lib/current"); err != nil {
		t.Fatal(err)
	}
}

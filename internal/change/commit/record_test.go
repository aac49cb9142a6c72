package commit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// TestJournalRefusesDamage damages the journal in each byte, cuts it off at
// each length, and loses parts of it: it is refused, and nothing is done.
func TestJournalRefusesDamage(t *testing.T) {
	s := newScene(t, 9)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	start(t, j, tx)
	before := picture(t, s.root, true)
	refused := func(what, says string) {
		t.Helper()
		outcome, _, err := j.Recover()
		if err == nil || outcome != Nothing || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "nothing was replayed") {
			t.Fatalf("%s: %s, %v", what, outcome, err)
		}
	}
	for _, path := range []string{j.records(tx.ID), j.file(committed)} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole {
			torn := bytes.Clone(whole)
			torn[i] ^= 4
			write(t, path, string(torn))
			refused("a flipped bit", "")
			write(t, path, string(whole[:i]))
			refused("cut off", "dpkg --verify")
		}
		write(t, path, strings.Replace(string(whole), "hostctl-journal 3", "hostctl-journal 4", 1))
		refused("a newer version", "newer hostctl")
		write(t, path, string(whole))
	}
	lines := bytes.SplitAfter(mustRead(t, j.records(tx.ID)), []byte("\n"))
	write(t, j.records(tx.ID), string(bytes.Join(lines[:len(lines)-2], nil)))
	refused("a record lost", "bytes")
	write(t, j.records(tx.ID), string(bytes.Join(append(append([][]byte{}, lines[:1]...), append([][]byte{lines[1], lines[3], lines[2]}, lines[4:]...)...), nil)))
	refused("records in another order", "not the")
	if err := os.Remove(j.records(tx.ID)); err != nil {
		t.Fatal(err)
	}
	refused("no records", "is gone")
	s.check(t, before, "after refusals")
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestJournalIsBoundToItsFileSystems: what a step's file system is not, no
// step is done on.
func TestJournalIsBoundToItsFileSystems(t *testing.T) {
	s := newScene(t, 9)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	tx.Mounts[0].FSID = "uuid:00"
	start(t, j, tx)
	if _, _, err := j.Recover(); err == nil || !strings.Contains(err.Error(), "not uuid:00") {
		t.Fatalf("got %v", err)
	}
	s.check(t, s.old, "refused")
}

// seeds are transactions of all shapes for the fuzzers.
func seeds(t testing.TB) []*transaction.Tx {
	t.Helper()
	mode := &node.Attr{Mode: 0o40755, Xattrs: map[string][]byte{"user.a": {0, 1}}}
	return []*transaction.Tx{
		{ID: "a"},
		{ID: "b", Machine: "m", Mounts: []changeset.Mount{{Point: "/", FSID: "uuid:1"}, {Point: "/boot", FSID: "volume:2", Copies: true}},
			Steps: []transaction.Step{
				{Do: transaction.Swap, Path: "/etc/f", Slot: "gen/1/1", In: 3, Out: 4, Was: &transaction.Stamp{Size: 1, MTime: 2}},
				{Do: transaction.Copies, Path: "/boot/f", FS: 1, New: &node.Node{Copy: "gen/1/2", Sum: "ab"}},
				{Do: transaction.Mkdir, Path: "/d", Slot: "tx/b/d1", From: mode, To: mode},
				{Do: transaction.Mtime, Path: "/", From: mode, To: mode},
			},
			Clean:   []transaction.Step{{Do: transaction.Keep, Path: "/etc/f", Slot: "gen/1/1", Dest: "aside/b/etc/f"}},
			Publish: []transaction.Publish{{Path: "/l", Link: "generations/1"}}, Discard: []string{".hostctl/tx/b"}},
	}
}

// FuzzJournal reads journals of which the bytes, or the JSON with a valid
// frame around it, are anybody's.
func FuzzJournal(f *testing.F) {
	for _, tx := range seeds(f) {
		records, mark, err := encode(tx)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(records, mark)
		parts, err := frames(records)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Join(parts, []byte("\n")), mark)
	}
	f.Fuzz(func(t *testing.T, records, mark []byte) {
		if m, err := decodeMarker(mark); err == nil {
			if tx, err := decodeTx(records, m); err == nil {
				replayable(t, tx)
			}
		}
		// The same bytes as the content of records whose checksums match, so
		// that they get past them.
		framed := appendFirstLine(nil)
		n := 0
		for line := range bytes.Lines(records) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			framed = appendFrame(framed, line)
			n++
		}
		m := sumOf(framed, n)
		head, err := frames(framed)
		if err != nil {
			t.Fatalf("a whole file is refused: %v", err)
		}
		if tx, err := decodeHead(head); err == nil {
			m.ID = tx.ID
		}
		if tx, err := decodeTx(framed, m); err == nil {
			replayable(t, tx)
		}
	})
}

// replayable uses an accepted transaction, on a root that is not there.
func replayable(t *testing.T, tx *transaction.Tx) {
	t.Helper()
	for _, s := range append(append([]transaction.Step{}, tx.Steps...), tx.Clean...) {
		for _, p := range []string{s.Path, filepath.Join(node.AreaName, s.Slot), filepath.Join(node.AreaName, s.Dest)} {
			if !filepath.IsLocal(filepath.Join(".", p)) {
				t.Fatalf("step %+v leads out of the root", s)
			}
		}
		back := s.Inverse()
		if err := back.Inverse().Valid(len(tx.Mounts)); err != nil {
			t.Fatalf("the inverse of a valid step is not: %v", err)
		}
	}
	records, mark, err := encode(tx)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decodeMarker(mark)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeTx(records, m); err != nil {
		t.Fatalf("cannot read again what was read: %v", err)
	}
	tx.Needs()
	tx.Touched()
}

// FuzzChangeset reads changesets and travels them on an empty root, both ways.
func FuzzChangeset(f *testing.F) {
	f.Add([]byte(`{"version":1,"generation":1,"mounts":[{"point":"/","fsid":"x"}],"entries":[{"path":"/a","fs":0,"class":"program","slot":"gen/1/1","after":{"mode":33188}}],"folders":[{"path":"/"}]}`))
	f.Add([]byte(`{"version":1,"mounts":[{"point":"/"}],"entries":[{"path":"/a","before":{"mode":16877},"after":{"mode":16877}},{"path":"/a/b","before":{"mode":16877}}]}`))
	f.Add([]byte(`{"version":1,"mounts":[{"point":"/"}],"entries":[{"path":"/a","before":{"mode":16877},"slot":"s","after":{"mode":33188,"digest":"00"}}]}`))
	f.Add([]byte(`{"version":2}`))
	root := f.TempDir()
	id, err := node.FSID(root)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := changeset.Read(b)
		if err != nil {
			return
		}
		for i := range c.Mounts {
			c.Mounts[i].FSID = id
		}
		for _, travel := range []func(*transaction.Builder){
			func(b *transaction.Builder) { b.Forward(c, true) }, func(b *transaction.Builder) { b.Forward(c, false) }, func(b *transaction.Builder) { b.Inverse(c) },
		} {
			b := transaction.NewBuilder(root, "t", func(string) ([]byte, error) { return nil, os.ErrNotExist })
			travel(b)
			tx, err := b.Tx()
			if err != nil {
				continue
			}
			if err := tx.Valid(); err != nil {
				t.Fatalf("a transaction of it cannot be written: %v", err)
			}
		}
		c.StatePaths()
	})
}

package commit

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// held is what a folder on a mount that is changed by copies holds: the bytes
// of files by path, and folders, which end with a slash.
type held map[string]string

func heldBelow(t *testing.T, top string) held {
	t.Helper()
	out := held{}
	err := filepath.Walk(top, func(path string, fi os.FileInfo, err error) error {
		rel := strings.TrimPrefix(path, top)
		switch {
		case err != nil || rel == "":
			return err
		case fi.IsDir():
			out[rel+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h held) check(t *testing.T, top, what string) {
	t.Helper()
	is := heldBelow(t, top)
	if got, want := fmt.Sprint(is), fmt.Sprint(h); got != want {
		t.Fatalf("%s: it holds %s, not %s", what, got, want)
	}
}

// growHeld makes a random tree of few names, so that paths turn from one thing
// into another.
func growHeld(rng *rand.Rand) held {
	out := held{}
	var fill func(dir string, depth int)
	fill = func(dir string, depth int) {
		for _, name := range []string{"a", "b", "c"} {
			switch k := rng.Intn(5); {
			case k < 2 && depth < 2:
				out[dir+name+"/"] = ""
				fill(dir+name+"/", depth+1)
			case k < 4:
				out[dir+name] = fmt.Sprint(rng.Intn(3))
			}
		}
	}
	fill("/", 0)
	return out
}

// copyScene is a root whose /boot is changed by copies.
type copyScene struct {
	j   Journal
	top string
}

func newCopyScene(t *testing.T, first held) copyScene {
	t.Helper()
	root := scratch(t)
	s := copyScene{Journal{Root: root}, filepath.Join(root, "boot")}
	if err := os.MkdirAll(filepath.Join(root, node.AreaName), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range sortedPaths(first) {
		at := filepath.Join(s.top, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "/") {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, at, first[path])
		}
	}
	return s
}

func sortedPaths(h held) []string {
	var out []string
	for path := range h {
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

// edge makes the changeset between two trees, as a stage does.
func (s copyScene) edge(t *testing.T, generation int, before, after held) *changeset.Changeset {
	t.Helper()
	id, err := node.FSID(s.j.Root)
	if err != nil {
		t.Fatal(err)
	}
	set := changeset.New(generation)
	set.Mounts = []changeset.Mount{{Point: "/boot", FSID: id, Copies: true}}
	slots := 0
	at := func(h held, path string) *node.Node {
		if _, ok := h[path+"/"]; ok {
			return &node.Node{Attr: node.Attr{Mode: unix.S_IFDIR | 0o755}}
		}
		data, ok := h[path]
		if !ok {
			return nil
		}
		slots++
		slot := fmt.Sprintf("gen/%d/%d", generation, slots)
		at := filepath.Join(s.j.Root, node.AreaName, slot)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, at, data)
		n, err := node.ReadHeld(at)
		if err != nil {
			t.Fatal(err)
		}
		n.Copy = slot
		return n
	}
	var paths []string
	for _, path := range append(sortedPaths(before), sortedPaths(after)...) {
		paths = append(paths, strings.TrimSuffix(path, "/"))
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		was, is := at(before, path), at(after, path)
		if !was.Alike(is) {
			set.Entries = append(set.Entries, changeset.Entry{Path: "/boot" + path, Class: node.Program, Before: was, After: is})
		}
	}
	return set
}

func (s copyScene) tx(t *testing.T, add func(*transaction.Builder)) *transaction.Tx {
	t.Helper()
	b := transaction.NewBuilder(s.j.Root, "t", nil)
	add(b)
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestCopiesAfterEveryStep goes over two edges on a mount that is changed by
// copies, forward and back, and stops after each step; the transaction is then
// finished, or undone.
func TestCopiesAfterEveryStep(t *testing.T) {
	for seed := range rounds(4) {
		rng := rand.New(rand.NewSource(seed))
		trees := []held{growHeld(rng), growHeld(rng), growHeld(rng)}
		for _, back := range []bool{false, true} {
			from, to := trees[0], trees[2]
			if back {
				from, to = to, from
			}
			for k, steps := 0, 1; k <= steps; k++ {
				for _, undo := range []bool{false, true} {
					s := newCopyScene(t, from)
					first, second := s.edge(t, 1, trees[0], trees[1]), s.edge(t, 2, trees[1], trees[2])
					tx := s.tx(t, func(b *transaction.Builder) {
						if back {
							b.Inverse(second)
							b.Inverse(first)
						} else {
							b.Forward(first, false)
							b.Forward(second, false)
						}
					})
					steps = len(tx.Steps)
					if err := s.j.preflight(tx); err != nil {
						t.Fatal(err)
					}
					start(t, s.j, tx)
					if err := s.j.steps(tx, tx.Steps[:k]); err != nil {
						t.Fatal(err)
					}
					want := to
					if undo {
						want = from
						if err := s.j.move(committed, reverting); err != nil {
							t.Fatal(err)
						}
					}
					what := fmt.Sprintf("seed %d, back %t, undo %t, after step %d of %d", seed, back, undo, k, steps)
					if _, _, err := s.j.Recover(); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					want.check(t, s.top, what)
				}
			}
		}
	}
}

// A rename that power was cut in can leave neither of its sides.
func TestCopyWhosePathIsGone(t *testing.T) {
	s := newCopyScene(t, held{"/f": "old"})
	tx := s.tx(t, func(b *transaction.Builder) { b.Forward(s.edge(t, 1, held{"/f": "old"}, held{"/f": "new"}), false) })
	start(t, s.j, tx)
	if err := os.Rename(filepath.Join(s.top, "f"), filepath.Join(s.top, "f")+node.CopySuffix); err != nil {
		t.Fatal(err)
	}
	if outcome, _, err := s.j.Recover(); err != nil || outcome != Finished {
		t.Fatalf("%s, %v", outcome, err)
	}
	held{"/f": "new"}.check(t, s.top, "recovered")
}

// What a copy that was cut short has left does not keep its folder when it is
// undone.
func TestUndoneCopyLeavesNoFolder(t *testing.T) {
	before, after := held{"/keep": ""}, held{"/keep": "", "/d/": "", "/d/f": "new"}
	s := newCopyScene(t, before)
	tx := s.tx(t, func(b *transaction.Builder) { b.Forward(s.edge(t, 1, before, after), true) })
	start(t, s.j, tx)
	if err := s.j.steps(tx, tx.Steps[:1]); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.top, "d/f")+node.CopySuffix, "ne")
	if err := s.j.move(committed, reverting); err != nil {
		t.Fatal(err)
	}
	if outcome, _, err := s.j.Recover(); err != nil || outcome != Reverted {
		t.Fatalf("%s, %v", outcome, err)
	}
	before.check(t, s.top, "undone")
}

func TestCopiesKeepEditsAside(t *testing.T) {
	before, after := held{"/f": "old", "/g": "old"}, held{"/f": "new", "/g": "new"}
	s := newCopyScene(t, before)
	set := s.edge(t, 1, before, after)
	if err := s.j.Commit(s.tx(t, func(b *transaction.Builder) { b.Forward(set, true) })); err != nil {
		t.Fatal(err)
	}
	if err := s.j.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.top, "f"), "edited")
	tx := s.tx(t, func(b *transaction.Builder) { b.Inverse(set) })
	if err := s.j.Commit(tx); err != nil {
		t.Fatal(err)
	}
	before.check(t, s.top, "back")
	wantFile(t, filepath.Join(s.j.Root, node.AreaName, "aside/t/boot/f"), "edited")
	if !slices.Equal(tx.Drift, []string{"/boot/f"}) {
		t.Errorf("drift is %v", tx.Drift)
	}
}

func TestCopiesRefuseWhatChanged(t *testing.T) {
	before, after := held{"/f": "old"}, held{"/f": "new"}
	s := newCopyScene(t, before)
	set := s.edge(t, 1, before, after)
	tx := s.tx(t, func(b *transaction.Builder) { b.Forward(set, true) })
	write(t, filepath.Join(s.top, "f"), "edited")
	b := transaction.NewBuilder(s.j.Root, "t", nil)
	b.Forward(set, true)
	for what, err := range map[string]error{"fresh edge": b.Err(), "preflight": s.j.preflight(tx)} {
		if err == nil || !strings.Contains(err.Error(), "/boot/f: it changed") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.j.Root, node.AreaName, "gen/1/2"), []byte("alt"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = transaction.NewBuilder(s.j.Root, "t", nil)
	b.Forward(set, false)
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "gone or were altered") {
		t.Errorf("altered bytes: %v", err)
	}
}

func TestComposedCopies(t *testing.T) {
	for seed := range rounds(20) {
		rng := rand.New(rand.NewSource(seed))
		trees := []held{growHeld(rng), growHeld(rng), growHeld(rng)}
		s := newCopyScene(t, trees[0])
		both, mends, err := s.edge(t, 1, trees[0], trees[1]).Then(s.edge(t, 2, trees[1], trees[2]), false)
		if err != nil || len(mends) > 0 {
			t.Fatal(err, mends)
		}
		for _, want := range []held{trees[2], trees[0]} {
			if err := s.j.Commit(s.tx(t, func(b *transaction.Builder) {
				if fmt.Sprint(want) == fmt.Sprint(trees[2]) {
					b.Forward(both, false)
				} else {
					b.Inverse(both)
				}
			})); err != nil {
				t.Fatal(err)
			}
			want.check(t, s.top, fmt.Sprintf("seed %d", seed))
			if err := s.j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package commit

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// scratch is a folder that costs no disk: what these tests look at is the
// order of things, thousands of times. What is durable, test/torture looks at.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hostctl-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// tree is a picture of a folder: path to what can be seen of it. Inodes are
// part of it, so that an undo has to bring the very node back.
type tree map[string]string

func picture(t *testing.T, root string, inodes bool) tree {
	t.Helper()
	out := tree{}
	err := filepath.Walk(root, func(p string, fi os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(p, root)
		if rel == "/"+node.AreaName || rel == "/"+node.AreaName+"-test" {
			return filepath.SkipDir
		}
		n, err := node.Lstat(p)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%o %d", n.Mode, n.MTime)
		if rel == "" {
			line = fmt.Sprintf("%o", n.Mode) // the journal's own folder comes and goes in it
		}
		switch {
		case fi.Mode().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += " " + string(b)
		case fi.Mode()&os.ModeSymlink != 0:
			l, err := os.Readlink(p)
			if err != nil {
				return err
			}
			line += " -> " + l
		}
		if inodes && !fi.IsDir() {
			line += fmt.Sprintf(" #%d", n.Ino)
		}
		out[rel] = line
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (a tree) diff(b tree) string {
	var out []string
	for _, p := range slices.Sorted(maps.Keys(a)) {
		if a[p] != b[p] {
			out = append(out, fmt.Sprintf("%s: %q, want %q", p, b[p], a[p]))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[p]; !ok {
			out = append(out, fmt.Sprintf("%s: %q, want nothing", p, b[p]))
		}
	}
	return strings.Join(out, "\n")
}

// grow makes a random tree below dir.
func grow(t *testing.T, rng *rand.Rand, dir string) {
	t.Helper()
	then := time.Unix(1_000_000_000+rng.Int63n(1e6), 0)
	var fill func(dir string, depth int)
	fill = func(dir string, depth int) {
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			p := filepath.Join(dir, name)
			var err error
			switch k := rng.Intn(7); {
			case k < 2 && depth < 3:
				err = os.Mkdir(p, 0o755)
				fill(p, depth+1)
			case k < 4:
				err = os.WriteFile(p, []byte(strconv.Itoa(rng.Intn(4))), os.FileMode(0o600|rng.Intn(2)*0o44))
			case k == 4:
				err = os.Symlink(strconv.Itoa(rng.Intn(3)), p)
			default:
				continue
			}
			if err == nil {
				err = setMTime(p, then.UnixNano())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(dir, 0)
	if err := setMTime(dir, then.UnixNano()); err != nil {
		t.Fatal(err)
	}
}

// edge makes the changeset from the live tree to next, whose nodes it moves
// into slots.
func edge(t *testing.T, root, next string, generation int) *changeset.Changeset {
	t.Helper()
	id, err := node.FSID(root)
	if err != nil {
		t.Fatal(err)
	}
	c := changeset.New(generation)
	c.Mounts = []changeset.Mount{{Point: "/", FSID: id}}
	area := filepath.Join("gen", strconv.Itoa(generation))
	if err := os.MkdirAll(filepath.Join(root, node.AreaName, area), 0o700); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, top := range []string{root, next} {
		for p := range picture(t, top, false) {
			paths[p] = true
		}
	}
	// Deepest first, so that moving a node into its slot leaves its folder
	// for a later look.
	sorted := slices.Sorted(maps.Keys(paths))
	slices.Reverse(sorted)
	after := map[string]*node.Node{}
	for _, p := range sorted {
		after[p] = mustNode(t, filepath.Join(next, p)) // before moves touch folder times
	}
	for i, p := range sorted {
		if p == "" {
			continue
		}
		e := changeset.Entry{Path: p, Class: node.Program, After: after[p]}
		e.Before = mustNode(t, filepath.Join(root, p))
		bothDirs := e.Before.IsDir() && e.After.IsDir()
		if (e.Before != nil && !e.Before.IsDir()) || (e.After != nil && !e.After.IsDir()) {
			e.Slot = filepath.Join(area, strconv.Itoa(i))
			if e.After != nil {
				e.After = take(t, filepath.Join(next, p), filepath.Join(root, node.AreaName, e.Slot), e.After)
			}
		}
		if !bothDirs || e.Before.Mode != e.After.Mode {
			c.Entries = append(c.Entries, e)
		}
		if e.Before.IsDir() || e.After.IsDir() {
			f := changeset.FolderTime{Path: p}
			if e.Before != nil {
				f.Before, f.After = e.Before.MTime, e.Before.MTime
			}
			if e.After != nil {
				f.After = e.After.MTime
			}
			c.Folders = append(c.Folders, f)
		}
	}
	return c
}

func mustNode(t *testing.T, path string) *node.Node {
	t.Helper()
	n, err := node.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// take moves a node to its slot; a folder that takes a file's place is made
// anew there.
func take(t *testing.T, from, to string, n *node.Node) *node.Node {
	t.Helper()
	var err error
	if n.IsDir() {
		err = os.Mkdir(to, 0o700)
	} else {
		err = os.Rename(from, to)
	}
	if err == nil {
		err = node.SetAttr(to, n.Attr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return mustNode(t, to)
}

// scene is a live root, a changeset ready to go, and how either side looks.
type scene struct {
	root     string
	set      *changeset.Changeset
	old, new tree
}

func newScene(t *testing.T, seed int64) scene {
	t.Helper()
	rng := rand.New(rand.NewSource(seed))
	root, next := scratch(t), scratch(t)
	grow(t, rng, root)
	grow(t, rng, next)
	s := scene{root: root, old: picture(t, root, true), new: picture(t, next, true)}
	s.set = edge(t, root, next, 1)
	// Nodes went into slots by rename, with their inodes; the roots
	// themselves are not part of the changeset.
	s.new[""] = s.old[""]
	return s
}

func (s scene) tx(t *testing.T, inverse bool) *transaction.Tx {
	t.Helper()
	b := transaction.NewBuilder(s.root, "t", nil)
	if inverse {
		b.Inverse(s.set)
	} else {
		b.Forward(s.set, false)
	}
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func (s scene) check(t *testing.T, want tree, what string) {
	t.Helper()
	if d := want.diff(picture(t, s.root, true)); d != "" {
		t.Fatalf("%s:\n%s", what, d)
	}
}

// rounds are as many as a test takes; of make check's, each fifth.
func rounds(n int64) int64 {
	if testing.Short() {
		return (n + 4) / 5
	}
	return n
}

func TestCommitAndInverseAreExact(t *testing.T) {
	for seed := range rounds(20) {
		s := newScene(t, seed)
		j := Journal{Root: s.root}
		for round := range 2 {
			forth := s.tx(t, false)
			if err := j.Commit(forth); err != nil {
				t.Fatal(err)
			}
			s.check(t, s.new, fmt.Sprintf("seed %d round %d forward", seed, round))
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			back := s.tx(t, true)
			if came, gone := sorted(forth.Came()), sorted(back.Gone()); !slices.Equal(came, gone) || slices.ContainsFunc(came, func(p string) bool { return s.old[p[1:]] != "" }) {
				t.Errorf("seed %d: %q came, and %q go on the way back", seed, came, gone)
			}
			if came, gone := sorted(back.Came()), sorted(forth.Gone()); !slices.Equal(came, gone) || slices.ContainsFunc(came, func(p string) bool { return s.new[p[1:]] != "" }) {
				t.Errorf("seed %d: %q went, and %q come on the way back", seed, gone, came)
			}
			if err := j.Commit(back); err != nil {
				t.Fatal(err)
			}
			s.check(t, s.old, fmt.Sprintf("seed %d round %d back", seed, round))
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func sorted(paths []string) []string {
	slices.Sort(paths)
	return paths
}

// TestRecoverAfterEveryStep stops a transaction after each of its steps, in
// each state of the journal, and recovers.
func TestRecoverAfterEveryStep(t *testing.T) {
	for seed := range rounds(2) {
		for k := 0; ; k++ {
			s := newScene(t, seed)
			j := Journal{Root: s.root}
			tx := s.tx(t, false)
			if k > len(tx.Steps) {
				break
			}
			start(t, j, tx)
			if err := j.steps(tx, tx.Steps[:k]); err != nil {
				t.Fatal(err)
			}
			outcome, _, err := j.Recover()
			if err != nil || outcome != Finished {
				t.Fatalf("seed %d step %d: %s, %v", seed, k, outcome, err)
			}
			s.check(t, s.new, fmt.Sprintf("seed %d recovered after step %d", seed, k))
		}
	}
}

// TestRecoverOverTwoEdges interrupts a way back over two generations at once.
func TestRecoverOverTwoEdges(t *testing.T) {
	for seed := range rounds(2) {
		for k := 0; ; k++ {
			rng := rand.New(rand.NewSource(seed))
			root, second, third := scratch(t), scratch(t), scratch(t)
			for _, dir := range []string{root, second, third} {
				grow(t, rng, dir)
			}
			old := picture(t, root, true)
			j := Journal{Root: root}
			var sets []*changeset.Changeset
			for i, next := range []string{second, third} {
				set := edge(t, root, next, i+1)
				sets = append(sets, set)
				b := transaction.NewBuilder(root, "t", nil)
				b.Forward(set, true)
				run(t, j, b)
			}
			b := transaction.NewBuilder(root, "t", nil)
			b.Inverse(sets[1])
			b.Inverse(sets[0])
			tx, err := b.Tx()
			if err != nil {
				t.Fatal(err)
			}
			if k > len(tx.Steps) {
				break
			}
			start(t, j, tx)
			if err := j.steps(tx, tx.Steps[:k]); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, k, err)
			}
			if outcome, _, err := j.Recover(); err != nil || outcome != Finished {
				t.Fatalf("seed %d step %d: %s, %v", seed, k, outcome, err)
			}
			scene{root: root}.check(t, old, fmt.Sprintf("seed %d recovered after step %d", seed, k))
		}
	}
}

func run(t *testing.T, j Journal, b *transaction.Builder) *transaction.Tx {
	t.Helper()
	tx, err := b.Tx()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.look(tx); err != nil {
		t.Fatal(err)
	}
	if err := finish(t, j, tx); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestRecoverWhileReverting(t *testing.T) {
	for k := 0; ; k++ {
		s := newScene(t, 3)
		j := Journal{Root: s.root}
		tx := s.tx(t, false)
		if k > len(tx.Steps) {
			break
		}
		start(t, j, tx)
		if err := j.steps(tx, tx.Steps); err != nil {
			t.Fatal(err)
		}
		if err := j.move(committed, reverting); err != nil {
			t.Fatal(err)
		}
		for i := range k {
			if err := j.step(tx, tx.Steps[len(tx.Steps)-1-i].Inverse()); err != nil {
				t.Fatal(err)
			}
		}
		outcome, _, err := j.Recover()
		if err != nil || outcome != Reverted {
			t.Fatalf("step %d: %s, %v", k, outcome, err)
		}
		s.check(t, s.old, fmt.Sprintf("reverted after step %d", k))
	}
}

func start(t *testing.T, j Journal, tx *transaction.Tx) {
	t.Helper()
	prepare(t, j, tx)
	if err := j.move(prepared, committed); err != nil {
		t.Fatal(err)
	}
}

func prepare(t *testing.T, j Journal, tx *transaction.Tx) {
	t.Helper()
	tx.Machine = system.Root(j.Root).MachineID()
	if err := j.prepare(tx, nil); err != nil { // no power is cut here: nothing needs to be durable
		t.Fatal(err)
	}
}

// finish does the steps of a transaction that has passed its preflight.
func finish(t *testing.T, j Journal, tx *transaction.Tx) error {
	t.Helper()
	start(t, j, tx)
	_, err := j.finish(tx, nil)
	return err
}

func TestRecoverBeforeMarkerChangesNothing(t *testing.T) {
	s := newScene(t, 5)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	tx.Discard = []string{filepath.Join(node.AreaName, "gen", "1")}
	prepare(t, j, tx)
	outcome, _, err := j.Recover()
	if err != nil || outcome != Discarded {
		t.Fatalf("%s, %v", outcome, err)
	}
	s.check(t, s.old, "discarded")
	if _, err := os.Lstat(filepath.Join(s.root, node.AreaName, "gen", "1")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the slots are still there: %v", err)
	}
}

// TestFailingStepIsUndone makes a step impossible at the end: the folder of
// a new file does not exist.
func TestFailingStepIsUndone(t *testing.T) {
	s := newScene(t, 7)
	j := Journal{Root: s.root}
	tx := s.tx(t, false)
	slot := filepath.Join(s.root, node.AreaName, "gen/1/lost")
	write(t, slot, "")
	tx.Steps = append(tx.Steps, transaction.Step{Do: transaction.Swap, Path: "/nowhere/file", Slot: "gen/1/lost", In: mustNode(t, slot).Ino})
	err := finish(t, j, tx)
	if !errors.Is(err, ErrReverted) {
		t.Fatalf("got %v", err)
	}
	s.check(t, s.old, "undone")
	if open, err := j.Open(); open != "" || err != nil {
		t.Fatalf("the journal is open: %q, %v", open, err)
	}
}

// TestEditedFileIsKeptAside edits a config file by hand before a rollback:
// the edit is kept, and the generation still comes back as it was.
func TestEditedFileIsKeptAside(t *testing.T) {
	root, next := scratch(t), scratch(t)
	write(t, filepath.Join(root, "f"), "old")
	write(t, filepath.Join(next, "f"), "new")
	set := edge(t, root, next, 1)
	set.Entries[0].Class, set.Entries[0].After.Digest = node.Config, "digest of new"
	set.Entries[0].Before.Digest = "digest of old"
	j := Journal{Root: root}
	builder := func(step func(*transaction.Builder)) *transaction.Builder {
		b := transaction.NewBuilder(root, "t", func(digest string) ([]byte, error) {
			return []byte(strings.TrimPrefix(digest, "digest of ")), nil
		})
		step(b)
		return b
	}
	run(t, j, builder(func(b *transaction.Builder) { b.Forward(set, true) }))
	write(t, filepath.Join(root, "f"), "edited by hand")
	b := builder(func(b *transaction.Builder) { b.Inverse(set) })
	tx := run(t, j, b)
	wantFile(t, filepath.Join(root, "f"), "old")
	wantFile(t, filepath.Join(root, node.AreaName, "aside", "t", "f"), "edited by hand")
	if !slices.Equal(tx.Drift, []string{"/f"}) {
		t.Fatalf("drift is %v", tx.Drift)
	}
	run(t, j, builder(func(b *transaction.Builder) { b.Forward(set, false) }))
	wantFile(t, filepath.Join(root, "f"), "new")
	b = builder(func(b *transaction.Builder) { b.Inverse(set) })
	if tx = run(t, j, b); len(tx.Drift) > 0 {
		t.Fatalf("what was made again is taken for drift: %v", tx.Drift)
	}
	// An edit before going forward takes the other side's node.
	write(t, filepath.Join(root, "f"), "edited again")
	run(t, j, builder(func(b *transaction.Builder) { b.Forward(set, false) }))
	run(t, j, builder(func(b *transaction.Builder) { b.Inverse(set) }))
	wantFile(t, filepath.Join(root, "f"), "old")
}

// TestAttrThenSwapOverEdges: the second edge replaces a file whose metadata
// the first one changes; the preflight must not take that for another's doing.
func TestAttrThenSwapOverEdges(t *testing.T) {
	root, next := scratch(t), scratch(t)
	j := Journal{Root: root}
	if err := os.Mkdir(filepath.Join(root, node.AreaName), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "f"), "one")
	first := changeset.New(1)
	id, err := node.FSID(root)
	if err != nil {
		t.Fatal(err)
	}
	before := mustNode(t, filepath.Join(root, "f"))
	after := *before
	after.MTime, after.Mode = before.MTime+1e9, unix.S_IFREG|0o600
	first.Mounts = []changeset.Mount{{Point: "/", FSID: id}}
	first.Entries = []changeset.Entry{{Path: "/f", Class: node.Program, Before: before, After: &after}}
	forward := func(sets ...*changeset.Changeset) *transaction.Builder {
		b := transaction.NewBuilder(root, "t", nil)
		for _, s := range sets {
			b.Forward(s, false)
		}
		return b
	}
	run(t, j, forward(first))
	write(t, filepath.Join(next, "f"), "two")
	second := edge(t, root, next, 2)
	run(t, j, forward(second))
	b := transaction.NewBuilder(root, "t", nil)
	b.Inverse(second)
	b.Inverse(first)
	run(t, j, b)
	wantFile(t, filepath.Join(root, "f"), "one")
	run(t, j, forward(first, second))
	wantFile(t, filepath.Join(root, "f"), "two")
}

// TestFolderModesOverEdges travels over edges of which one makes or removes a
// folder whose mode another one changes.
func TestFolderModesOverEdges(t *testing.T) {
	root := scratch(t)
	j := Journal{Root: root}
	var sets []*changeset.Changeset
	pictures := []tree{picture(t, root, false)}
	for i, mode := range []os.FileMode{0o755, 0o700, 0} {
		next := scratch(t)
		if mode != 0 {
			if err := os.Mkdir(filepath.Join(next, "d"), mode); err != nil {
				t.Fatal(err)
			}
		}
		sets = append(sets, edge(t, root, next, i+1))
		b := transaction.NewBuilder(root, "t", nil)
		b.Forward(sets[i], true)
		run(t, j, b)
		pictures = append(pictures, picture(t, root, false))
	}
	check := func(generation int, b *transaction.Builder) {
		t.Helper()
		run(t, j, b)
		scene{root: root}.check(t, pictures[generation], fmt.Sprintf("at generation %d", generation))
	}
	b := transaction.NewBuilder(root, "t", nil)
	b.Inverse(sets[2])
	b.Inverse(sets[1])
	check(1, b)
	b = transaction.NewBuilder(root, "t", nil)
	b.Inverse(sets[0])
	check(0, b)
	b = transaction.NewBuilder(root, "t", nil)
	b.Forward(sets[0], false)
	b.Forward(sets[1], false)
	check(2, b)
}

// TestFolderMadeAndTurnedOnTheWay goes over an edge that makes a folder and
// one that puts a file in its place, at once, interrupted after each step.
func TestFolderMadeAndTurnedOnTheWay(t *testing.T) {
	for k := 0; ; k++ {
		root := scratch(t)
		j := Journal{Root: root}
		var sets []*changeset.Changeset
		for i := range 2 {
			next := scratch(t)
			if i == 0 {
				if err := os.Mkdir(filepath.Join(next, "d"), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(next, "d", "f"), "in a folder")
			} else {
				write(t, filepath.Join(next, "d"), "a file")
			}
			sets = append(sets, edge(t, root, next, i+1))
			b := transaction.NewBuilder(root, "t", nil)
			b.Forward(sets[i], true)
			run(t, j, b)
		}
		b := transaction.NewBuilder(root, "t", nil)
		b.Inverse(sets[1])
		b.Inverse(sets[0])
		run(t, j, b)
		b = transaction.NewBuilder(root, "t", nil)
		b.Forward(sets[0], false)
		b.Forward(sets[1], false)
		tx, err := b.Tx()
		if err != nil {
			t.Fatal(err)
		}
		if k > len(tx.Steps) {
			break
		}
		start(t, j, tx)
		if err := j.steps(tx, tx.Steps[:k]); err != nil {
			t.Fatal(err)
		}
		if outcome, _, err := j.Recover(); err != nil || outcome != Finished {
			t.Fatalf("step %d: %s, %v", k, outcome, err)
		}
		wantFile(t, filepath.Join(root, "d"), "a file")
	}
}

// TestMountThatIsGone: a file system that an edge saw and did not change may
// be gone, or another, when it is travelled again.
func TestMountThatIsGone(t *testing.T) {
	s := newScene(t, 5)
	s.set.Mounts = append(s.set.Mounts, changeset.Mount{Point: "/media/stick", FSID: "unplugged"})
	j := Journal{Root: s.root}
	if err := j.Commit(s.tx(t, false)); err != nil {
		t.Fatal(err)
	}
	s.check(t, s.new, "with a mount gone that nothing was changed on")
}

func TestFreshEdgeRefusesWhatChanged(t *testing.T) {
	root, next := scratch(t), scratch(t)
	write(t, filepath.Join(root, "f"), "old")
	write(t, filepath.Join(next, "f"), "new")
	set := edge(t, root, next, 1)
	write(t, filepath.Join(root, "f"), "an admin was here")
	b := transaction.NewBuilder(root, "t", nil)
	b.Forward(set, true)
	if _, err := b.Tx(); err == nil || !strings.Contains(err.Error(), "/f: it changed while") {
		t.Fatalf("got %v", err)
	}
	wantFile(t, filepath.Join(root, "f"), "an admin was here")
}

func TestFileOpenForWritingIsRefused(t *testing.T) {
	root, next := scratch(t), scratch(t)
	write(t, filepath.Join(root, "f"), "old")
	write(t, filepath.Join(next, "f"), "new")
	s := scene{root: root, set: edge(t, root, next, 1)}
	f, err := os.OpenFile(filepath.Join(root, "f"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = Journal{Root: root}.Commit(s.tx(t, false))
	if err == nil || !strings.Contains(err.Error(), "open for writing") {
		t.Fatalf("got %v", err)
	}
	wantFile(t, filepath.Join(root, "f"), "old")
}

// TestWriteInBetweenIsNotLost writes to a file after the steps are known and
// before they are done.
func TestWriteInBetweenIsNotLost(t *testing.T) {
	root, next := scratch(t), scratch(t)
	write(t, filepath.Join(root, "f"), "old")
	write(t, filepath.Join(next, "f"), "new")
	s := scene{root: root, set: edge(t, root, next, 1)}
	tx := s.tx(t, false)
	write(t, filepath.Join(root, "f"), "an admin saved this")
	if err := finish(t, Journal{Root: root}, tx); !errors.Is(err, ErrReverted) || !strings.Contains(err.Error(), "it changed while") {
		t.Fatalf("got %v", err)
	}
	wantFile(t, filepath.Join(root, "f"), "an admin saved this")
}

func TestStatePathsStay(t *testing.T) {
	root, next := scratch(t), scratch(t)
	if err := os.Mkdir(filepath.Join(next, "db"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(next, "db", "rows"), "1")
	write(t, filepath.Join(next, "db", "program"), "x")
	set := edge(t, root, next, 1)
	for i := range set.Entries {
		if set.Entries[i].Path == "/db/rows" {
			set.Entries[i].Class = node.State
		}
	}
	j := Journal{Root: root}
	commit := func(step func(*transaction.Builder)) {
		t.Helper()
		b := transaction.NewBuilder(root, "t", nil)
		step(b)
		tx, err := b.Tx()
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Commit(tx); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	commit(func(b *transaction.Builder) { b.Forward(set, true) })
	write(t, filepath.Join(root, "db", "rows"), "2")
	commit(func(b *transaction.Builder) { b.Inverse(set) })
	wantFile(t, filepath.Join(root, "db", "rows"), "2")
	if _, err := os.Lstat(filepath.Join(root, "db", "program")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the program stays: %v", err)
	}
	commit(func(b *transaction.Builder) { b.Forward(set, false) })
	wantFile(t, filepath.Join(root, "db", "rows"), "2")
	wantFile(t, filepath.Join(root, "db", "program"), "x")
}

func TestJournalRefusesWhatIsNotItsOwn(t *testing.T) {
	s := newScene(t, 9)
	j := Journal{Root: s.root}
	if err := os.MkdirAll(filepath.Join(s.root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.root, "etc/machine-id"), "one\n")
	start(t, j, s.tx(t, false))
	write(t, filepath.Join(s.root, "etc/machine-id"), "another")
	if _, _, err := j.Recover(); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Fatalf("got %v", err)
	}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != want {
		t.Fatalf("%s holds %q, want %q", path, b, want)
	}
}

// TestRecoverMounted: of a transaction on two file systems, of which one is
// not mounted, the part on the other is done, and the rest when both are.
func TestRecoverMounted(t *testing.T) {
	for _, state := range []string{committed, reverting} {
		root, next := scratch(t), scratch(t)
		for _, name := range []string{"here", "late"} {
			write(t, filepath.Join(root, name), "old")
			write(t, filepath.Join(next, name), "new")
		}
		s := scene{root: root, set: edge(t, root, next, 1)}
		tx := s.tx(t, false)
		id := tx.Mounts[0].FSID
		tx.Mounts = append(tx.Mounts, changeset.Mount{Point: "/", FSID: "fsid:0"})
		for i := range tx.Steps {
			if tx.Steps[i].Path == "/late" {
				tx.Steps[i].FS = 1
			}
		}
		j := Journal{Root: root}
		start(t, j, tx)
		here, late := "new", "old"
		if state == reverting {
			if err := j.steps(tx, tx.Steps); err != nil {
				t.Fatal(err)
			}
			if err := j.move(committed, reverting); err != nil {
				t.Fatal(err)
			}
			here, late = "old", "new"
		}
		missing, err := j.RecoverMounted()
		if err != nil || len(missing) != 1 {
			t.Fatalf("%s: missing %v, %v", state, missing, err)
		}
		wantFile(t, filepath.Join(root, "here"), here)
		wantFile(t, filepath.Join(root, "late"), late)
		if open, err := j.Open(); err != nil || open != state {
			t.Fatalf("%s: it is %q now, %v", state, open, err)
		}
		tx.Mounts[1].FSID = id // mounted
		start(t, j, tx)
		if state == reverting {
			if err := j.move(committed, reverting); err != nil {
				t.Fatal(err)
			}
		}
		if missing, err := j.RecoverMounted(); err != nil || len(missing) != 0 {
			t.Fatalf("%s: with all mounted: %v, %v", state, missing, err)
		}
		if _, _, err := j.Recover(); err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		wantFile(t, filepath.Join(root, "here"), here)
		wantFile(t, filepath.Join(root, "late"), here)
	}
}

// TestUsrIsNewerThanItsStamps: whatever changes below /usr, forward or back,
// systemd looks at /usr again at the next boot, also where the stamps come from
// a clock that was ahead (ConditionNeedsUpdate in systemd.unit(5)).
func TestUsrIsNewerThanItsStamps(t *testing.T) {
	root, next := scratch(t), scratch(t)
	for _, dir := range []string{root, next} {
		for _, name := range []string{"usr/share", "etc", "var"} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(dir, "etc/f"), "of "+dir)
	}
	write(t, filepath.Join(next, "usr/share/new"), "new")
	ahead := time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	s := scene{root: root, set: edge(t, root, next, 1)}
	stamp := filepath.Join(root, "var/.updated")
	write(t, stamp, "")
	if err := setMTime(stamp, ahead); err != nil {
		t.Fatal(err)
	}
	last := ahead
	for _, inverse := range []bool{false, true} {
		j := Journal{Root: root}
		if err := finish(t, j, s.tx(t, inverse)); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		now := mustNode(t, filepath.Join(root, "usr")).MTime
		if now <= last {
			t.Errorf("/usr is of %d, not newer than %d", now, last)
		}
		last = now
	}
}

func setMTime(path string, ns int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(ns)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW)
}

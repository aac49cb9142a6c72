package commit

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// chain is a root that went through generations, each with the picture of
// what it was, and the edges between those that are left.
type chain struct {
	root     string
	pictures []tree
	left     []int // generations that are left, oldest first
	edges    map[int]*changeset.Changeset
	at       int // index in left
}

// newChain takes a root through n random trees. Some of the edges set only
// metadata of some files.
func newChain(t *testing.T, rng *rand.Rand, n int) *chain {
	t.Helper()
	c := &chain{root: t.TempDir(), edges: map[int]*changeset.Changeset{}, left: []int{0}}
	grow(t, rng, c.root)
	c.pictures = append(c.pictures, picture(t, c.root, true))
	for i := 1; i < n; i++ {
		next := t.TempDir()
		grow(t, rng, next)
		set := edge(t, c.root, next, i)
		for k, e := range set.Entries {
			if node.IsLeaf(e.Before) && node.IsLeaf(e.After) && e.Before.Mode&node.FileType == e.After.Mode&node.FileType && rng.Intn(2) == 0 {
				set.Entries[k].Slot = ""
				set.Entries[k].After = e.Before.With(e.After.Attr)
				if err := os.Remove(filepath.Join(c.root, node.AreaName, e.Slot)); err != nil {
					t.Fatal(err)
				}
			}
		}
		b := transaction.NewBuilder(c.root, "t", nil)
		b.Forward(set, true)
		run(t, Journal{Root: c.root}, b)
		c.edges[i], c.left, c.at = set, append(c.left, i), i
		c.pictures = append(c.pictures, picture(t, c.root, true))
	}
	return c
}

// jump goes to the generation left[to], and looks whether it is that.
func (c *chain) jump(t *testing.T, to int, what string) {
	t.Helper()
	b := transaction.NewBuilder(c.root, "t", nil)
	for ; c.at > to; c.at-- {
		b.Inverse(c.edges[c.left[c.at]])
	}
	for ; c.at < to; c.at++ {
		b.Forward(c.edges[c.left[c.at+1]], false)
	}
	result := map[string]string{}
	for path, at := range b.Result() {
		result[path] = content(at)
	}
	run(t, Journal{Root: c.root}, b)
	for path, was := range result {
		if is := content(filepath.Join(c.root, path)); is != was {
			t.Errorf("%s: the result for %s was %q, and it is %q", what, path, was, is)
		}
	}
	if d := c.pictures[c.left[to]].diff(picture(t, c.root, true)); d != "" {
		t.Fatalf("%s: generation %d is\n%s", what, c.left[to], d)
	}
}

// content is what a test can tell a file by.
func content(path string) string {
	fi, err := os.Lstat(path)
	switch {
	case path == "" || err != nil || fi.IsDir():
		return "no file"
	case !fi.Mode().IsRegular():
		return fi.Mode().Type().String()
	}
	b, err := os.ReadFile(path)
	return fmt.Sprint(string(b), err)
}

// drop takes the generation left[i] away, one that is not current, and
// deletes every slot that no edge names any more.
func (c *chain) drop(t *testing.T, i int) {
	t.Helper()
	gone := c.left[i]
	if i > 0 && i+1 < len(c.left) {
		next := c.left[i+1]
		joined, mends, err := c.edges[gone].Then(c.edges[next], i < c.at)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, m := range mends {
				if err := m.Run(c.root); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.edges[next] = joined
	} else if i == 0 {
		delete(c.edges, c.left[1])
	}
	delete(c.edges, gone)
	c.left = slices.Delete(c.left, i, i+1)
	if i < c.at {
		c.at--
	}
	named := map[string]bool{}
	for _, set := range c.edges {
		for _, e := range set.Entries {
			named[e.Slot] = true
		}
	}
	slots, err := filepath.Glob(filepath.Join(c.root, node.AreaName, "gen/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slots {
		rel, err := filepath.Rel(filepath.Join(c.root, node.AreaName), s)
		if err != nil {
			t.Fatal(err)
		}
		if !named[rel] {
			if err := os.RemoveAll(s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whichever generations are taken away, wherever the root stands, every way
// between those that remain leads to exactly what they were.
func TestComposedEdgesAreExact(t *testing.T) {
	for seed := range rounds(6) {
		rng := rand.New(rand.NewSource(seed))
		c := newChain(t, rng, 10)
		what := fmt.Sprintf("seed %d", seed)
		for len(c.left) > 2 {
			for range 2 {
				c.jump(t, rng.Intn(len(c.left)), what)
			}
			i := rng.Intn(len(c.left))
			if i == c.at {
				continue
			}
			what += fmt.Sprintf(", at %d without %d", c.left[c.at], c.left[i])
			c.drop(t, i)
			c.jump(t, rng.Intn(len(c.left)), what)
			c.jump(t, 0, what)
			c.jump(t, len(c.left)-1, what)
		}
	}
}

func TestEdgesOverOtherFileSystemsAreNotComposed(t *testing.T) {
	s := newScene(t, 1)
	other := *s.set
	other.Mounts = []changeset.Mount{{Point: "/", FSID: "fsid:elsewhere"}}
	if _, _, err := other.Then(s.set, true); err == nil {
		t.Error("two file systems on one mount point were composed")
	}
}

// A file of which one edge sets the mode and the other the bytes can still be
// made again from its digest on either side.
func TestComposedEntriesKeepDigests(t *testing.T) {
	entry := func(slot string, before, after *node.Node) *changeset.Changeset {
		return &changeset.Changeset{Mounts: []changeset.Mount{{Point: "/"}}, Entries: []changeset.Entry{{Path: "/f", Class: node.Config, Slot: slot, Before: before, After: after}}}
	}
	of := func(mode uint32, digest string) *node.Node {
		return &node.Node{Attr: node.Attr{Mode: mode}, Ino: 1, Digest: digest}
	}
	for _, c := range []struct{ first, second *changeset.Changeset }{
		{entry("", of(1, ""), of(2, "")), entry("s", of(2, "old"), of(2, "new"))},
		{entry("s", of(1, "old"), of(1, "new")), entry("", of(1, ""), of(2, ""))},
	} {
		for _, applied := range []bool{true, false} {
			joined, _, err := c.first.Then(c.second, applied)
			if err != nil {
				t.Fatal(err)
			}
			e := joined.Entries[0]
			if e.Slot != "s" || e.Before.Digest != "old" || e.Before.Mode != 1 || e.After.Digest != "new" || e.After.Mode != 2 {
				t.Errorf("applied %v: slot %q, %+v to %+v", applied, e.Slot, e.Before, e.After)
			}
		}
	}
}

// What stands in for a node that a record names stays known, also where it was
// made again in its turn, and the rest is forgotten.
func TestStandInsThatNothingNamesAreForgotten(t *testing.T) {
	known := []node.StandIn{{Ino: 2, For: 1}, {Ino: 3, For: 2}, {Ino: 12, For: 11}, {Ino: 13, For: 12}}
	left := node.StillMeant(known, map[uint64]bool{1: true, 13: true})
	if !slices.Equal(left, known[:2]) {
		t.Errorf("%v are left", left)
	}
}

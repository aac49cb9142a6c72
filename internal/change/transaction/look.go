package transaction

import (
	"path/filepath"
	"slices"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// found is what ReadNode said.
type found struct {
	node *node.Node
	err  error
}

// readAhead reads all nodes that an edge is about, on every processor: most of
// building is waiting for the kernel to find them. Nothing moves until it is built.
func (b *Builder) readAhead(c *changeset.Changeset, waiting func(changeset.Entry) *node.Node) {
	var live, slots []string
	for _, e := range c.Entries {
		if e.Class == node.State && !b.fresh {
			continue
		}
		if _, known := b.now[e.Path]; !known {
			live = append(live, e.Path)
		}
		if e.Slot != "" && waiting(e) != nil {
			slots = append(slots, b.slot(c, e))
		}
	}
	if b.open(); b.tree == nil {
		return
	}
	all := make([]found, len(live)+len(slots))
	err := system.Share(len(all), func(i int) error {
		if i < len(live) {
			all[i].node, all[i].err = node.ReadIn(b.tree, live[i])
		} else {
			all[i].node, all[i].err = node.Read(slots[i-len(live)])
		}
		return nil // who asks for the node is told
	})
	if err != nil {
		b.fail(err)
	}
	b.ahead, b.aheadSlots = make(map[string]found, len(live)), make(map[string]found, len(slots))
	for i, path := range live {
		b.ahead[path] = all[i]
	}
	for i, slot := range slots {
		b.aheadSlots[slot] = all[len(live)+i]
	}
}

// open holds the root open to read what is live.
func (b *Builder) open() {
	if b.tree != nil {
		return
	}
	var err error
	if b.tree, err = system.OpenTree(b.root); err != nil {
		b.fail(err)
	}
}

// read is ReadNode of a slot, with what the node stands for.
func (b *Builder) read(slot string) (*node.Node, error) {
	f, ok := b.aheadSlots[slot]
	if !ok {
		f.node, f.err = node.Read(slot)
	}
	return b.standing(f.node), f.err
}

// readLive is read for what is live at a path.
func (b *Builder) readLive(path string) (*node.Node, error) {
	f, ok := b.ahead[path]
	if !ok {
		if b.open(); b.tree == nil {
			return nil, b.Err()
		}
		f.node, f.err = node.ReadIn(b.tree, path)
	}
	return b.standing(f.node), f.err
}

// standing adds to a node what it stands for.
func (b *Builder) standing(n *node.Node) *node.Node {
	if n == nil {
		return nil
	}
	ino := n.Ino
	for _, s := range slices.Backward(b.standIns) {
		if s.Ino == ino && s.Size == n.Size && s.MTime == n.MTime {
			n.StandsFor = append(n.StandsFor, s.For)
			ino = s.For
		}
	}
	return n
}

// live is what path will hold after the steps so far.
func (b *Builder) live(path string) *node.Node {
	if n, ok := b.now[path]; ok {
		return n
	}
	n, err := b.readLive(path)
	if err != nil {
		b.fail(err)
	}
	b.now[path] = n
	return n
}

// reached reports whether the folder of a path is there, once the steps so far
// are done.
func (b *Builder) reached(path string) bool {
	dir := filepath.Dir(path)
	if n, known := b.now[dir]; known {
		return n.IsDir()
	}
	b.open()
	return b.tree != nil && b.tree.At(path, func(system.Spot) error { return nil }) == nil
}

// leaves says of a path on the way between recorded generations that it stays as
// it is, where another than root can have brought that about: nobody may keep a
// machine from going back.
func (b *Builder) leaves(path string) bool {
	if b.fresh || b.tree == nil {
		return false
	}
	sole, err := b.tree.Sole(filepath.Dir(path))
	if sole || err != nil && !node.IsForeign(err) {
		return false
	}
	b.tx.Left = append(b.tx.Left, path)
	b.now[path] = nil
	return true
}

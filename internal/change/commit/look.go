package commit

import (
	"path/filepath"
	"slices"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// found is what ReadNode said.
type found struct {
	node *Node
	err  error
}

// readAhead reads all nodes that an edge is about, on every processor: most of
// building is waiting for the kernel to find them. Nothing moves until it is built.
func (b *Builder) readAhead(c *Changeset, waiting func(Entry) *Node) {
	var live, slots []string
	for _, e := range c.Entries {
		if e.Class == State && !b.fresh {
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
			all[i].node, all[i].err = NodeIn(b.tree, live[i])
		} else {
			all[i].node, all[i].err = ReadNode(slots[i-len(live)])
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
func (b *Builder) read(slot string) (*Node, error) {
	f, ok := b.aheadSlots[slot]
	if !ok {
		f.node, f.err = ReadNode(slot)
	}
	return b.standing(f.node), f.err
}

// readLive is read for what is live at a path.
func (b *Builder) readLive(path string) (*Node, error) {
	f, ok := b.ahead[path]
	if !ok {
		if b.open(); b.tree == nil {
			return nil, b.Err()
		}
		f.node, f.err = NodeIn(b.tree, path)
	}
	return b.standing(f.node), f.err
}

// standing adds to a node what it stands for.
func (b *Builder) standing(n *Node) *Node {
	if n == nil {
		return nil
	}
	ino := n.Ino
	for _, s := range slices.Backward(b.standIns) {
		if s.Ino == ino && s.Size == n.Size && s.MTime == n.MTime {
			n.standsFor = append(n.standsFor, s.For)
			ino = s.For
		}
	}
	return n
}

// live is what path will hold after the steps so far.
func (b *Builder) live(path string) *Node {
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
	if sole || err != nil && !foreign(err) {
		return false
	}
	b.tx.Left = append(b.tx.Left, path)
	b.now[path] = nil
	return true
}

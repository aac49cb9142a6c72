package transaction

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Builder collects the steps that lead from one generation to another, edge
// by edge, and knows what each path will hold after the steps so far.
type Builder struct {
	root       string
	tree       *system.Tree // of the root, while it is read
	contents   func(digest string) ([]byte, error)
	tx         *Tx
	now        map[string]*node.Node // paths that earlier steps determine
	folders    map[string]*node.Attr // times to set last
	copyOf     map[string]int        // the step of a path that is changed by copies
	made       map[string]int        // the step that makes a folder, as long as it is the last of its path
	areas      map[string]string
	ahead      map[string]found // live nodes that were read before they are asked for
	aheadSlots map[string]found // and those of slots, by where these are
	standIns   []node.StandIn
	spares     int
	fresh      bool // this edge was staged just now
	problem    []error
}

// NewBuilder starts a transaction on a root. id names its private slots;
// contents gives the bytes of config files by digest, for those whose saved
// node was lost to an edit by hand.
func NewBuilder(root, id string, contents func(digest string) ([]byte, error)) *Builder {
	return &Builder{
		root: root, contents: contents, now: map[string]*node.Node{}, folders: map[string]*node.Attr{},
		copyOf: map[string]int{}, made: map[string]int{}, areas: map[string]string{},
		tx: &Tx{ID: id},
	}
}

// StandIns tells which nodes stand for others that are gone, the oldest
// first.
func (b *Builder) StandIns(known []node.StandIn) { b.standIns = known }

// slot is where the node of an entry waits.
func (b *Builder) slot(c *changeset.Changeset, e changeset.Entry) string {
	return filepath.Join(b.area(c.Mounts[e.FS].Point), e.Slot)
}

// Forward adds the edge from c's parent to c. Fresh says that the edge has
// never been applied, so that its state paths are created.
//
// A path that is not as the stage found it makes a fresh edge impossible: the
// stage was built on something that is no longer true.
func (b *Builder) Forward(c *changeset.Changeset, fresh bool) {
	b.fresh = fresh
	fs := b.mounts(c)
	b.readAhead(c, func(e changeset.Entry) *node.Node { return e.After })
	for _, e := range c.Order() {
		if e.Class == node.State && !fresh {
			continue
		}
		b.entry(c, e, fs[e.FS], e.Before, e.After)
	}
	b.ahead, b.aheadSlots = nil, nil
	b.times(c, func(f changeset.FolderTime) int64 { return f.After })
}

// Inverse adds the way back from c to its parent. State paths stay.
func (b *Builder) Inverse(c *changeset.Changeset) {
	b.fresh = false
	fs := b.mounts(c)
	b.readAhead(c, func(e changeset.Entry) *node.Node { return e.Before })
	entries := c.Order()
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.Class != node.State {
			b.entry(c, e, fs[e.FS], e.After, e.Before)
		}
	}
	b.ahead, b.aheadSlots = nil, nil
	b.times(c, func(f changeset.FolderTime) int64 { return f.Before })
}

// times gives folders the time that they have on one side of c. Those that
// are state have one of their own once they are there.
func (b *Builder) times(c *changeset.Changeset, side func(changeset.FolderTime) int64) {
	state := map[string]bool{}
	for _, e := range c.Entries {
		state[e.Path] = e.Class == node.State && !b.fresh
	}
	for _, f := range c.Folders {
		if !state[f.Path] {
			b.folders[f.Path] = &node.Attr{MTime: side(f)}
		}
	}
}

// mounts maps the changeset's mounts to the transaction's, those on which it
// has something to do. What else was mounted that day need not be there again.
func (b *Builder) mounts(c *changeset.Changeset) []int {
	used := map[int]bool{}
	for _, e := range c.Entries {
		if e.Class != node.State || b.fresh {
			used[e.FS] = true
		}
	}
	out := make([]int, len(c.Mounts))
	for i, m := range c.Mounts {
		if used[i] {
			out[i] = b.mount(m)
		}
	}
	return out
}

func (b *Builder) mount(m changeset.Mount) int {
	if err := node.CheckFS(filepath.Join(b.root, m.Point), m.FSID); err != nil {
		b.fail(err)
	}
	for i, have := range b.tx.Mounts {
		if have.Point == m.Point {
			return i
		}
	}
	b.tx.Mounts = append(b.tx.Mounts, m)
	return len(b.tx.Mounts) - 1
}

func (b *Builder) fail(err error) { b.problem = append(b.problem, err) }

func (b *Builder) add(s Step, then *node.Node) {
	delete(b.made, s.Path)
	if s.Do == Mkdir {
		b.made[s.Path] = len(b.tx.Steps)
	}
	b.tx.Steps = append(b.tx.Steps, s)
	b.now[s.Path] = then
}

// entry adds what takes path from one node to the other. Where the live node
// is neither, somebody else put it there: it is kept aside.
func (b *Builder) entry(c *changeset.Changeset, e changeset.Entry, fs int, from, to *node.Node) {
	if c.Mounts[e.FS].Copies {
		b.copies(c, e, fs, from, to)
		return
	}
	if !b.fresh && !b.reached(e.Path) && b.leaves(e.Path) {
		return
	}
	live := b.live(e.Path)
	if b.fresh && !from.Same(live) {
		b.fail(fmt.Errorf("cannot change %s: it changed while the stage was built; run the command again", e.Path))
		return
	}
	switch {
	case e.Slot != "":
		b.exchange(c, e, fs, from, to, live)
	case from == nil && to.IsDir():
		if live == nil {
			b.add(Step{Do: Mkdir, Path: e.Path, FS: fs, Slot: b.spare(), To: &to.Attr, From: &to.Attr}, to)
		} else {
			b.attr(e.Path, fs, live, to)
		}
	case to == nil && from.IsDir():
		if live.IsDir() {
			b.add(Step{Do: Rmdir, Path: e.Path, FS: fs, Slot: b.spare(), From: &live.Attr, To: &live.Attr}, nil)
		}
	case from != nil && to != nil:
		b.attr(e.Path, fs, live, to)
	default:
		b.fail(fmt.Errorf("internal error: entry %s of generation %d has no slot", e.Path, c.Generation))
	}
}

// spare names the slot of an empty folder: that which a step puts in place, or
// which takes the place again of one that a step removed.
func (b *Builder) spare() string {
	b.spares++
	return filepath.Join(b.tx.Private(), "d"+strconv.Itoa(b.spares))
}

func (b *Builder) attr(path string, fs int, live, to *node.Node) {
	if live == nil || live.Mode&node.FileType != to.Mode&node.FileType {
		return // gone, or another thing altogether: there is nothing to set it on
	}
	then := *live
	mtime := then.MTime
	then.Attr = to.Attr
	if live.IsDir() {
		then.MTime = mtime // folder times are set last
	}
	want := then.Attr
	if i, ok := b.made[path]; ok { // it is made as it shall be
		b.tx.Steps[i].From, b.tx.Steps[i].To = &want, &want
		b.now[path] = &then
		return
	}
	b.add(Step{Do: Meta, Path: path, FS: fs, In: live.Ino, Out: live.Ino, From: &live.Attr, To: &want}, &then)
}

func (b *Builder) exchange(c *changeset.Changeset, e changeset.Entry, fs int, from, to, live *node.Node) {
	step := Step{Do: Swap, Path: e.Path, FS: fs, Slot: e.Slot}
	if to != nil {
		waiting, err := b.read(b.slot(c, e))
		if err != nil {
			b.fail(err)
			return
		}
		if waiting == nil && !b.fresh {
			if to.Itself(live) { // put there by a way that others had undone
				return
			}
			waiting, err = b.recall(c, e, to)
		}
		if err == nil && waiting == nil && to.Digest != "" {
			waiting, err = b.remake(c, e, to)
		}
		if err != nil {
			b.fail(err)
			return
		}
		if waiting == nil || !to.Same(waiting) {
			if b.leaves(e.Path) {
				return
			}
			b.fail(fmt.Errorf("cannot bring back %s as generation %d had it: its saved node is gone or was altered", e.Path, c.Generation))
			return
		}
		step.In, step.InDir = waiting.Ino, waiting.IsDir()
		to = waiting
	}
	if live != nil {
		step.Out, step.OutDir = live.Ino, live.IsDir()
		if !live.IsDir() {
			step.Was = &Stamp{live.Size, live.MTime}
		}
	}
	if !step.Comes() && !step.Goes() {
		return
	}
	if live.IsDir() && (from == nil || !from.IsDir()) {
		if b.leaves(e.Path) {
			return
		}
		b.fail(fmt.Errorf("cannot change %s: a folder stands there now, made by somebody else; move it away", e.Path))
		return
	}
	b.add(step, to)
	if live != nil && !from.Same(live) {
		b.tx.Drift = append(b.tx.Drift, e.Path)
		b.tx.Steps = append(b.tx.Steps, Step{
			Do: Keep, Path: e.Path, FS: fs, Slot: e.Slot,
			Dest: filepath.Join("aside", b.tx.ID, e.Path), In: live.Ino,
		})
	}
}

// remake writes a config file into its slot again, as the generation had it.
func (b *Builder) remake(c *changeset.Changeset, e changeset.Entry, n *node.Node) (*node.Node, error) {
	data, err := b.contents(n.Digest)
	if err != nil {
		return nil, fmt.Errorf("cannot bring back %s as generation %d had it: %w", e.Path, c.Generation, err)
	}
	slot := b.slot(c, e)
	if err := os.WriteFile(slot, data, 0o600); err != nil {
		return nil, err
	}
	if err := node.SetAttr(slot, n.Attr); err != nil {
		return nil, err
	}
	return node.Read(slot)
}

// Place adds the exchange of a node that the caller made at slot (below the
// area of the root file system) with the live path. The node that comes out
// is not kept: the caller can compute it again.
func (b *Builder) Place(m changeset.Mount, path, slot string) {
	fs := b.mount(m)
	fresh, err := node.Read(filepath.Join(b.area(m.Point), slot))
	if err != nil || fresh == nil {
		b.fail(errors.Join(fmt.Errorf("cannot place %s: its node is not at %s", path, slot), err))
		return
	}
	step := Step{Do: Swap, Path: path, FS: fs, Slot: slot, In: fresh.Ino}
	if live := b.live(path); live != nil {
		step.Out = live.Ino
	}
	b.add(step, fresh)
	// Names do not change by this, so that neither shall the folder's time.
	if dir := filepath.Dir(path); b.folders[dir] == nil {
		live, err := b.readLive(dir)
		if err != nil || live == nil {
			b.fail(errors.Join(fmt.Errorf("cannot place %s: its folder is gone", path), err))
			return
		}
		b.folders[dir] = &node.Attr{MTime: live.MTime}
	}
	b.tx.Steps = append(b.tx.Steps, Step{Do: unlink, Path: path, FS: fs, Slot: slot})
}

// Result says which file will stand at the paths whose node a step replaces:
// where it is now, or "" where there will be none.
func (b *Builder) Result() map[string]string {
	out := map[string]string{}
	for _, s := range b.tx.Steps {
		switch {
		case s.Do == Swap && s.In != 0:
			out[s.Path] = filepath.Join(b.area(b.tx.Mounts[s.FS].Point), s.Slot)
		case s.Do == Swap, s.Do == Mkdir, s.Do == Rmdir:
			out[s.Path] = ""
		}
	}
	return out
}

// Touched is Tx.Touched of the steps so far.
func (b *Builder) Touched() []string { return b.tx.Touched() }

// Gone is Tx.Gone of the steps so far.
func (b *Builder) Gone() []string { return b.tx.Gone() }

// Err is every reason against the steps so far.
func (b *Builder) Err() error { return JoinSome(b.problem) }

// Tx closes the transaction: cleaning steps go last, and folder times after
// everything that changes them. Every reason against it is in the error.
func (b *Builder) Tx() (*Tx, error) {
	defer func() {
		if b.tree != nil {
			b.tree.Close()
			b.tree = nil
		}
	}()
	if err := b.Err(); err != nil {
		return nil, err
	}
	var steps, late []Step
	clean := b.tx.Clean
	needed := b.folderless()
	for i, s := range b.tx.Steps {
		switch {
		case s.Do == Copies && s.New.Alike(s.Old):
		case s.Do == Keep || s.Do == unlink:
			clean = append(clean, s)
		case s.Do == Rmdir && !needed[i]:
			late = append(late, Step{Do: Prune, Path: s.Path, FS: s.FS})
		default:
			steps = append(steps, s)
		}
	}
	b.tx.Steps, b.tx.Clean = steps, clean
	if len(steps)+len(late) == 0 {
		return b.tx, nil // nothing changes that would change a folder's time
	}
	// Deepest first, so that those of one depth can go at once.
	slices.SortStableFunc(late, func(x, y Step) int { return Depth(y.Path) - Depth(x.Path) })
	err := b.folderTimes()
	b.tx.Clean = append(append(b.tx.Clean, late...), b.timesAfter(late)...)
	return b.tx, err
}

// folderless are the steps that take a folder away which a later step cannot
// have there: another node takes its place, or that of a folder above it. All
// others can wait until the transaction is durable: nobody misses an empty
// folder less, and what was never taken away needs no room to come back.
func (b *Builder) folderless() map[int]bool {
	needed, placed := map[int]bool{}, map[string]bool{}
	for i := len(b.tx.Steps) - 1; i >= 0; i-- {
		s := b.tx.Steps[i]
		if s.Do != Rmdir {
			placed[s.Path] = placed[s.Path] || s.Do != Meta
			continue
		}
		for dir := s.Path; dir != "/" && !needed[i]; dir = filepath.Dir(dir) {
			needed[i] = placed[dir]
		}
		placed[s.Path] = needed[i]
	}
	return needed
}

// timesAfter gives those folders their times again that lose one late.
func (b *Builder) timesAfter(late []Step) []Step {
	gone, done := map[string]bool{}, map[string]bool{}
	for _, s := range late {
		gone[s.Path] = true
	}
	var out []Step
	for _, s := range late {
		dir := filepath.Dir(s.Path)
		if at := b.folders[dir]; at != nil && !gone[dir] && !done[dir] {
			done[dir] = true
			out = append(out, Step{Do: Mtime, Path: dir, To: at, From: at})
		}
	}
	return out
}

// folderTimes adds the steps that give folders their times, deepest first.
func (b *Builder) folderTimes() error {
	if err := b.usr(); err != nil {
		return err
	}
	paths := slices.Collect(maps.Keys(b.folders))
	sort.Slice(paths, func(i, j int) bool {
		return cmp.Or(Depth(paths[j])-Depth(paths[i]), strings.Compare(paths[i], paths[j])) < 0
	})
	placed := map[string]bool{}
	for _, s := range b.tx.Steps {
		placed[s.Path] = placed[s.Path] || s.Do != Meta
	}
	for _, p := range paths {
		live, err := b.readLive(p)
		if err != nil {
			return err
		}
		step := Step{Do: Mtime, Path: p, To: b.folders[p], From: b.folders[p]}
		if live != nil {
			step.From = &live.Attr
			if !placed[p] {
				step.In, step.Out = live.Ino, live.Ino
			}
		}
		b.tx.Steps = append(b.tx.Steps, step)
	}
	return nil
}

// usr makes /usr newer than the stamps of systemd-update-done.service(8) when
// anything below it changes, in either direction: what systemd makes from
// /usr (accounts, catalog, hardware database) is then looked at again at the
// next boot, ConditionNeedsUpdate in systemd.unit(5). Renames alone would
// leave that to chance (engine rule 25). The time is counted from the
// stamps, since a clock may have been wrong (engine rule 28).
func (b *Builder) usr() error {
	below := func(s Step) bool { return s.Do != Meta && strings.HasPrefix(s.Path, "/usr/") }
	if !slices.ContainsFunc(b.tx.Steps, below) {
		return nil
	}
	newest := int64(0)
	for i, path := range []string{"/usr", "/etc/.updated", "/var/.updated"} {
		n, err := b.readLive(path)
		if err != nil {
			return err
		}
		if n == nil && i == 0 {
			return nil
		}
		if n != nil {
			newest = max(newest, n.MTime)
		}
	}
	b.folders["/usr"] = &node.Attr{MTime: newest + int64(time.Second)}
	return nil
}

func (b *Builder) area(point string) string {
	if known, ok := b.areas[point]; ok {
		return known
	}
	b.areas[point] = node.In(b.root, point)
	return b.areas[point]
}

// Depth is how far below the root a path is.
func Depth(path string) int { return strings.Count(path, "/") }

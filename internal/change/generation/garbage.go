package generation

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/spec"
)

// Garbage is what no generation needs: slots, stored contents, and what was
// kept aside under generations that are gone.
type Garbage struct {
	Paths []string
	Bytes map[string]int64 // that deleting them frees, by mount point below the root
	Named map[uint64]bool  // inodes that records name which stay
}

// Remove deletes it. A part that is left after a crash is garbage again.
func (g *Garbage) Remove() error {
	var errs []error
	for _, p := range g.Paths {
		errs = append(errs, os.RemoveAll(p))
	}
	return errors.Join(errs...)
}

// Garbage finds what nobody needs on those mount points, given what a Prune
// leaves; nil is the records as they are.
func (s Store) Garbage(p *Prune, points []string) (*Garbage, error) {
	var gone []int
	if p == nil {
		var err error
		if p, _, err = s.PlanPrune(0, nil); err != nil {
			return nil, err
		}
	}
	gone = p.Gone
	u, err := s.usedBy(p)
	if err != nil {
		return nil, err
	}
	g := &Garbage{Bytes: map[string]int64{}}
	g.Named = u.inodes
	count := counter{links: map[inode]uint64{}}
	drop := func(path string) error {
		g.Paths = append(g.Paths, path)
		bytes, err := count.tree(path)
		if bytes > 0 {
			g.Bytes[s.mountOf(path, points)] += bytes
		}
		return err
	}
	for _, point := range points {
		if err := s.areaGarbage(node.In(s.Root, point), u, drop); err != nil {
			return nil, err
		}
	}
	if err := children(s.path("objects"), func(name string) error {
		if u.objects[name] {
			return nil
		}
		return drop(s.path("objects", name))
	}); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(s.Root, BuildPath)); err == nil && p.Build {
		if err := drop(filepath.Join(s.Root, BuildPath)); err != nil {
			return nil, err
		}
	}
	for _, n := range gone { // on record until the Prune is carried out
		bytes, err := count.tree(filepath.Join(s.Root, Path(n)))
		if err != nil {
			return nil, err
		}
		g.Bytes[s.mountOf(s.path(), points)] += bytes
	}
	return g, nil
}

// used is what records name.
type used struct {
	numbers map[int]bool
	slots   map[string]bool // "gen/N/SLOT"
	folders map[string]bool // that they are in, "gen/N" among them
	objects map[string]bool // by digest
	inodes  map[uint64]bool
}

// usedBy collects it from every record that stays, and from those that wait
// for their transaction.
func (s Store) usedBy(p *Prune) (*used, error) {
	u := &used{numbers: map[int]bool{}, slots: map[string]bool{}, folders: map[string]bool{}, objects: map[string]bool{}, inodes: map[uint64]bool{}}
	for n, r := range p.left {
		u.numbers[n] = true
		u.changeset(r.Changeset)
		u.host(r.Spec)
	}
	waiting, err := filepath.Glob(s.path("generations", ".[0-9]*", "changeset.json"))
	if err != nil {
		return nil, err
	}
	build := s.path(filepath.Base(BuildPath), "changeset.json")
	if _, err := os.Lstat(build); err == nil && !p.Build {
		waiting = append(waiting, build)
	}
	for _, f := range waiting {
		if err := u.record(filepath.Dir(f)); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// record adds what a record that waits for its transaction names.
func (u *used) record(dir string) error {
	set, err := os.ReadFile(filepath.Join(dir, "changeset.json"))
	if err != nil {
		return err
	}
	c, err := changeset.Read(set)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "spec.json"))
	if err != nil {
		return err
	}
	h, err := spec.ReadHost(b)
	if err != nil {
		return err
	}
	u.changeset(c)
	u.host(h)
	return nil
}

// host adds the contents that have to be there when its flake is not.
func (u *used) host(h *spec.Host) {
	for _, digest := range h.Stored() {
		u.objects[digest] = true
	}
}

// slot adds one, with the folders that it is in.
func (u *used) slot(path string) {
	u.slots[path] = true
	for dir := filepath.Dir(path); dir != "." && !u.folders[dir]; dir = filepath.Dir(dir) {
		u.folders[dir] = true
	}
}

func (u *used) changeset(c *changeset.Changeset) {
	u.folders["gen/"+strconv.Itoa(c.Generation)] = true
	for _, e := range c.Entries {
		if e.Slot != "" {
			u.slot(e.Slot)
		}
		for _, n := range []*node.Node{e.Before, e.After} {
			if n == nil {
				continue
			}
			u.inodes[n.Ino] = true
			if n.Digest != "" {
				u.objects[n.Digest] = true
			}
			if n.Copy != "" {
				u.slot(n.Copy)
			}
		}
	}
}

func (s Store) areaGarbage(area string, u *used, drop func(string) error) error {
	var folder func(rel string) error
	folder = func(rel string) error {
		return children(filepath.Join(area, rel), func(name string) error {
			switch path := filepath.Join(rel, name); {
			case u.slots[path]:
				return nil
			case u.folders[path]:
				return folder(path)
			default:
				return drop(filepath.Join(area, path))
			}
		})
	}
	if err := folder("gen"); err != nil {
		return err
	}
	return children(filepath.Join(area, "aside"), func(id string) error {
		number, _, _ := strings.Cut(id, "-")
		if n, err := strconv.Atoi(number); err != nil || u.numbers[n] {
			return nil
		}
		return drop(filepath.Join(area, "aside", id))
	})
}

// children calls visit with each name in a folder, if there is such a folder.
func children(dir string, visit func(name string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := visit(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// mountOf is the mount point, below the root, on which path lies.
func (s Store) mountOf(path string, points []string) string {
	best := "/"
	for _, p := range points {
		at := strings.TrimSuffix(filepath.Join(s.Root, p), "/")
		if strings.HasPrefix(path, at+"/") && len(p) > len(best) {
			best = p
		}
	}
	return best
}

// Size is how much room the other side of a generation's edge takes, by mount
// point below the root, and its record.
func (s Store) Size(r *Record, points []string) (map[string]int64, error) {
	out := map[string]int64{}
	count := counter{links: map[inode]uint64{}}
	add := func(path string) error {
		bytes, err := count.tree(path)
		if bytes > 0 {
			out[s.mountOf(path, points)] += bytes
		}
		return err
	}
	errs := []error{add(filepath.Join(s.Root, Path(r.Meta.Number)))}
	for _, e := range r.Changeset.Entries {
		if e.Slot != "" {
			errs = append(errs, add(node.In(s.Root, r.Changeset.Mounts[e.FS].Point, e.Slot)))
		}
		for _, n := range []*node.Node{e.Before, e.After} {
			if n != nil && n.Copy != "" {
				errs = append(errs, add(node.In(s.Root, "/", n.Copy)))
			}
		}
	}
	return out, errors.Join(errs...)
}

type inode struct{ dev, ino uint64 }

// counter adds up the blocks of trees. A file with several names counts when
// the last of them was seen, for only then deleting them frees it.
type counter struct{ links map[inode]uint64 }

func (c counter) tree(path string) (bytes int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if !d.IsDir() && st.Nlink > 1 {
			id := inode{st.Dev, st.Ino}
			if c.links[id]++; c.links[id] < uint64(st.Nlink) {
				return nil
			}
		}
		bytes += st.Blocks * 512
		return nil
	})
	return bytes, err
}

// Total adds up what is told by mount point.
func Total(bytes map[string]int64) int64 {
	var sum int64
	for _, n := range slices.Collect(maps.Values(bytes)) {
		sum += n
	}
	return sum
}

package absorb

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Request is everything that an edge is made of.
type Request struct {
	Root       system.Root
	Generation int // the number that the edge leads to
	Mounts     []changeset.Mount
	Area       string // of the generation's slots, below each mount's area
	Former     *Former
	Now        *inventory.Inventory
	// Deb is where the .deb of a package can be read, "" if nowhere.
	Deb func(name, version, arch string) string
	// Put stores the bytes of a config file by digest.
	Put func(data []byte) (string, error)
}

// Edge is what was done by hand.
type Edge struct {
	Changeset *changeset.Changeset
	StandIns  []node.StandIn
	Changes   []spec.Change // of packages
	Lost      []string      // packages of which some former content is nowhere any more
}

// builder collects an edge.
type builder struct {
	Request
	edge    Edge
	changed map[string]bool // packages, without architecture
	config  map[string]bool // conffiles, before or now
	sums    map[string]string
	folders map[string]bool
	wanted  map[string]map[string]int // package to path to entry, for what only a .deb has
	slots   int
}

// Make finds the edge and puts what was there before into its slots.
func Make(req Request) (*Edge, error) {
	b := &builder{
		Request: req, changed: map[string]bool{}, config: map[string]bool{}, sums: map[string]string{},
		folders: map[string]bool{}, wanted: map[string]map[string]int{},
	}
	b.edge.Changeset = changeset.New(req.Generation)
	b.edge.Changeset.Mounts = req.Mounts
	b.packages()
	if err := b.conffiles(); err != nil {
		return nil, err
	}
	for _, m := range req.Mounts {
		if err := errors.Join(node.MakeArea(string(req.Root), m.Point), os.MkdirAll(node.In(string(req.Root), m.Point, req.Area), 0o700)); err != nil {
			return nil, err
		}
	}
	for _, path := range b.paths() {
		if err := b.path(path); err != nil {
			return nil, fmt.Errorf("cannot take note of %s: %w", path, err)
		}
	}
	if err := b.fromDebs(); err != nil {
		return nil, err
	}
	b.folderTimes()
	set := b.edge.Changeset
	sort.Slice(set.Entries, func(i, j int) bool { return set.Entries[i].Path < set.Entries[j].Path })
	return &b.edge, nil
}

// packages compares dpkg's database then and now.
func (b *builder) packages() {
	was, is := b.Former.Inventory.Packages, b.Now.Packages
	names := slices.Sorted(maps.Keys(was))
	for name := range is {
		if _, known := was[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, now := was[name].Version, is[name].Version
		if before == now {
			continue
		}
		base, _, _ := strings.Cut(name, ":")
		b.changed[base] = true
		c := spec.Change{ID: spec.ID{Kind: spec.KindPackage, Name: name}, Fields: []spec.Field{{Name: "version", Before: before, After: now}}}
		switch {
		case before == "":
			c.Action = spec.Create
		case now == "":
			c.Action = spec.Delete
		case apt.Compare(before, now) < 0:
			c.Action = spec.Upgrade
		default:
			c.Action = spec.Downgrade
		}
		b.edge.Changes = append(b.edge.Changes, c)
	}
}

// conffiles reads which paths are conffiles and what the sums of changed
// packages were.
func (b *builder) conffiles() error {
	owned, err := apt.Owned(b.Root)
	if err != nil {
		return err
	}
	for path, conffile := range owned {
		if conffile {
			b.config[path] = true
		}
	}
	for path, data := range b.Former.Files {
		pkg, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), ":")
		if filepath.Dir(path) != "/var/lib/dpkg/info" || !b.changed[pkg] {
			continue
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSuffix(line, "\n")
			switch filepath.Ext(path) {
			case ".conffiles":
				b.config[line] = true
			case ".md5sums":
				if sum, file, ok := strings.Cut(line, "  "); ok {
					b.sums[apt.Canonical(b.Root, "/"+file)] = sum
				}
			}
		}
	}
	return nil
}

// paths are those that the edge may be about: files of packages that changed,
// what is kept about packages, and the links by which packages are enabled and
// chosen.
func (b *builder) paths() []string {
	registry := func(path string) bool {
		return strings.HasPrefix(path, "/var/lib/dpkg/") || path == "/var/lib/apt/extended_states" || strings.HasPrefix(path, "/var/cache/debconf/") ||
			strings.HasPrefix(path, "/var/lib/ucf/") || strings.HasPrefix(path, "/var/lib/pam/") || strings.HasPrefix(path, "/var/lib/systemd/deb-systemd-")
	}
	linked := func(path string, f inventory.File) bool {
		return strings.HasPrefix(f.Target, "/etc/alternatives/") || path == "/etc/ld.so.cache" || strings.HasPrefix(path, "/etc/alternatives/") ||
			strings.HasPrefix(path, "/etc/rc") && f.Target != "" || strings.HasPrefix(path, "/etc/systemd/") && (f.Target != "" || f.Mode&unix.S_IFMT == unix.S_IFDIR)
	}
	var out []string
	was, is := b.Former.Inventory.Files, b.Now.Files
	for path, f := range was {
		now, there := is[path]
		if b.changed[f.Package] || b.changed[now.Package] || (registry(path) || linked(path, f)) && !(there && sameFile(f, now)) {
			out = append(out, path)
		}
	}
	for path, f := range is {
		if _, known := was[path]; !known && (b.changed[f.Package] || registry(path) || linked(path, f)) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// sameFile says whether two readings are of one node that nobody touched.
func sameFile(a, b inventory.File) bool {
	return a.Ino == b.Ino && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size && a.Target == b.Target &&
		(a.MTime == b.MTime || isDir(a)) && maps.Equal(a.Xattrs, b.Xattrs)
}

func isDir(f inventory.File) bool   { return f.Mode&unix.S_IFMT == unix.S_IFDIR }
func regular(f inventory.File) bool { return f.Mode&unix.S_IFMT == unix.S_IFREG }

func (b *builder) path(path string) error {
	was, before := b.Former.Inventory.Files[path]
	is, there := b.Now.Files[path]
	if before && there && (sameFile(was, is) || isDir(was) && isDir(is)) {
		return nil
	}
	fs, ok := b.edge.Changeset.MountOf(path)
	if !ok {
		return fmt.Errorf("internal error: no mount has it")
	}
	e := changeset.Entry{Path: path, FS: fs, Class: node.Program}
	if b.config[path] {
		e.Class = node.Config
	}
	if there {
		var err error
		if e.After, err = node.Read(b.Root.Path(path)); err != nil {
			return err
		}
		if err := b.noteConfig(&e); err != nil {
			return err
		}
	}
	if before && !isDir(was) || there && !isDir(is) {
		b.slots++
		e.Slot = filepath.Join(b.Area, strconv.FormatInt(int64(b.slots), 36))
	}
	b.folders[filepath.Dir(path)] = true
	b.edge.Changeset.Entries = append(b.edge.Changeset.Entries, e)
	if !before {
		return nil
	}
	return b.revive(len(b.edge.Changeset.Entries)-1, path, was, is)
}

// noteConfig stores the bytes of a conffile: an edit takes the node itself.
func (b *builder) noteConfig(e *changeset.Entry) error {
	if e.Class != node.Config || e.After == nil || e.After.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	data, err := readRegular(b.Root.Path(e.Path))
	if err != nil {
		return err
	}
	e.After.Digest, err = b.Put(data)
	return err
}

func readRegular(path string) ([]byte, error) {
	f, err := system.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// folderTimes notes the times of folders in which names come and go.
func (b *builder) folderTimes() {
	for _, path := range slices.Sorted(maps.Keys(b.folders)) {
		was, before := b.Former.Inventory.Files[path]
		is, there := b.Now.Files[path]
		if before && there {
			b.edge.Changeset.Folders = append(b.edge.Changeset.Folders, changeset.FolderTime{Path: path, Before: was.MTime, After: is.MTime})
		}
	}
}

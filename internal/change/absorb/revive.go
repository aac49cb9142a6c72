package absorb

import (
	"archive/tar"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/spec"
)

// revive makes what was at a path before again in the slot of its entry, from
// what was kept or is the same still. What only a .deb can hold has to wait.
func (b *builder) revive(entry int, path string, was, is inventory.File) error {
	attr, err := attrOf(was)
	if err != nil {
		return err
	}
	e := &b.edge.Changeset.Entries[entry]
	e.Before = &node.Node{Attr: attr, Ino: was.Ino, Size: was.Size}
	if isDir(was) {
		if e.Slot == "" {
			return nil
		}
		return b.fill(entry, func(slot string) error { return os.Mkdir(slot, 0o700) })
	}
	if was.Target != "" {
		return b.fill(entry, func(slot string) error { return os.Symlink(was.Target, slot) })
	}
	data, kept := b.Former.Files[path]
	if kept && (was.Digest == "" || spec.Sum(data) == was.Digest) {
		return b.fill(entry, func(slot string) error { return os.WriteFile(slot, data, 0o600) })
	}
	if sum := b.sums[path]; sum != "" && regular(is) && is.Size == was.Size {
		if data, err := readRegular(b.Root.Path(path)); err == nil && sumOf(data) == sum {
			return b.fill(entry, func(slot string) error { return os.WriteFile(slot, data, 0o600) })
		}
	}
	if b.wanted[was.Package] == nil {
		b.wanted[was.Package] = map[string]int{}
	}
	b.wanted[was.Package][path] = entry
	return nil
}

func sumOf(data []byte) string {
	s := md5.Sum(data)
	return hex.EncodeToString(s[:])
}

func attrOf(f inventory.File) (node.Attr, error) {
	a := node.Attr{Mode: f.Mode, UID: f.UID, GID: f.GID, MTime: f.MTime}
	for name, value := range f.Xattrs {
		raw, err := hex.DecodeString(value)
		if err != nil {
			return a, err
		}
		if a.Xattrs == nil {
			a.Xattrs = map[string][]byte{}
		}
		a.Xattrs[name] = raw
	}
	return a, nil
}

// fill makes the node of an entry's slot with the metadata that it had. A node
// that is made again has another inode than records know it by.
func (b *builder) fill(entry int, create func(slot string) error) error {
	e := &b.edge.Changeset.Entries[entry]
	slot := node.In(string(b.Root), b.Mounts[e.FS].Point, e.Slot)
	if err := create(slot); err != nil {
		return err
	}
	if err := node.SetAttr(slot, e.Before.Attr); err != nil {
		return err
	}
	n, err := node.Read(slot)
	if err != nil {
		return err
	}
	former := e.Before.Ino
	e.Before = n
	if e.Class == node.Config && n.Mode&unix.S_IFMT == unix.S_IFREG {
		data, err := os.ReadFile(slot)
		if err != nil {
			return err
		}
		if n.Digest, err = b.Put(data); err != nil {
			return err
		}
	}
	b.edge.StandIns = append(b.edge.StandIns, node.StandIn{Ino: n.Ino, For: former, Size: n.Size, MTime: n.MTime})
	return nil
}

// fromDebs fills the slots of what packages brought. A package whose .deb is
// nowhere, or was of other contents, is lost.
func (b *builder) fromDebs() error {
	for name, paths := range b.wanted {
		for installed, p := range b.Former.Inventory.Packages {
			base, _, _ := strings.Cut(installed, ":")
			if deb := b.Deb(base, p.Version, p.Arch); base == name && deb != "" {
				if err := b.unpack(deb, paths); err != nil {
					return fmt.Errorf("cannot read what package %s held: %w", name, err)
				}
			}
		}
		if len(paths) > 0 {
			b.edge.Lost = append(b.edge.Lost, name)
		}
	}
	slices.Sort(b.edge.Lost)
	return nil
}

// unpack takes the wanted files out of a .deb, and those that it has from paths.
func (b *builder) unpack(deb string, paths map[string]int) error {
	return apt.EachFile(context.Background(), deb, func(h *tar.Header, content io.Reader) error {
		path := apt.Canonical(b.Root, "/"+strings.TrimPrefix(filepath.Clean(h.Name), "/"))
		entry, wanted := paths[path]
		if !wanted || h.Typeflag != tar.TypeReg {
			return nil
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if sum := b.sums[path]; sum != "" && sumOf(data) != sum || int64(len(data)) != b.Former.Inventory.Files[path].Size {
			return nil // it had been edited, and the edit is gone
		}
		if err := b.fill(entry, func(slot string) error { return os.WriteFile(slot, data, 0o600) }); err != nil {
			return err
		}
		delete(paths, path)
		return nil
	})
}

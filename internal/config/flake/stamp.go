package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// Stamp is what stat(2) says of all that an evaluation can have read: for each
// folder or file, by its path, a digest of it and what is in it. Nobody can set
// the time of a change (ctime), so that two equal stamps are of the same
// contents; but for what is written through a mapping, of which the times tell
// once (mmap(2)).
type Stamp map[string]string

// place is the folder that a path meant at some time.
type place struct{ dev, ino uint64 }

// placeOf is the zero place where there is none.
func placeOf(path string) place {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return place{}
	}
	return place{st.Dev, st.Ino}
}

// lately is the time in which a second change may not show in the times.
const lately = 2 * time.Second

// Stamp is that of the flake's folder, of the inputs which were opened and of
// what else the evaluation hung on, for one that began at a time. It is nil where
// something in them has been changed since, or just before, where a path means
// another folder by now, and where stat(2) does not tell all.
func (f *Flake) Stamp(began time.Time, also ...string) Stamp {
	out := Stamp{}
	for path, was := range f.opened() {
		if placeOf(path) != was {
			return nil
		}
		also = append(also, path)
	}
	for _, path := range also {
		digest, newest, err := stampOf(path)
		if err != nil || newest.Add(lately).After(began) {
			return nil
		}
		out[path] = digest
	}
	return out
}

// Holds says whether all of it is as it was.
func (s Stamp) Holds() bool {
	for path := range s {
		if digest, _, err := stampOf(path); err != nil || digest != s[path] {
			return false
		}
	}
	return len(s) > 0
}

// opened are the folders that the flake and its inputs have been read from.
func (f *Flake) opened() map[string]place {
	out := map[string]place{}
	f.addOpened(out)
	return out
}

func (f *Flake) addOpened(to map[string]place) {
	if f.via == nil {
		to[f.Dir] = f.place
	}
	for _, d := range f.inputs {
		if d.in.owner != f { // it is followed, perhaps by an input of its own
			continue
		}
		if d.in.tree != "" {
			to[d.in.tree] = d.in.place
		}
		if d.in.flake != nil {
			d.in.flake.addOpened(to)
		}
	}
}

// errUntold is of a tree of which stat(2) does not tell all.
var errUntold = errors.New("its contents can change unseen")

// stampOf is of a folder or a file. Where a link leads out of the folder counts
// for nothing: nothing is read through it.
func stampOf(path string) (digest string, newest time.Time, err error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", newest, err
	}
	sum := sha256.New()
	add := func(p string, st *unix.Stat_t) {
		fmt.Fprintf(sum, "%q %d %d %o %d %d %d\n", p, st.Dev, st.Ino, st.Mode, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
		if changed := time.Unix(st.Ctim.Unix()); changed.After(newest) {
			newest = changed
		}
	}
	var st unix.Stat_t
	if err := unix.Lstat(root, &st); err != nil {
		return "", newest, err
	}
	if !told(root) {
		return "", newest, errUntold
	}
	device := st.Dev
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		add(root, &st)
		return hex.EncodeToString(sum.Sum(nil)), newest, nil
	}
	err = tree.Walk(root, func(e *tree.Entry) error {
		p := filepath.Join(root, e.Name)
		if e.Stat.Dev != device && !told(p) {
			return errUntold
		}
		device = e.Stat.Dev
		add(p, &e.Stat)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), newest, err
}

// told says whether a path is on a file system whose times this machine keeps:
// those of others are asked for again after a while only (nfs(5), acregmin).
func told(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && slices.Contains([]int64{
		unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, zfsMagic,
	}, int64(st.Type))
}

const zfsMagic = 0x2fc12fc1 // of OpenZFS; the kernel's headers have none

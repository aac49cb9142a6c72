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

// Stamp is the result of stat(2) for everything that an evaluation may have read:
// for each folder or file, by its path, a digest of it and its contents. Nobody can
// set the time of a change (ctime), so equal stamps mean equal contents, except for
// writes through a mapping, which update the times only once (mmap(2)).
type Stamp map[string]string

// place is the folder that a path led to at some time.
type place struct{ dev, ino uint64 }

// placeOf is the zero place if there is none.
func placeOf(path string) place {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return place{}
	}
	return place{st.Dev, st.Ino}
}

// lately is the time within which a second change may not show in the times.
const lately = 2 * time.Second

// Stamp covers the flake's folder, the opened inputs and what else the evaluation
// depended on, for an evaluation that began at the given time. It is nil if
// something in them changed since then or just before, if a path now leads to
// another folder, or if stat(2) does not show every change.
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

// Holds reports whether nothing has changed.
func (s Stamp) Holds() bool {
	for path := range s {
		if digest, _, err := stampOf(path); err != nil || digest != s[path] {
			return false
		}
	}
	return len(s) > 0
}

// opened are the folders from which the flake and its inputs were read.
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
		if d.in.owner != f { // it follows another, perhaps one of its own inputs
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

// errUntold is for a tree where stat(2) does not show every change.
var errUntold = errors.New("its contents can change unseen")

// stampOf is the stamp of a folder or a file. It ignores the target of a link that
// leads out of the folder: nothing is read through it.
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

// told reports whether a path is on a file system whose times this machine keeps.
// Others are asked again only after a while (nfs(5), acregmin).
func told(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && slices.Contains([]int64{
		unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, zfsMagic,
	}, int64(st.Type))
}

const zfsMagic = 0x2fc12fc1 // of OpenZFS; the kernel's headers have none

package bootloader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// need is one thing that an initramfs has to have for a boot to come to the
// root, or to /usr.
type need struct {
	of        string   // the mount point
	module    string   // of the kernel, unless it is built in
	files     []string // the ends of paths, one of which is enough
	complaint string   // what mkinitramfs says when it could not find out
}

// in reports whether one of the files of n is among those of an image.
func (n need) in(files []string) bool {
	return slices.ContainsFunc(files, func(f string) bool {
		return slices.ContainsFunc(n.files, func(end string) bool { return strings.HasSuffix("/"+f, end) })
	})
}

// rootNeeds says how the running kernel reaches / and /usr: the drivers of the disk
// and of everything that it is connected to, the layers in between, and the file
// system. It leaves out what the running kernel has built in, because another
// kernel may not have it as a module.
func rootNeeds(ctx context.Context, sys string, g *generator) ([]need, error) {
	var out []need
	for _, point := range []string{"/", "/usr"} {
		text, _, err := run(ctx, "findmnt", "--noheadings", "--raw", "--nofsroot", "--output", "SOURCE,FSTYPE", "--mountpoint", point)
		source, fstype, _ := strings.Cut(strings.TrimSpace(text), " ")
		if err != nil && point == "/" {
			return nil, err
		}
		if err != nil {
			continue // no mount
		}
		w := walk{sys: sys, of: point, crypt: g.crypt}
		w.module(fstype)
		devices, err := w.disks(ctx, source, fstype)
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			if err := w.device(d); err != nil {
				return nil, err
			}
		}
		out = append(out, w.needs...)
	}
	return out, nil
}

// walk goes from a block device to what is below it.
type walk struct {
	sys, of string
	crypt   []need // of the generator
	needs   []need
}

// disks are the devices of a mounted file system in sysfs: one, or those of the
// pool (zpool-list(8)), or of all that btrfs is spread over.
func (w *walk) disks(ctx context.Context, source, fstype string) ([]string, error) {
	sources := []string{source}
	if fstype == "zfs" {
		pool, _, _ := strings.Cut(source, "/")
		text, _, err := run(ctx, "zpool", "list", "-vHPL", pool)
		if err != nil {
			return nil, err
		}
		sources = slices.DeleteFunc(strings.Fields(text), func(word string) bool { return !strings.HasPrefix(word, "/dev/") })
	}
	var out []string
	for _, source := range sources {
		var st unix.Stat_t
		if unix.Stat(source, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
			continue
		}
		at := filepath.Join(w.sys, "dev/block", fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)))
		out = append(out, at)
		if fstype != "btrfs" {
			continue
		}
		dir, err := filepath.EvalSymlinks(at)
		if err != nil {
			return nil, err
		}
		self, err := filepath.Glob(filepath.Join(w.sys, "fs/btrfs/*/devices", filepath.Base(dir)))
		if err != nil {
			return nil, err
		}
		for _, s := range self {
			all, err := filepath.Glob(filepath.Join(filepath.Dir(s), "*"))
			if err != nil {
				return nil, err
			}
			out = append(out, all...)
		}
	}
	return out, nil
}

// module records a module that the running kernel has loaded.
func (w *walk) module(name string) {
	if _, err := os.Stat(filepath.Join(w.sys, "module", name, "initstate")); err == nil {
		w.needs = append(w.needs, need{of: w.of, module: name})
	}
}

func (w *walk) device(path string) error {
	dir, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if err := w.mapped(dir); err != nil {
		return err
	}
	below, err := filepath.Glob(filepath.Join(dir, "slaves/*"))
	if err != nil {
		return err
	}
	for _, b := range below {
		if err := w.device(b); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil && len(below) == 0 {
		return w.device(filepath.Dir(dir))
	}
	for at := dir; len(at) > len(w.sys); at = filepath.Dir(at) {
		if module, err := os.Readlink(filepath.Join(at, "driver/module")); err == nil {
			w.module(filepath.Base(module))
		}
	}
	return nil
}

// mapped records what sets up a device that is not a disk itself.
func (w *walk) mapped(dir string) error {
	if isDir(filepath.Join(dir, "md")) {
		w.needs = append(w.needs, need{of: w.of, files: []string{"/sbin/mdadm"}})
	}
	uuid, err := os.ReadFile(filepath.Join(dir, "dm/uuid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	w.module("dm_mod")
	switch kind, _, _ := strings.Cut(string(uuid), "-"); kind {
	case "CRYPT":
		w.module("dm_crypt")
		w.needs = append(w.needs, need{of: w.of, files: []string{"/sbin/cryptsetup", "/systemd/systemd-cryptsetup"}})
		for _, n := range w.crypt {
			n.of = w.of
			w.needs = append(w.needs, n)
		}
	case "LVM":
		w.needs = append(w.needs, need{of: w.of, files: []string{"/sbin/lvm"}})
	}
	return nil
}

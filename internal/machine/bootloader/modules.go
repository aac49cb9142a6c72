package bootloader

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// held keeps the modules of a running kernel reachable after the way to another
// generation removed them: it has links to where the files are now.
// hostctl-recover.service also knows the name.
const held = "/.hostctl/modules"

// ModulesOf is the folder of a kernel's modules.
func ModulesOf(release string) string { return modulesDir + release }

// HoldModules keeps what the running kernel loads its modules from within its
// reach: taken says where the files are that were below ModulesOf(release).
// Without them the kernel that runs could not use a device that is plugged in,
// mount another file system, or set up a firewall.
func HoldModules(root system.Root, release string, taken map[string]string) error {
	folder := ModulesOf(release)
	for path, now := range taken {
		link := root.Path(filepath.Join(held, release, strings.TrimPrefix(path, folder)))
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return cannotHold(release, err)
		}
		if err := os.Symlink(now, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return cannotHold(release, err)
		}
	}
	if !isDir(root.Path(filepath.Join(held, release))) {
		return nil
	}
	if err := link(root, release); err != nil {
		return cannotHold(release, err)
	}
	return nil
}

// link gives the running kernel the names of what is held: the folder, or the names
// in it if somebody else's modules keep the folder and only the kernel's own are
// gone.
func link(root system.Root, release string) error {
	folder := root.Path(ModulesOf(release))
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return unnoticed(filepath.Dir(folder), func() error { return os.Symlink(filepath.Join(held, release), folder) })
	}
	if isDir(filepath.Join(folder, "kernel")) {
		return nil // the way led back
	}
	list, err := os.ReadDir(root.Path(filepath.Join(held, release)))
	if err != nil {
		return err
	}
	for _, e := range list {
		err := os.Symlink(filepath.Join(held, release, e.Name()), filepath.Join(folder, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// unlink takes these names away.
func unlink(root system.Root, release string) error {
	folder := root.Path(ModulesOf(release))
	if _, err := os.Readlink(folder); err == nil {
		return unnoticed(filepath.Dir(folder), func() error { return os.Remove(folder) })
	}
	list, err := os.ReadDir(folder)
	for _, e := range list {
		path := filepath.Join(folder, e.Name())
		if to, linkErr := os.Readlink(path); linkErr == nil && to == filepath.Join(held, release, e.Name()) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return ignoreMissing(err)
}

// unnoticed does something in a folder whose time a generation has set.
func unnoticed(folder string, do func() error) error {
	fi, err := os.Stat(folder)
	if err != nil {
		return err
	}
	return errors.Join(do(), os.Chtimes(folder, fi.ModTime(), fi.ModTime()))
}

func cannotHold(release string, err error) error {
	return fmt.Errorf("cannot keep the modules of the running kernel %s within its reach: %w", release, err)
}

// ReleaseModules removes what HoldModules made, which belongs to no generation: the
// names always, and their targets unless they belong to the running kernel.
func ReleaseModules(root system.Root, release string) error {
	kernels, err := os.ReadDir(root.Path(held))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, k := range kernels {
		if err := unlink(root, k.Name()); err != nil {
			return err
		}
		if k.Name() != release {
			if err := os.RemoveAll(root.Path(filepath.Join(held, k.Name()))); err != nil {
				return err
			}
		}
	}
	return ignoreFull(os.Remove(root.Path(held)))
}

func ignoreFull(err error) error {
	if errors.Is(err, fs.ErrExist) { // ENOTEMPTY
		return nil
	}
	return err
}

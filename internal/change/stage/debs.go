package stage

import (
	"fmt"
	"os"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/spec"
)

// Packages are read in a stage from a folder that is root's alone, to which
// they were copied while they were held against the lock (apt.Cache.Take).

func debsDir(root string) string { return node.In(root, "/", "debs") }

// MakeDebs makes that folder, empty. It is on the file system of the root.
func MakeDebs(root string) (dir string, err error) {
	if err := node.MakeArea(root, "/"); err != nil {
		return "", fmt.Errorf("cannot make room for packages: %w", err)
	}
	if err := DropDebs(root); err != nil {
		return "", err
	}
	dir = debsDir(root)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot make room for packages: %w", err)
	}
	return dir, nil
}

// DropDebs deletes the folder, if it is there.
func DropDebs(root string) error {
	if err := os.RemoveAll(debsDir(root)); err != nil {
		return fmt.Errorf("cannot delete packages that were installed: %w", err)
	}
	return nil
}

// Debs returns the packages that a plan installs, as paths in that folder.
func Debs(root string, plan *spec.Plan, lock []spec.Locked) []string {
	install, _ := debs(debsDir(root), plan, lock)
	return install
}

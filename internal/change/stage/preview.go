package stage

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
)

// Preview copies the live folders into a new root at to as the changeset of a
// finished stage would leave them: files, links and folders, without owners and
// times. Folders that do not exist are left out.
func Preview(root string, set *changeset.Changeset, folders []string, to string) error {
	entries := map[string]changeset.Entry{}
	for _, e := range set.Entries {
		if within(e.Path, folders...) {
			entries[e.Path] = e
		}
	}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if e, ok := entries["/"+rel]; err != nil || ok && (e.Slot != "" || e.After == nil) {
				return err
			}
			return previewNode(path, filepath.Join(to, rel))
		})
		if err != nil {
			return err
		}
	}
	for _, e := range set.Entries {
		if _, ok := entries[e.Path]; !ok || e.After == nil {
			continue
		}
		to := filepath.Join(to, e.Path)
		var err error
		switch {
		case e.Slot != "":
			err = previewNode(node.In(root, set.Mounts[e.FS].Point, e.Slot), to)
		case e.Before == nil: // only folders are made without a slot
			err = os.MkdirAll(to, 0o700)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func previewNode(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	st, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case st.IsDir():
		return os.MkdirAll(to, 0o700)
	case st.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case st.Mode().IsRegular():
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	}
	return nil
}

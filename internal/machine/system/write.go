package system

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// WriteFile makes path a regular file with data, mode (the bits of chmod(2), 04755
// is set-user-ID) and owner, or leaves what was there. It writes a temporary file
// in the same folder, syncs it, renames it over path, and syncs the folder; without
// that, a power cut may undo the rename (fsync(2)). It replaces a symlink at path
// and does not follow it.
func WriteFile(path string, data []byte, mode os.FileMode, uid, gid int) error {
	return writeFile(path, data, mode, uid, gid, true)
}

// StageFile is WriteFile for a tree that nobody runs yet: just as atomic for
// who looks on, but durable only with the sync that ends the stage.
func StageFile(path string, data []byte, mode os.FileMode, uid, gid int) error {
	return writeFile(path, data, mode, uid, gid, false)
}

// WriteFiles is WriteFile for files that belong together, content by path. It
// writes and syncs all of them as temporary files before it renames the first, and
// undoes the earlier renames if one fails. It creates missing folders.
func WriteFiles(files map[string][]byte, mode os.FileMode, uid, gid int) (err error) {
	paths := slices.Sorted(maps.Keys(files))
	made := map[string]string{}
	defer func() {
		for _, tmp := range made {
			err = errors.Join(err, ignoreMissing(os.Remove(tmp)))
		}
	}()
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
		tmp, err := beside(path, files[path], mode, uid, gid, true)
		if err != nil {
			return err
		}
		made[path] = tmp
	}
	var undo []func() error
	for _, path := range paths {
		old, err := os.ReadFile(path)
		back := func() error { return WriteFile(path, old, mode, uid, gid) }
		if errors.Is(err, os.ErrNotExist) {
			back, err = func() error { return os.Remove(path) }, nil
		}
		if err == nil {
			err = os.Rename(made[path], path)
		}
		if err != nil {
			errs := []error{fmt.Errorf("cannot write %s: %w", path, err)}
			for _, f := range undo {
				errs = append(errs, f())
			}
			return errors.Join(errs...)
		}
		undo = append(undo, back)
	}
	for _, path := range paths {
		if err := SyncDir(filepath.Dir(path)); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, data []byte, mode os.FileMode, uid, gid int, durable bool) error {
	tmp, err := beside(path, data, mode, uid, gid, durable)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), ignoreMissing(os.Remove(tmp)))
	}
	if !durable {
		return nil
	}
	return SyncDir(filepath.Dir(path))
}

// beside writes the future content of path to a temporary file in its folder.
func beside(path string, data []byte, mode os.FileMode, uid, gid int, durable bool) (tmp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".hostctl-*")
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := fill(f, data, mode, uid, gid, durable); err != nil {
		return "", errors.Join(fmt.Errorf("cannot write %s: %w", path, err), ignoreMissing(os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// fill writes and closes f. The owner is set before the mode, because chown
// clears the set-user-ID bits (chown(2)).
func fill(f *os.File, data []byte, mode os.FileMode, uid, gid int, durable bool) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		err = syscall.Fchmod(int(f.Fd()), uint32(mode)&0o7777)
	}
	if err == nil && durable {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot sync folder %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("cannot sync folder %s: %w", dir, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// WriteFile makes path a regular file with data, mode (the bits of chmod(2),
// 04755 is set-user-ID) and owner, or leaves what was there: it writes a temporary file beside it, syncs that, renames it
// over path and syncs the folder, without which a power cut may undo the
// rename (fsync(2)). A symlink at path is replaced, not followed.
func WriteFile(path string, data []byte, mode os.FileMode, uid, gid int) error {
	return writeFile(path, data, mode, uid, gid, true)
}

// StageFile is WriteFile for a tree that nobody runs yet: just as atomic for
// who looks on, but durable only with the sync that ends the stage.
func StageFile(path string, data []byte, mode os.FileMode, uid, gid int) error {
	return writeFile(path, data, mode, uid, gid, false)
}

func writeFile(path string, data []byte, mode os.FileMode, uid, gid int, durable bool) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".hostctl-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot write %s: %w", path, err), ignoreMissing(os.Remove(f.Name())))
		}
	}()
	if err := fill(f, data, mode, uid, gid, durable); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if !durable {
		return nil
	}
	return SyncDir(dir)
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

// SetMeta sets owner and mode (the bits of chmod(2)) of what is not a symlink.
func SetMeta(path string, mode os.FileMode, uid, gid int) error {
	err := os.Lchown(path, uid, gid)
	if err == nil {
		err = syscall.Chmod(path, uint32(mode)&0o7777)
	}
	if err != nil {
		return fmt.Errorf("cannot set owner and mode of %s: %w", path, err)
	}
	return nil
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

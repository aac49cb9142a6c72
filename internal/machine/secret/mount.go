package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// The places below the root. The links are what configurations name; they
// point to one numbered set each, and all sets are on one mount.
const (
	linkSecrets = "/run/secrets"
	linkUsers   = "/run/secrets-for-users"
	mountPoint  = "/run/secrets.d"
)

// mount makes sure that mountPoint is memory that is never swapped out: a
// tmpfs with noswap (Linux 6.4), else a ramfs.
func mount(root system.Root) error {
	dir := root.Path(mountPoint)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder for secrets: %w", err)
	}
	mounted, err := isMounted(dir)
	if err != nil || mounted {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err = unix.Mount("hostctl-secrets", dir, "tmpfs", flags, "noswap,mode=0751")
	if errors.Is(err, unix.EINVAL) {
		err = unix.Mount("hostctl-secrets", dir, "ramfs", flags, "mode=0751")
	}
	if err != nil {
		return fmt.Errorf("cannot mount memory for secrets at %s: %w", mountPoint, err)
	}
	return nil
}

// isMounted reports whether dir is a mount of a memory file system of its own;
// /run itself is one too, hence the comparison with the parent.
func isMounted(dir string) (bool, error) {
	var here, parent unix.Stat_t
	if err := unix.Lstat(dir, &here); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return false, nil
		}
		return false, fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if err := unix.Lstat(filepath.Dir(dir), &parent); err != nil {
		return false, fmt.Errorf("cannot look at %s: %w", filepath.Dir(dir), err)
	}
	if here.Dev == parent.Dev {
		return false, nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return false, fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if fs.Type != unix.TMPFS_MAGIC && fs.Type != unix.RAMFS_MAGIC {
		return false, fmt.Errorf("cannot put secrets at %s: something is mounted there that is not memory; unmount it", mountPoint)
	}
	return true, nil
}

// unmount removes everything that Install has ever made.
func unmount(root system.Root) error {
	for _, link := range []string{linkSecrets, linkUsers} {
		if err := os.Remove(root.Path(link)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot remove the installed secrets: %w", err)
		}
	}
	dir := root.Path(mountPoint)
	mounted, err := isMounted(dir)
	if err != nil {
		return err
	}
	if mounted {
		// A service may still have a secret open; it keeps what it has.
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", mountPoint, err)
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", mountPoint, err)
	}
	return nil
}

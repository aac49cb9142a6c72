package flake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// rootsAlone refuses, if hostctl runs as root, a path in the cache whose content
// somebody else can replace after it was compared with the lock, because they own
// a folder or link on the way. Root creates what does not exist yet.
func rootsAlone(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return alone(path, 0)
}

func alone(path string, links int) error {
	const most = 40 // path_resolution(7)
	for ; ; path = filepath.Dir(path) {
		var st unix.Stat_t
		err := unix.Lstat(path, &st)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("cannot look at %s: %w", path, err)
		}
		if err == nil {
			if err := nobodyElse(path, &st); err != nil {
				return err
			}
		}
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			target, err := os.Readlink(path)
			if err != nil || links > most {
				return fmt.Errorf("cannot follow the link %s", path)
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			if err := alone(filepath.Clean(target), links+1); err != nil {
				return err
			}
		}
		if path == "/" {
			return nil
		}
	}
}

// nobodyElse refuses what an account other than root can change. In a sticky
// folder, others can change only what is theirs (inode(7)).
func nobodyElse(path string, st *unix.Stat_t) error {
	mode := st.Mode & unix.S_IFMT
	open := st.Mode&0o022 != 0 && mode != unix.S_IFLNK && !(mode == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0)
	if st.Uid == 0 && !open {
		return nil
	}
	return fmt.Errorf("%s in the cache is writable by others than root (owner %d, mode %04o), who could change the input after hostctl compared it with flake.lock; unset HOSTCTL_CACHE or name a folder that only root can write to, and remove that one", path, st.Uid, st.Mode&0o7777)
}

// nobodyElses is nobodyElse for the contents of a cached tree.
func nobodyElses(e *tree.Entry) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return nobodyElse(e.Name, &e.Stat)
}

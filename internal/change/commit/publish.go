package commit

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// publish is idempotent. A link's new node is made before the marker and
// changes places with the one that is there.
func (j Journal) publish(p transaction.Publish) error {
	path := filepath.Join(j.Root, p.Path)
	if p.Link == "" {
		dest := filepath.Join(j.Root, p.Dest)
		if ok, err := node.Exists(path); !ok { // done before the crash
			return err
		}
		if err := os.Rename(path, dest); err != nil {
			return err
		}
		return node.SyncDir(filepath.Dir(dest))
	}
	if now, err := os.Readlink(path); err != nil || now != p.Link {
		if err := j.makeLink(p); err != nil {
			return err
		}
		err := unix.Renameat2(unix.AT_FDCWD, path+linkSuffix, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
		if errors.Is(err, unix.ENOENT) {
			err = os.Rename(path+linkSuffix, path)
		}
		if err != nil {
			return &os.LinkError{Op: "publish", Old: path + linkSuffix, New: path, Err: err}
		}
	}
	return node.SyncDir(filepath.Dir(path))
}

const linkSuffix = ".new"

// makeLink makes the node of a link that publish puts in place.
func (j Journal) makeLink(p transaction.Publish) error {
	temp := filepath.Join(j.Root, p.Path) + linkSuffix
	if now, err := os.Readlink(temp); err == nil && now == p.Link {
		return nil
	}
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	return os.Symlink(p.Link, temp)
}

package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Taken is where Take puts the package l.
func Taken(dir string, l spec.Locked) string { return filepath.Join(dir, debName(l)) }

// Take copies the .deb of every locked package from the cache into dir, which only
// root can write, and compares what it copies with the lock. A later reader of dir
// gets exactly the checked bytes. In a cache, somebody else may write, or may still
// have a file open for writing that root now owns.
func (c Cache) Take(ctx context.Context, locked []spec.Locked, dir string) error {
	errs := make([]error, len(locked))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, l := range locked {
		group.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = c.take(l, Taken(dir, l))
			}
			return nil
		})
	}
	return errors.Join(group.Wait(), errors.Join(errs...))
}

func (c Cache) take(l spec.Locked, to string) (err error) {
	path := c.find(l)
	if path == "" {
		return fmt.Errorf("cannot use package %s %s: its .deb, or that of its size, has left the cache while hostctl ran; run the command again", l.Name, l.Version)
	}
	from, err := system.OpenRegular(path)
	if err != nil {
		return fmt.Errorf("cannot use package %s %s: %w", l.Name, l.Version, err)
	}
	defer from.Close()
	copied, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot copy package %s %s out of the cache: %w", l.Name, l.Version, err)
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	sum := sha256.New()
	// One byte more than expected is enough to see that the file is another. A
	// clone (ioctl_ficlone(2)) is nobody else's either, and is read after it was made.
	if unix.IoctlFileClone(int(copied.Fd()), int(from.Fd())) == nil {
		_, err = io.Copy(sum, io.LimitReader(copied, l.Size+1))
	} else {
		_, err = io.Copy(io.MultiWriter(copied, sum), io.LimitReader(from, l.Size+1))
	}
	if err != nil {
		return fmt.Errorf("cannot copy package %s %s out of the cache: %w", l.Name, l.Version, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != l.SHA256 {
		return fmt.Errorf("cannot use package %s %s: the SHA-256 of %s is not the one that packages.lock names; the lock is wrong, or somebody altered the file: delete it and run the command again",
			l.Name, l.Version, path)
	}
	return nil
}

package drift

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Verify compares the files of packages with dpkg's sums: by stat(2) where
// cache knows the sum, by reading them elsewhere.
func Verify(root system.Root, shipped map[string]apt.Shipped, cache *kind.StatCache) ([]Altered, error) {
	paths := slices.Sorted(maps.Keys(shipped))
	workers := runtime.NumCPU()
	found := make([][]Altered, workers)
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := w; i < len(paths); i += workers {
				path := paths[i]
				sum, err := sumOf(root.Path(path), cache)
				if err != nil {
					return fmt.Errorf("cannot compare %s with package %s: %w", path, shipped[path].Package, err)
				}
				if s := shipped[path]; sum != s.MD5 {
					found[w] = append(found[w], Altered{path, s.Package, s.MD5, sum})
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

// maxRead keeps a file of a package that is an account's, which can make it as
// large as it likes, from being read.
const maxRead = 64 << 20

// sumOf is "" for a file that is gone, and what it is for anything else that
// is no regular file.
func sumOf(path string, cache *kind.StatCache) (string, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if st.Uid != 0 && st.Size > maxRead {
			return spec.Unread(st.Size), nil
		}
	case unix.S_IFDIR:
		return string(spec.Directory), nil
	case unix.S_IFLNK:
		return string(spec.Symlink), nil
	default:
		return string(spec.Other), nil
	}
	holds, err := cache.Contents(path, &st, func() (*os.File, error) { return system.OpenRegular(path) })
	return holds.Digest, err
}

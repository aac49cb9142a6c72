package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// Revision is the commit that the flake's folder stands at, and whether the
// worktree differs from it; what is too large to compare, or no file, does.
func (f *Flake) Revision() (commit string, dirty bool, err error) {
	repo, err := f.repository()
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return "", true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot open the git repository of %s: %w", f.Dir, err)
	}
	head, err := repo.Head()
	if err != nil {
		return "", true, nil // a repository without a commit
	}
	worktree, err := repo.Worktree()
	if err != nil {
		return "", false, fmt.Errorf("cannot open the worktree of %s: %w", f.Dir, err)
	}
	if err := comparableTree(worktree.Filesystem.Root()); err != nil {
		return head.Hash().String(), true, nil
	}
	status, err := worktree.Status()
	if err != nil {
		return "", false, fmt.Errorf("cannot compare %s with its commit: %w", f.Dir, err)
	}
	return head.Hash().String(), !status.IsClean(), nil
}

// repository is the git repository that the flake's folder is in.
func (f *Flake) repository() (*git.Repository, error) {
	for dir := f.Dir; ; dir = filepath.Dir(dir) {
		at := filepath.Join(dir, tree.GitName)
		st, err := os.Lstat(at)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		switch {
		case err != nil:
		case st.IsDir():
			if err := readable(at); err != nil {
				return nil, err
			}
		case !st.Mode().IsRegular() || st.Size() > unix.PathMax: // it holds a path
			return nil, fmt.Errorf("%s is neither git's folder nor the file that names it", at)
		}
		return git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	}
}

// maxGitFile bounds, in bytes, each file of git's folder that go-git reads as a
// whole, such as the index.
const maxGitFile = 64 << 20

// readable refuses a folder of git's in which go-git would wait, for a FIFO, a
// device or what a link leads to, or take all memory.
func readable(dir string) error {
	return tree.Walk(dir, func(e *tree.Entry) error {
		switch {
		case e.IsDir() && (e.Name == "lfs" || e.Name == "modules"):
			return fs.SkipDir
		case e.IsDir() || e.IsSocket() || e.IsRegular() && (e.Stat.Size <= maxGitFile || filepath.Ext(e.Name) == ".pack"):
			return nil
		}
		return fmt.Errorf("%s in %s is a link, a device or a FIFO, or larger than %d MB", e.Name, dir, maxGitFile>>20)
	})
}

// comparableTree refuses a worktree in which go-git, which reads all files, would
// wait for a FIFO or a device, or not come to an end.
func comparableTree(dir string) error {
	left := int64(maxInputBytes)
	return tree.Walk(dir, func(e *tree.Entry) error {
		if e.IsRegular() {
			left -= e.Stat.Size
		}
		if e.IsDir() || e.IsLink() || e.IsRegular() && left >= 0 {
			return nil
		}
		return fmt.Errorf("%s in %s is a device or a FIFO, or one file too many to compare", e.Name, dir)
	})
}

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// Revision is the commit of the worktree around a folder, and whether the worktree
// differs from it. Something with more bytes than most, or not a file, counts as
// different, and so does a folder in no repository.
func Revision(dir string, most int64) (commit string, dirty bool, err error) {
	repo, err := around(dir)
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		return "", true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot open the git repository of %s: %w", dir, err)
	}
	head, err := repo.Head()
	if err != nil {
		return "", true, nil // a repository without a commit
	}
	worktree, err := repo.Worktree()
	if err != nil {
		return "", false, fmt.Errorf("cannot open the worktree of %s: %w", dir, err)
	}
	if err := comparableTree(worktree.Filesystem.Root(), most); err != nil {
		return head.Hash().String(), true, nil
	}
	status, err := worktree.Status()
	if err != nil {
		return "", false, fmt.Errorf("cannot compare %s with its commit: %w", dir, err)
	}
	return head.Hash().String(), !status.IsClean(), nil
}

// around is the repository around a folder.
func around(dir string) (*gogit.Repository, error) {
	for ; ; dir = filepath.Dir(dir) {
		at := filepath.Join(dir, tree.GitName)
		_, err := os.Lstat(at)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		if err == nil {
			if err := readableAt(at); err != nil {
				return nil, err
			}
		}
		return open(dir)
	}
}

// readableAt is readable for git's folder, or the one that a file names, and for
// the folder that it shares with other worktrees.
func readableAt(at string) error {
	st, err := os.Lstat(at)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		if at, err = named(at, "gitdir: "); err != nil {
			return err
		}
	}
	if err := readable(at); err != nil {
		return err
	}
	common, err := named(filepath.Join(at, "commondir"), "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return readable(common)
}

// named is the folder that one of git's files names, after a word
// (gitrepository-layout(5)).
func named(file, after string) (string, error) {
	st, err := os.Lstat(file)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() || st.Size() > unix.PathMax {
		return "", fmt.Errorf("%s is neither git's folder nor a file that names it", file)
	}
	text, err := tree.File{Root: filepath.Dir(file), Name: filepath.Base(file)}.Read(unix.PathMax)
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(strings.TrimPrefix(string(text), after))
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	return path, nil
}

// maxGitFile bounds, in bytes, each file in git's folder that go-git reads as a
// whole, such as the index.
const maxGitFile = 64 << 20

// gitParts are the parts of git's folder that go-git reads. Hooks, logs and files
// of git extensions may have any size and any links.
func gitParts() []string {
	return []string{"HEAD", "config", "index", "info", "objects", "packed-refs", "refs", "shallow"}
}

// readable refuses a git folder in which go-git would wait, for a FIFO, a device
// or the target of a link, or use up all memory.
func readable(dir string) error {
	return tree.Walk(dir, func(e *tree.Entry) error {
		part, _, _ := strings.Cut(e.Name, "/")
		switch {
		case part != "." && !slices.Contains(gitParts(), part):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir() || e.IsRegular() && (e.Stat.Size <= maxGitFile || part == "objects" && filepath.Ext(e.Name) != ".idx"):
			return nil
		}
		return fmt.Errorf("%s in %s is a link, a device or a FIFO, or larger than %d MB", e.Name, dir, maxGitFile>>20)
	})
}

// comparableTree refuses a worktree in which go-git, which reads all files, would
// wait for a FIFO or a device, or take too long.
func comparableTree(dir string, left int64) error {
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

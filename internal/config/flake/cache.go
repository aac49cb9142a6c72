package flake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/hostctl/hostctl/internal/config/git"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// CacheDir is the folder of fetched inputs: HOSTCTL_CACHE, or else
// /var/cache/hostctl for root and the user's cache folder for others.
func CacheDir() (string, error) {
	if dir := os.Getenv("HOSTCTL_CACHE"); dir != "" {
		return dir, nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/hostctl", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot find the cache folder: %w; set HOSTCTL_CACHE", err)
	}
	return filepath.Join(dir, "hostctl"), nil
}

// treeDir is where the cache keeps the content with a hash.
func treeDir(cache, hash string) string { return filepath.Join(cache, "inputs", hash) }

// content is the folder with the locked content, compared with its hash. It reads
// every byte, since a size and a time can be right by chance.
func (in *Input) content(ctx context.Context, locked lockedInput) (string, error) {
	if !in.source.git {
		if err := in.isFolder(); err != nil {
			return "", fmt.Errorf("cannot use input %q: %w", in.key, err)
		}
		hash, err := hashTree(in.source.path, nil)
		if err != nil {
			return "", fmt.Errorf("cannot use input %q: %w", in.key, err)
		}
		if hash != locked.Hash {
			return "", fmt.Errorf("cannot use input %q: the content of %s is not the one in flake.lock; run 'hostctl update %s' if the change is intended", in.key, in.source.path, in.root())
		}
		return in.source.path, nil
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := treeDir(cache, locked.Hash)
	if err := rootsAlone(dir); err != nil {
		return "", fmt.Errorf("cannot use input %q: %w", in.key, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		hash, err := hashTree(dir, nobodyElses)
		if err != nil {
			return "", fmt.Errorf("cannot use input %q: %w", in.key, err)
		}
		if hash != locked.Hash {
			return "", fmt.Errorf("cannot use input %q: the content of %s is not the one in flake.lock, so somebody changed the cache; remove that folder, and hostctl fetches it again", in.key, dir)
		}
		return dir, nil
	}
	if err := in.mayFetch(); err != nil {
		return "", err
	}
	if !in.owner.rootFlake().login {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, unaskedTime, fmt.Errorf("it takes longer than %s; 'hostctl flake fetch' waits as long as you do", unaskedTime))
		defer cancel()
	}
	if _, err := in.fetch(ctx, cache, locked.Rev, locked.Hash); err != nil {
		return "", err
	}
	in.fetched = true
	return dir, nil
}

// unaskedTime bounds a fetch that the user did not ask for.
const unaskedTime = 20 * time.Second

// mayFetch refuses what only a user starts: logging in somewhere, letting another
// program do it, and reading a repository on this machine, where go-git trusts
// every file.
func (in *Input) mayFetch() error {
	root := in.owner.rootFlake()
	switch {
	case root.login:
		return nil
	case root.Offline:
		return fmt.Errorf("cannot use input %q: it is not in the cache, and --offline fetches nothing; 'hostctl flake fetch' downloads the inputs in flake.lock into the cache", in.key)
	case in.source.remote == nil || in.source.remote.Scheme != "https":
		return fmt.Errorf("cannot use input %q: it is not in the cache, and hostctl fetches only https by itself; run 'hostctl flake fetch' as the same user, which downloads the locked revision of %s into the cache", in.key, in.URL)
	}
	return nil
}

// resolve is what the input's url points to now.
func (in *Input) resolve(ctx context.Context) (lockedInput, error) {
	if in.source.git {
		cache, err := CacheDir()
		if err != nil {
			return lockedInput{}, err
		}
		return in.fetch(ctx, cache, in.source.rev, "")
	}
	if err := in.isFolder(); err != nil {
		return lockedInput{}, fmt.Errorf("cannot lock input %q: %w", in.key, err)
	}
	hash, err := hashTree(in.source.path, nil)
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot lock input %q: %w", in.key, err)
	}
	return lockedInput{URL: in.URL, Hash: hash}, nil
}

// isFolder refuses a path: url that does not name a folder, and one in the flake's
// own tree that is a link out of it.
func (in *Input) isFolder() error {
	root := in.owner.Dir
	if in.owner.tree != "" {
		root = in.owner.tree
	}
	if name, err := filepath.Rel(root, in.source.path); err == nil && filepath.IsLocal(name) {
		if _, err := (tree.File{Root: root, Name: name}).Stat(); tree.Refused(err) {
			return fmt.Errorf("its url is %s, and %s is a link: %w", in.URL, in.source.path, underlying(err))
		}
	}
	info, err := os.Stat(in.source.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("its url is %s, and there is no folder %s", in.URL, in.source.path)
	case err == nil && !info.IsDir():
		return fmt.Errorf("its url is %s, and %s is not a folder", in.URL, in.source.path)
	}
	return err
}

// fetch puts one commit's tree into the cache. An empty rev is the url's ref, or
// the remote's HEAD. If hash is given, fetch keeps no other content, and never
// says which hash the commit has instead: with that in flake.lock, somebody who may
// change flake.lock could read files of a repository that they may not read.
func (in *Input) fetch(ctx context.Context, cache, rev, hash string) (lockedInput, error) {
	commit, err := in.commit(ctx, rev)
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot fetch input %q from %s: %w", in.key, in.URL, err)
	}
	base := filepath.Join(cache, "inputs")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return lockedInput{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	// A private repository is not for everybody with an account here.
	if err := os.Mkdir(base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return lockedInput{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	if err := rootsAlone(base); err != nil {
		return lockedInput{}, fmt.Errorf("cannot fetch input %q: %w", in.key, err)
	}
	tmp, err := os.MkdirTemp(base, ".fetch-")
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := checkout(commit, tmp); err != nil {
		return lockedInput{}, fmt.Errorf("cannot fetch input %q: %w", in.key, err)
	}
	got, err := hashTree(tmp, nil)
	if err != nil {
		return lockedInput{}, err
	}
	if hash != "" && got != hash {
		return lockedInput{}, fmt.Errorf("cannot use input %q: revision %s of %s does not have the content that flake.lock records for it; restore flake.lock from git, or run 'hostctl update %s'", in.key, commit.Hash, in.URL, in.root())
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return lockedInput{}, fmt.Errorf("cannot fill the cache: %w", err)
	}
	if err := os.Rename(tmp, treeDir(cache, got)); err != nil && !errors.Is(err, os.ErrExist) {
		return lockedInput{}, fmt.Errorf("cannot fill the cache: %w", err)
	}
	when := commit.Committer.When.UTC().Truncate(time.Second)
	return lockedInput{URL: in.URL, Rev: commit.Hash.String(), Date: &when, Hash: got}, nil
}

func (in *Input) commit(ctx context.Context, rev string) (*object.Commit, error) {
	if in.source.remote == nil {
		return git.Local(in.source.path, in.source.ref, rev)
	}
	return git.Remote(ctx, in.source.remote, in.source.ref, rev, in.owner.rootFlake().login)
}

// checkout writes a commit's files below dir. Somebody else made the commit: no
// name and no symbolic link in it may lead out of dir.
func checkout(commit *object.Commit, dir string) error {
	files, err := commit.Tree()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return files.Files().ForEach(func(f *object.File) error {
		if err := root.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			return err
		}
		r, err := f.Reader()
		if err != nil {
			return err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		switch f.Mode {
		case filemode.Symlink:
			return root.Symlink(string(b), f.Name)
		case filemode.Executable:
			return root.WriteFile(f.Name, b, 0o755)
		}
		return root.WriteFile(f.Name, b, 0o644)
	})
}

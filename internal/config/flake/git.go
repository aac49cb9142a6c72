package flake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/memory"
)

// CacheDir is where fetched inputs are kept: HOSTCTL_CACHE, else
// /var/cache/hostctl for root, else the user's cache folder.
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

// tree is the folder that holds the locked content.
func (in *Input) tree(ctx context.Context, locked lockedInput) (string, error) {
	if !in.source.git {
		return in.source.path, in.verify(in.source.path, locked)
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "inputs", locked.Hash)
	if _, err := os.Stat(dir); err == nil {
		return dir, in.verify(dir, locked)
	}
	got, err := in.fetch(ctx, cache, locked.Rev)
	if err != nil {
		return "", err
	}
	if got.Hash != locked.Hash {
		return "", fmt.Errorf("cannot use input %q: revision %s has content %s, flake.lock says %s", in.Name, got.Rev, got.Hash, locked.Hash)
	}
	return dir, nil
}

func (in *Input) verify(dir string, locked lockedInput) error {
	hash, err := hashTree(dir)
	if err != nil {
		return fmt.Errorf("cannot use input %q: %w", in.Name, err)
	}
	if hash != locked.Hash {
		return fmt.Errorf("cannot use input %q: the content of %s is not what flake.lock holds; run 'hostctl update %s' if the change is meant", in.Name, dir, in.Name)
	}
	return nil
}

// resolve is what the input's url means now.
func (in *Input) resolve(ctx context.Context) (lockedInput, error) {
	if in.source.git {
		cache, err := CacheDir()
		if err != nil {
			return lockedInput{}, err
		}
		return in.fetch(ctx, cache, in.source.rev)
	}
	hash, err := hashTree(in.source.path)
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot lock input %q: %w", in.Name, err)
	}
	return lockedInput{URL: in.URL, Hash: hash}, nil
}

// fetch puts one commit's tree below the cache; an empty rev is the url's
// ref, or the remote's HEAD.
func (in *Input) fetch(ctx context.Context, cache, rev string) (lockedInput, error) {
	commit, err := in.commit(ctx, rev)
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot fetch input %q from %s: %w", in.Name, in.URL, err)
	}
	base := filepath.Join(cache, "inputs")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return lockedInput{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	tmp, err := os.MkdirTemp(base, ".fetch-")
	if err != nil {
		return lockedInput{}, fmt.Errorf("cannot make the cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := checkout(commit, tmp); err != nil {
		return lockedInput{}, fmt.Errorf("cannot fetch input %q: %w", in.Name, err)
	}
	hash, err := hashTree(tmp)
	if err != nil {
		return lockedInput{}, err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return lockedInput{}, fmt.Errorf("cannot fill the cache: %w", err)
	}
	dir := filepath.Join(base, hash)
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return lockedInput{}, fmt.Errorf("cannot fill the cache: %w", err)
	}
	return lockedInput{URL: in.URL, Rev: commit.Hash.String(), Hash: hash}, nil
}

func (in *Input) commit(ctx context.Context, rev string) (*object.Commit, error) {
	s := in.source
	if s.path != "" {
		repo, err := git.PlainOpenWithOptions(s.path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
		if err != nil {
			return nil, err
		}
		return find(repo, s.ref, rev)
	}
	if rev != "" {
		if c, err := in.fetchCommit(ctx, rev); err == nil {
			return c, nil
		}
		// Not every server gives out a commit by its hash; the branch's
		// history holds it.
	}
	options := &git.CloneOptions{URL: s.remote, Auth: sshKey(s.remote), SingleBranch: true, Tags: git.NoTags, NoCheckout: true}
	if s.ref != "" {
		options.ReferenceName = plumbing.NewBranchReferenceName(s.ref)
	}
	if s.shallow && rev == "" {
		options.Depth = 1
	}
	repo, err := git.CloneContext(ctx, memory.NewStorage(), nil, options)
	if err != nil && s.ref != "" {
		options.ReferenceName = plumbing.NewTagReferenceName(s.ref)
		repo, err = git.CloneContext(ctx, memory.NewStorage(), nil, options)
	}
	if err != nil {
		return nil, err
	}
	return find(repo, "", rev)
}

// fetchCommit asks for exactly one commit.
func (in *Input) fetchCommit(ctx context.Context, rev string) (*object.Commit, error) {
	repo, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		return nil, err
	}
	remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{in.source.remote}})
	if err != nil {
		return nil, err
	}
	spec := config.RefSpec(rev + ":refs/heads/locked")
	options := &git.FetchOptions{RefSpecs: []config.RefSpec{spec}, Depth: 1, Tags: git.NoTags, Auth: sshKey(in.source.remote)}
	if err := remote.FetchContext(ctx, options); err != nil {
		return nil, err
	}
	return repo.CommitObject(plumbing.NewHash(rev))
}

// sshKey is the user's own key where no agent runs, which is what go-git
// asks by itself; nil leaves the choice to it. Keys are tried in the order of
// ssh(1); one with a passphrase needs the agent.
func sshKey(remote string) transport.AuthMethod {
	u, err := url.Parse(remote)
	home, homeErr := os.UserHomeDir()
	if err != nil || homeErr != nil || u.Scheme != "ssh" || os.Getenv("SSH_AUTH_SOCK") != "" {
		return nil
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if key, err := ssh.NewPublicKeysFromFile(u.User.Username(), filepath.Join(home, ".ssh", name), ""); err == nil {
			return key
		}
	}
	return nil
}

func find(repo *git.Repository, ref, rev string) (*object.Commit, error) {
	if rev != "" {
		return repo.CommitObject(plumbing.NewHash(rev))
	}
	if ref == "" {
		ref = "HEAD"
	}
	hash, err := repo.ResolveRevision(plumbing.Revision(ref))
	if err != nil {
		return nil, fmt.Errorf("no branch, tag or commit %q: %w", ref, err)
	}
	return repo.CommitObject(*hash)
}

// checkout writes a commit's files below dir.
func checkout(commit *object.Commit, dir string) error {
	tree, err := commit.Tree()
	if err != nil {
		return err
	}
	return tree.Files().ForEach(func(f *object.File) error {
		if !filepath.IsLocal(f.Name) {
			return fmt.Errorf("the commit holds a file called %q", f.Name)
		}
		full := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
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
			return os.Symlink(string(b), full)
		case filemode.Executable:
			return os.WriteFile(full, b, 0o755)
		}
		return os.WriteFile(full, b, 0o644)
	})
}

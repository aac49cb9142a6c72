// Package git reads commits of repositories, of this machine and of servers, and logs
// in to those as git and ssh of the person who runs hostctl would. It writes nothing.
package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	neturl "net/url"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/hostctl/hostctl/internal/network"
)

// Local is the commit that rev names in a repository on this machine. An empty rev
// is the ref, or HEAD.
func Local(dir, ref, rev string) (*object.Commit, error) {
	repo, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the git repository %s: %w", dir, err)
	}
	return find(repo, ref, rev)
}

// Remote is the commit that rev names on a server. An empty rev is the ref, or HEAD.
// Without login, it tells no server who asks, and runs no program.
func Remote(ctx context.Context, url *neturl.URL, ref, rev string, login bool) (*object.Commit, error) {
	type result struct {
		commit *object.Commit
		err    error
	}
	// go-git ignores the context while it waits for a server's ssh handshake.
	done := make(chan result, 1)
	go func() {
		commit, err := remoteCommit(ctx, url, ref, rev, login)
		done <- result{commit, err}
	}()
	select {
	case r := <-done:
		return r.commit, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func open(dir string) (*gogit.Repository, error) {
	return gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
}

func find(repo *gogit.Repository, ref, rev string) (*object.Commit, error) {
	if rev != "" {
		commit, err := repo.CommitObject(plumbing.NewHash(rev))
		if err != nil {
			return nil, gone(rev)
		}
		return commit, nil
	}
	if ref == "" {
		ref = "HEAD"
	}
	hash, err := repo.ResolveRevision(plumbing.Revision(ref))
	if err != nil {
		return nil, fmt.Errorf("it has no branch, tag or commit %q", ref)
	}
	return repo.CommitObject(*hash)
}

func gone(rev string) error {
	return fmt.Errorf("it no longer has revision %s: its history was rewritten, or it is another repository; 'hostctl update' with the input's name locks its current revision", rev)
}

// server is a repository on another machine that let us in.
type server struct {
	repo   *gogit.Repository
	remote *gogit.Remote
	auth   transport.AuthMethod
	refs   []*plumbing.Reference
}

func remoteCommit(ctx context.Context, url *neturl.URL, ref, rev string, login bool) (*object.Commit, error) {
	srv, err := connect(ctx, url, login)
	if err != nil {
		return nil, err
	}
	if rev != "" {
		return srv.byHash(ctx, rev)
	}
	name, err := srv.resolve(ref)
	if err != nil {
		return nil, err
	}
	if err := srv.fetch(ctx, 1, name+":refs/heads/locked"); err != nil {
		return nil, err
	}
	return find(srv.repo, "refs/heads/locked", "")
}

// connect lists the server's refs, with credentials if login allows it and the
// server wants them.
func connect(ctx context.Context, url *neturl.URL, login bool) (*server, error) {
	if url.Scheme == "ssh" {
		login, err := newSSHLogin(ctx, url)
		if err != nil {
			return nil, err
		}
		srv, err := list(ctx, login.address(url.Path), login)
		return srv, login.explain(err)
	}
	srv, err := list(ctx, url.String(), nil)
	// Servers hide a private repository behind any of these.
	if !errors.Is(err, transport.ErrAuthenticationRequired) && !errors.Is(err, transport.ErrAuthorizationFailed) && !errors.Is(err, transport.ErrRepositoryNotFound) {
		return srv, err
	}
	if !login {
		const person = "hostctl does not log in by itself: if it is a private repository, run 'hostctl flake fetch' as the same user, which downloads the inputs in flake.lock into the cache"
		if errors.Is(err, transport.ErrRepositoryNotFound) {
			return nil, fmt.Errorf("%w; %s", err, person)
		}
		return nil, fmt.Errorf("%s wants a login, and %s", url.Host, person)
	}
	from, auth := credential(ctx, url)
	if auth == nil {
		if errors.Is(err, transport.ErrRepositoryNotFound) {
			return nil, err
		}
		return nil, fmt.Errorf("%s wants a login, and neither ~/.netrc nor a git credential helper has one for it; 'git ls-remote %s' asks for it and a credential helper keeps it, or write \"machine %s login NAME password TOKEN\" to ~/.netrc (mode 0600)",
			url.Host, url.String(), url.Hostname())
	}
	srv, err = list(ctx, url.String(), auth)
	if errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) {
		return nil, fmt.Errorf("%s refuses the login of %q from %s; it may have expired, or may not have the right to read this repository", url.Host, auth.Username, from)
	}
	return srv, err
}

// Patience makes go-git, which has one client for everything, give up on a server
// as soon as hostctl does. Call it once, before any fetch.
func Patience() {
	client.InstallProtocol("https", githttp.NewClient(&http.Client{Transport: network.Transport()}))
}

func list(ctx context.Context, url string, auth transport.AuthMethod) (*server, error) {
	repo, err := gogit.Init(memory.NewStorage(), nil)
	if err != nil {
		return nil, err
	}
	remote, err := repo.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{url}})
	if err != nil {
		return nil, err
	}
	refs, err := remote.ListContext(ctx, &gogit.ListOptions{Auth: auth})
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil, errors.New("it has no commit yet")
	}
	if err != nil {
		return nil, inALine(err)
	}
	return &server{repo, remote, auth, refs}, nil
}

// inALine says first which server could not be reached, and why.
func inALine(err error) error {
	var at *neturl.Error
	var failed *net.OpError
	if errors.As(err, &at) && errors.As(err, &failed) {
		return errors.New(network.Cause(err))
	}
	return err
}

func (srv *server) fetch(ctx context.Context, depth int, specs ...string) error {
	options := &gogit.FetchOptions{Auth: srv.auth, Depth: depth, Tags: gogit.NoTags}
	for _, spec := range specs {
		options.RefSpecs = append(options.RefSpecs, config.RefSpec(spec))
	}
	const tries = 3
	for try := 1; ; try++ {
		err := srv.remote.FetchContext(ctx, options)
		switch {
		case err == nil, errors.Is(err, gogit.NoErrAlreadyUpToDate):
			return nil
		case try == tries || !hungUpFirst(err):
			return err
		}
	}
}

// hungUpFirst reports that a server over ssh had sent everything and ended before
// go-git closed its own side, which go-git takes for a failure. It has no value for
// that error.
func hungUpFirst(err error) bool { return strings.HasSuffix(err.Error(), "closing input: EOF") }

// resolve is the full name of a ref on the server.
func (srv *server) resolve(ref string) (string, error) {
	candidates := []string{"refs/heads/" + ref, "refs/tags/" + ref, ref}
	if ref == "" {
		candidates = []string{"HEAD"}
	}
	var branches []string
	has := map[string]bool{}
	for _, r := range srv.refs {
		has[r.Name().String()] = true
		if r.Name().IsBranch() {
			branches = append(branches, r.Name().Short())
		}
	}
	for _, c := range candidates {
		if has[c] {
			return c, nil
		}
	}
	const most = 10
	if len(branches) > most {
		branches = append(branches[:most], "...")
	}
	if ref == "" {
		ref = "HEAD"
	}
	return "", fmt.Errorf("it has no branch or tag %q; its branches are: %s", ref, strings.Join(branches, ", "))
}

// byHash asks for exactly one commit. Not every server serves a commit by its
// hash; the history of its branches and tags may contain it.
func (srv *server) byHash(ctx context.Context, rev string) (*object.Commit, error) {
	spec := rev
	for _, r := range srv.refs {
		if r.Hash().String() == rev {
			spec = r.Name().String()
		}
	}
	if err := srv.fetch(ctx, 1, spec+":refs/heads/locked"); err == nil {
		if commit, err := srv.repo.CommitObject(plumbing.NewHash(rev)); err == nil {
			return commit, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := srv.fetch(ctx, 0, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return nil, err
	}
	return find(srv.repo, "", rev)
}

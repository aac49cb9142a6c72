package apt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/network"
)

// patience is how long a mirror may be silent after it accepted the connection: a
// cold cache and a snapshot server need time to find a file.
const patience = time.Minute

// client fetches from mirrors.
func client() *http.Client {
	t := network.Transport()
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout, t.Proxy = fetchStreams, patience, through(proxies())
	return &http.Client{Transport: t}
}

// answer is the body of a response. It times out if no byte comes for as long as
// patience, and its errors name the URL.
type answer struct {
	io.ReadCloser
	url      string
	patience time.Duration
	ctx      context.Context // the request's
	cancel   context.CancelCauseFunc
}

func (a *answer) Read(b []byte) (int, error) {
	stalled := time.AfterFunc(a.patience, func() { a.cancel(os.ErrDeadlineExceeded) })
	defer stalled.Stop()
	n, err := a.ReadCloser.Read(b)
	if err == nil || err == io.EOF {
		return n, err
	}
	if cause := context.Cause(a.ctx); cause != nil {
		err = cause
	}
	return n, &url.Error{Op: http.MethodGet, URL: a.url, Err: err}
}

func (a *answer) Close() error {
	defer a.cancel(nil)
	return a.ReadCloser.Close()
}

// ask sends a request and returns an answer.
func ask(c *http.Client, req *http.Request, patience time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := c.Do(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &answer{resp.Body, req.URL.String(), patience, ctx, cancel}
	return resp, nil
}

// reach checks that every mirror is reachable. apt has no timeout for a name
// server: it takes minutes to report a missing mirror, and does not say why in one
// line. reach ignores what a mirror answers; apt checks that.
func reach(ctx context.Context, mirrors []place) error {
	c := client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	group, ctx := errgroup.WithContext(ctx)
	asked := map[string]bool{}
	for _, p := range mirrors {
		u, err := url.Parse(p.base)
		if err != nil || u.Host == "" || asked[u.Host] {
			continue // of a file
		}
		asked[u.Host] = true
		group.Go(func() error { return touch(ctx, c, u.String()) })
	}
	return group.Wait()
}

func touch(ctx context.Context, c *http.Client, url string) error {
	for try := 1; ; try++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if try == network.Tries {
			return errors.New(network.Cause(err))
		}
	}
}

// localCause says what is wrong with a local file, "" if that is not the cause: a
// full disk is not the mirror's fault.
func localCause(err error) string {
	var file *fs.PathError
	switch {
	case !errors.As(err, &file):
		return ""
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Sprintf("no room is left for %s; free some, then run the same command again: it goes on where it stopped", file.Path)
	}
	return err.Error()
}

// resolverPatience makes the C library, in programs that hostctl starts, give up
// on a name server as soon as hostctl does (resolv.conf(5)).
func resolverPatience() string {
	if own, ok := os.LookupEnv("RES_OPTIONS"); ok {
		return "RES_OPTIONS=" + own
	}
	return "RES_OPTIONS=timeout:5 attempts:2"
}

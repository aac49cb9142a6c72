package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/network"
	"github.com/hostctl/hostctl/internal/spec"
)

const (
	fetchStreams  = 8
	fetchAttempts = 2
)

// errGone: the mirror answers, and does not have the file.
var errGone = errors.New("not on the mirror")

// Fetch downloads every .deb in the lock into the cache, from any mirror that has
// its path. It keeps a file that exists and has the right size: Take compares it
// with the lock. It calls progress with the bytes done and to do, from one
// goroutine at a time.
func (c Cache) Fetch(ctx context.Context, sources []Source, locked []spec.Locked, progress func(done, total int64)) error {
	missing := c.Missing(locked)
	if len(missing) == 0 {
		return nil
	}
	bases, err := fetchBases(ctx, sources, missing)
	if err != nil {
		return err
	}
	f := &fetcher{cache: c, bases: bases, progress: progress, client: client()}
	for _, l := range missing {
		f.total += l.Size
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchStreams)
	for _, l := range missing {
		group.Go(func() error {
			err := f.fetch(ctx, l)
			if errors.Is(err, errGone) {
				f.addGone(l)
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return f.goneError()
}

// Missing are the packages without a .deb of the right size.
func (c Cache) Missing(locked []spec.Locked) []spec.Locked {
	var missing []spec.Locked
	for _, l := range locked {
		if c.find(l) == "" {
			missing = append(missing, l)
		}
	}
	return missing
}

// find is where a .deb of the size that the lock names is; "" for nowhere.
func (c Cache) find(l spec.Locked) string {
	for _, dir := range []string{c.Dir, c.From} {
		if dir == "" {
			continue
		}
		path := Cache{Dir: dir}.Deb(l)
		if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() && st.Size() == l.Size {
			return path
		}
	}
	return ""
}

// fetchBases lists the mirrors of every input that a missing package is from.
func fetchBases(ctx context.Context, sources []Source, missing []spec.Locked) (map[string][]string, error) {
	bases := map[string][]string{}
	for _, l := range missing {
		if _, ok := bases[l.Input]; ok {
			continue
		}
		i := slices.IndexFunc(sources, func(s Source) bool { return s.Input == l.Input })
		if i < 0 {
			return nil, fmt.Errorf("cannot fetch %s: packages.lock says it is from input %q, which flake.hcl does not have; run 'hostctl update'", l.Name, l.Input)
		}
		all, err := places(ctx, sources[i])
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			bases[l.Input] = append(bases[l.Input], p.base)
		}
	}
	return bases, nil
}

type fetcher struct {
	cache  Cache
	bases  map[string][]string
	client *http.Client
	total  int64

	mu       sync.Mutex
	done     int64
	gone     []string
	progress func(done, total int64)
}

func (f *fetcher) add(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done += n
	if f.progress != nil {
		f.progress(f.done, f.total)
	}
}

func (f *fetcher) addGone(l spec.Locked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = append(f.gone, fmt.Sprintf("%s %s (input %q)", l.Name, l.Version, l.Input))
}

func (f *fetcher) goneError() error {
	if len(f.gone) == 0 {
		return nil
	}
	slices.Sort(f.gone)
	return fmt.Errorf("cannot fetch %s: the mirror no longer has what packages.lock names:\n  %s\n"+
		"run 'hostctl update' to lock what it has now, or give the input a dated snapshot (url = \"debian:SUITE?snapshot=20261101T000000Z\"), or use a cache that still has them (HOSTCTL_CACHE)",
		spec.Count(len(f.gone), "package", "packages"), strings.Join(f.gone, "\n  "))
}

// fetch gets one package. The partial file is locked, so that two hostctls
// that share a cache do not write into each other's.
func (f *fetcher) fetch(ctx context.Context, l spec.Locked) (err error) {
	final := f.cache.Deb(l)
	partial := filepath.Join(f.cache.Dir, "partial", l.SHA256)
	for _, dir := range []string{filepath.Dir(final), filepath.Dir(partial)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot fetch %s: %w", l.Name, err)
		}
		if err := system.Alone(dir); err != nil {
			return fmt.Errorf("cannot fetch %s into a cache that is not root's alone: %w; remove that, it is made again", l.Name, err)
		}
	}
	part, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", l.Name, err)
	}
	defer func() { err = errors.Join(err, part.Close()) }()
	if err := lockFile(ctx, part, nil); err != nil {
		return fmt.Errorf("cannot fetch %s: %w", l.Name, err)
	}
	if st, err := os.Stat(final); err == nil && st.Size() == l.Size {
		f.add(l.Size) // another hostctl was faster
		return nil
	}
	d := &download{fetcher: f, l: l, part: part}
	if err := d.fill(ctx); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return fmt.Errorf("cannot fetch %s: %w", l.Name, err)
	}
	if err := os.Rename(partial, final); err != nil {
		return fmt.Errorf("cannot fetch %s: %w", l.Name, err)
	}
	return nil
}

// download is one package on its way into part.
type download struct {
	*fetcher
	l       spec.Locked
	part    *os.File
	counted int64 // of what progress was told
}

// Write reports to progress what has arrived.
func (d *download) Write(b []byte) (int, error) {
	d.count(d.counted + int64(len(b)))
	return len(b), nil
}

func (d *download) count(have int64) {
	d.add(have - d.counted)
	d.counted = have
}

// fill completes part from the mirrors, in order, trying again where a
// transfer broke off.
func (d *download) fill(ctx context.Context) error {
	bases := d.bases[d.l.Input]
	var failure error
	for attempt := range fetchAttempts {
		gone := 0
		for _, base := range bases {
			err := d.from(ctx, base+"/"+d.l.Path)
			switch {
			case err == nil:
				return nil
			case errors.Is(err, errGone):
				gone++
				continue
			case errors.Is(err, errWrongHash), ctx.Err() != nil:
				return err
			case localCause(err) != "":
				return fmt.Errorf("cannot fetch %s %s: %s", d.l.Name, d.l.Version, localCause(err))
			}
			failure = err
		}
		if gone == len(bases) {
			return errGone
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * time.Second):
		}
	}
	return fmt.Errorf("cannot fetch %s %s: %s\ncheck the network and the mirror, then run the same command again: it goes on where it stopped",
		d.l.Name, d.l.Version, network.Cause(failure))
}

var errWrongHash = errors.New("wrong content")

// from appends what part lacks. A wrong digest after a resumed transfer is
// blamed on the older half, and the whole is fetched again once.
func (d *download) from(ctx context.Context, url string) error {
	sum := sha256.New()
	older, err := d.resume(sum)
	if err == nil && older < d.l.Size {
		older, err = d.transfer(ctx, url, sum, older)
	}
	if err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) == d.l.SHA256 {
		return nil
	}
	if err := d.restart(sum); err != nil {
		return err
	}
	if older > 0 {
		return d.from(ctx, url)
	}
	return fmt.Errorf("cannot use %s %s: %s has %w: its sha256 is not the one that packages.lock names; nothing of it was kept; "+
		"if the mirror is sound, run 'hostctl update' and look at the change", d.l.Name, d.l.Version, url, errWrongHash)
}

// resume returns how many bytes an earlier transfer left, and sums them.
func (d *download) resume(sum hash.Hash) (int64, error) {
	if _, err := d.part.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	have, err := io.Copy(sum, d.part)
	if err == nil && have > d.l.Size {
		return 0, d.restart(sum)
	}
	d.count(have)
	return have, err
}

func (d *download) restart(sum hash.Hash) error {
	sum.Reset()
	d.count(0)
	_, err := d.part.Seek(0, io.SeekStart)
	return errors.Join(err, d.part.Truncate(0))
}

// transfer reads url from the offset on to the end of part, and returns how
// many bytes of part are older than this transfer.
func (d *download) transfer(ctx context.Context, url string, sum hash.Hash, offset int64) (older int64, err error) {
	body, resumed, err := d.open(ctx, url, offset)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if !resumed && offset > 0 {
		offset = 0
		if err := d.restart(sum); err != nil {
			return 0, err
		}
	}
	// One byte more than expected is enough to see that the file is another.
	n, err := io.Copy(io.MultiWriter(d.part, sum, d), io.LimitReader(body, d.l.Size-offset+1))
	if err == nil && offset+n < d.l.Size {
		err = fmt.Errorf("%s ended after %d of %d bytes", url, offset+n, d.l.Size)
	}
	return offset, err
}

// open starts to read a URL at an offset; resumed says whether it does.
func (f *fetcher) open(ctx context.Context, url string, offset int64) (body io.ReadCloser, resumed bool, err error) {
	if path, ok := filePath(url); ok {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, errGone
		}
		return file, false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, false, err
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := ask(f.client, req, patience)
	if err != nil {
		return nil, false, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return resp.Body, resp.StatusCode == http.StatusPartialContent, nil
	case http.StatusNotFound, http.StatusGone:
		err = errGone
	default:
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil, false, errors.Join(err, resp.Body.Close())
}

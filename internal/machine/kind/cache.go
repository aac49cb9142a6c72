package kind

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// cacheVersion of the stat cache's JSON form; a cache of any other is empty.
const cacheVersion = 2

// settle is how long a file must have been left alone before its digest is
// remembered: within one tick of the file system's clock a second write does
// not show in the times. A wrong clock costs a hash, or needs that write too.
const settle = 2 * time.Second

// StatCache remembers digests of files, and their extended attributes, by what
// stat(2) says of them, so that observing reads only what changed: a change of
// either moves the ctime. (What is written through a mapping moves it once, and
// again after the kernel has written it back, mmap(2).) It is never needed, only
// faster.
//
// It may be used by several goroutines at once.
type StatCache struct {
	look    func(f *os.File) (Contents, error)
	mu      sync.Mutex
	entries map[string]cacheEntry
	changed bool
}

// Contents is what a regular file holds.
type Contents struct {
	Digest string   `json:"digest"`
	Xattrs []string `json:"xattrs,omitempty"` // as in spec.File
}

type cacheEntry struct {
	stamp
	Contents
}

type stamp struct {
	Dev   uint64 `json:"dev"`
	Ino   uint64 `json:"ino"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"`
	CTime int64  `json:"ctime"`
}

type cacheFile struct {
	Version int                   `json:"version"`
	Files   map[string]cacheEntry `json:"files"`
}

// NewStatCache is an empty cache.
func NewStatCache() *StatCache {
	return &StatCache{look: look, entries: map[string]cacheEntry{}}
}

func look(f *os.File) (c Contents, err error) {
	if c.Digest, err = system.HashOf(f); err == nil {
		c.Xattrs, err = xattrs(f)
	}
	return c, err
}

// LoadMD5Cache is LoadStatCache for MD5, the sums that dpkg keeps, alone.
func LoadMD5Cache(path string) (*StatCache, error) {
	c, err := LoadStatCache(path)
	if err == nil {
		c.look = func(f *os.File) (c Contents, err error) {
			c.Digest, err = system.MD5Of(f)
			return c, err
		}
	}
	return c, err
}

// LoadStatCache reads what Save wrote. A cache that is missing, damaged or of
// another version is empty.
func LoadStatCache(path string) (*StatCache, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return NewStatCache(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read stat cache: %w", err)
	}
	var f cacheFile
	if json.Unmarshal(b, &f) != nil || f.Version != cacheVersion || f.Files == nil {
		return NewStatCache(), nil
	}
	return &StatCache{look: look, entries: f.Files}, nil
}

// Save writes the cache if it learned anything since it was loaded.
func (c *StatCache) Save(path string) error {
	if !c.changed {
		return nil
	}
	b, err := json.Marshal(cacheFile{cacheVersion, c.entries})
	if err != nil {
		return fmt.Errorf("cannot save stat cache: %w", err)
	}
	c.changed = false
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot save stat cache: %w", err)
	}
	return system.StageFile(path, b, 0o600, os.Getuid(), os.Getgid())
}

// Contents are those of the regular file at path, which st describes and open
// opens.
func (c *StatCache) Contents(path string, st *unix.Stat_t, open func() (*os.File, error)) (Contents, error) {
	began := time.Now()
	now := stampOf(st)
	c.mu.Lock()
	known, ok := c.entries[path]
	c.mu.Unlock()
	if ok && known.stamp == now && known.Digest != "" {
		return known.Contents, nil
	}
	f, err := open()
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	found, err := c.look(f)
	if err != nil {
		return found, err
	}
	// Since the look, another file may be there, or a longer one.
	var then unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &then); err != nil {
		return found, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if stampOf(&then) == now && began.Sub(time.Unix(0, now.CTime)).Abs() > settle {
		c.mu.Lock()
		c.entries[path], c.changed = cacheEntry{now, found}, true
		c.mu.Unlock()
	}
	return found, nil
}

func stampOf(st *unix.Stat_t) stamp {
	return stamp{Dev: st.Dev, Ino: st.Ino, Size: st.Size, MTime: st.Mtim.Nano(), CTime: st.Ctim.Nano()}
}

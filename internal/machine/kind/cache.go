package kind

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// cacheVersion of the stat cache's JSON form; a cache of any other is empty.
const cacheVersion = 1

// settle is how long a file must have been left alone before its digest is
// remembered: within one tick of the file system's clock a second write does
// not show in the times. A wrong clock costs a hash, or needs that write too.
const settle = 2 * time.Second

// StatCache remembers digests of files by what stat(2) says of them, so that
// observing hashes only what changed. It is never needed, only faster.
//
// It may be used by several goroutines at once.
type StatCache struct {
	hash    func(path string) (string, error)
	mu      sync.Mutex
	entries map[string]cacheEntry
	changed bool
}

type cacheEntry struct {
	Dev    uint64 `json:"dev"`
	Ino    uint64 `json:"ino"`
	Size   int64  `json:"size"`
	MTime  int64  `json:"mtime"`
	CTime  int64  `json:"ctime"`
	Digest string `json:"digest"`
}

type cacheFile struct {
	Version int                   `json:"version"`
	Files   map[string]cacheEntry `json:"files"`
}

// NewStatCache is an empty cache.
func NewStatCache() *StatCache {
	return &StatCache{hash: system.Hash, entries: map[string]cacheEntry{}}
}

// LoadMD5Cache is LoadStatCache for MD5, the sums that dpkg keeps.
func LoadMD5Cache(path string) (*StatCache, error) {
	c, err := LoadStatCache(path)
	if err == nil {
		c.hash = system.MD5
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
	return &StatCache{hash: system.Hash, entries: f.Files}, nil
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
	return system.StageFile(path, b, 0o600, os.Getuid(), os.Getgid())
}

// Digest is the hex digest of the regular file at path, which st describes.
func (c *StatCache) Digest(path string, st fs.FileInfo) (string, error) {
	sys := st.Sys().(*syscall.Stat_t)
	now := cacheEntry{Dev: sys.Dev, Ino: sys.Ino, Size: sys.Size, MTime: sys.Mtim.Nano(), CTime: sys.Ctim.Nano()}
	c.mu.Lock()
	known := c.entries[path]
	c.mu.Unlock()
	now.Digest = known.Digest
	if known == now && known.Digest != "" {
		return known.Digest, nil
	}
	digest, err := c.hash(path)
	if err != nil {
		return "", err
	}
	now.Digest = digest
	if time.Since(time.Unix(0, now.CTime)).Abs() > settle {
		c.mu.Lock()
		c.entries[path], c.changed = now, true
		c.mu.Unlock()
	}
	return digest, nil
}

package cli

import (
	"fmt"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// cacheDir is where fetched things are kept that can be fetched again: .debs
// and package lists beside the flake's inputs. It is absolute, as apt needs it.
func cacheDir() (string, error) {
	dir, err := flake.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// rootsCache is the cache that root has where it is told of no other.
const rootsCache = "/var/cache/hostctl"

// ownCache is the cache to which hostctl writes, and in which it reads what it
// wrote. For root that is one that is root's alone: what stands in another may
// be anybody's, and so may the place to which a link there leads.
func ownCache() (string, error) {
	dir, err := cacheDir()
	if err != nil || system.Alone(dir) == nil {
		return dir, err
	}
	if err := system.Alone(rootsCache); err != nil {
		return "", fmt.Errorf("cannot use the cache %s as root: %w; remove it, it is made again", rootsCache, err)
	}
	return rootsCache, nil
}

// packageCache has the .debs of any cache, and the rest of its own.
func packageCache() (apt.Cache, error) {
	dir, err := cacheDir()
	if err != nil {
		return apt.Cache{}, err
	}
	own, err := ownCache()
	if own == dir || err != nil {
		return apt.Cache{Dir: own}, err
	}
	return apt.Cache{Dir: own, From: dir}, nil
}

// cachePath is where something that can be found again is remembered of this
// root, which is no use on another.
func (s *session) cachePath(name string) (string, error) {
	dir, err := ownCache()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name, spec.Sum([]byte(s.root))[:16]+".json")
	if err := system.Alone(path); err != nil {
		return "", fmt.Errorf("cannot use the cache: %w; remove that, it is made again", err)
	}
	return path, nil
}

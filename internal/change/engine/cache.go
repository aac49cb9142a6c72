package engine

import (
	"fmt"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// rootsCache is the cache that root has where it is told of no other.
const rootsCache = "/var/cache/hostctl"

// ownCache is the cache to which hostctl writes, and in which it reads what it
// wrote. For root that is one that is root's alone: what another contains may
// be anybody's, and so may the place to which a link there leads.
func ownCache(dir string) (string, error) {
	if system.Alone(dir) == nil {
		return dir, nil
	}
	if err := system.Alone(rootsCache); err != nil {
		return "", fmt.Errorf("cannot use the cache %s as root: %w; remove it, it is made again", rootsCache, err)
	}
	return rootsCache, nil
}

// PackageCache has the .debs of the cache in a folder, and the rest of hostctl's own.
func PackageCache(dir string) (apt.Cache, error) {
	own, err := ownCache(dir)
	if own == dir || err != nil {
		return apt.Cache{Dir: own}, err
	}
	return apt.Cache{Dir: own, From: dir}, nil
}

// CachePath is where something that can be found again is remembered of this
// root, which is no use on another.
func (m *Machine) CachePath(name string) (string, error) {
	dir, err := ownCache(m.Cache)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name, spec.Sum([]byte(m.Root))[:16]+".json")
	if err := system.Alone(path); err != nil {
		return "", fmt.Errorf("cannot use the cache: %w; remove that, it is made again", err)
	}
	return path, nil
}

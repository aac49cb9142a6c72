package cli

import (
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/engine"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/apt"
)

// packageCache has packages and package lists.
func (e *env) packageCache() (apt.Cache, error) {
	dir, err := cacheDir()
	if err != nil {
		return apt.Cache{}, err
	}
	return engine.PackageCache(dir)
}

// cacheDir is where fetched things are kept that can be fetched again: .debs
// and package lists beside the flake's inputs. It is absolute, as apt needs it.
func cacheDir() (string, error) {
	dir, err := flake.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

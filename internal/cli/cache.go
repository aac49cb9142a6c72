package cli

import (
	"path/filepath"

	"github.com/hostctl/hostctl/internal/config/flake"
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

// Package blob keeps contents by digest: encrypted secrets files, sources of
// managed files, and config files of generations. Everything in it is
// root-only, and nothing in it is ever a hard link to a live name
// (engine-rules 5).
package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/spec"
)

// Store is a folder of contents named by their hex SHA-256.
type Store struct{ Dir string }

// Path is where the content of a digest stands, if it is there.
func (s Store) Path(digest string) string { return filepath.Join(s.Dir, digest) }

// Put stores data and returns its digest. The caller makes it durable, with
// the whole file system, before anything relies on it.
func (s Store) Put(data []byte) (string, error) {
	digest := spec.Sum(data)
	path := s.Path(digest)
	if _, err := os.Lstat(path); err == nil {
		return digest, nil
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(s.Dir, ".new-*") // 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return digest, os.Rename(f.Name(), path)
}

// Get reads a content and verifies it.
func (s Store) Get(digest string) ([]byte, error) {
	data, err := os.ReadFile(s.Path(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot find object %s in %s", digest, s.Dir)
	}
	if err != nil {
		return nil, err
	}
	if spec.Sum(data) != digest {
		return nil, fmt.Errorf("cannot use object %s: its content was altered", s.Path(digest))
	}
	return data, nil
}

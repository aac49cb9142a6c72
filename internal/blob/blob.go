// Package blob keeps contents by digest: encrypted secrets files, sources of
// managed files, and config files of generations. Only root can read it, and
// nothing in it is ever a hard link to a live name (engine rule 5).
package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
)

// Store is a folder of contents named by their hex SHA-256.
type Store struct{ Dir string }

// Path is where the content of a digest is, if it exists.
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
	data, err := Read(s.Path(digest), digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot find object %s in %s", digest, s.Dir)
	}
	if errors.Is(err, ErrAltered) {
		return nil, fmt.Errorf("cannot use object %s: its content was altered", s.Path(digest))
	}
	return data, err
}

// ErrAltered is for a file whose content does not match its digest.
var ErrAltered = errors.New("its content was altered")

// Read is the content with a digest, from the file at path. The path may belong to
// somebody who put something else there, so Read returns exactly what it hashed,
// and waits only for a regular file.
func Read(path, digest string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read %s: it is not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, info.Size()+1))
	if err != nil {
		return nil, err
	}
	if spec.Sum(data) != digest {
		return nil, fmt.Errorf("cannot use %s: %w", path, ErrAltered)
	}
	return data, nil
}

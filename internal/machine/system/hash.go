package system

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// Hash is the hex SHA-256 of the bytes of a file.
func Hash(path string) (string, error) { return hashWith(sha256.New(), path) }

// MD5 is the hex MD5 of the bytes of a file: dpkg keeps no other sum. It shows
// accidents and edits, not what somebody made to have the same sum.
func MD5(path string) (string, error) { return hashWith(md5.New(), path) }

func hashWith(h hash.Hash, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

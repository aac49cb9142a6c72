package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Pin keeps a generation from being collected, for a reason that lists show.
func (s Store) Pin(n int, reason string) error {
	if _, err := s.Meta(n); err != nil {
		return err
	}
	return system.WriteFile(s.pinFile(n), []byte(reason+"\n"), 0o600, 0, 0)
}

// Unpin lets a generation be collected again.
func (s Store) Unpin(n int) error {
	if _, err := s.Meta(n); err != nil {
		return err
	}
	err := os.Remove(s.pinFile(n))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot unpin generation %d: it is not pinned", n)
	}
	return err
}

// Pinned says whether a generation is pinned, and why.
func (s Store) Pinned(n int) (reason string, pinned bool) {
	b, err := os.ReadFile(s.pinFile(n))
	return strings.TrimSuffix(string(b), "\n"), err == nil
}

func (s Store) pinFile(n int) string { return filepath.Join(s.Root, Path(n), "pinned") }

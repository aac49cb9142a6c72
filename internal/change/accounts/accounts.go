// Package accounts merges what happens to accounts into the account files of a
// machine, and keeps the passwords of those that go.
package accounts

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/generation"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Place merges account changes into the live files, entry by entry,
// so that what users and admins changed themselves stays (engine rule 9).
//
// Accounts that come back have the password that they had last. Those that a
// fresh generation makes have the one that it declares.
func Place(root string, b *transaction.Builder, private string, deltas []account.Delta, fresh bool) error {
	live, err := account.Read(system.Root(root))
	if err != nil {
		return err
	}
	files, err := Apply(deltas, live)
	if err != nil {
		return err
	}
	if files, err = keepPasswords(root, live, files, fresh); err != nil {
		return err
	}
	id, err := node.FSID(root)
	if err != nil {
		return err
	}
	for i, path := range account.Paths() {
		if string(files[path]) == string(live[path]) {
			continue
		}
		if err := os.MkdirAll(node.In(root, "/", private), 0o700); err != nil {
			return err
		}
		slot := filepath.Join(private, strconv.Itoa(i))
		if err := writeLike(root, path, node.In(root, "/", slot), files[path]); err != nil {
			return err
		}
		b.Place(changeset.Mount{Point: "/", FSID: id}, path, slot)
	}
	return nil
}

// Apply are account files after some changes, one after the other.
func Apply(deltas []account.Delta, files account.Files) (account.Files, error) {
	var err error
	for _, d := range deltas {
		if files, err = d.Apply(files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func keepPasswords(root string, live, next account.Files, fresh bool) (account.Files, error) {
	saved, err := Saved(root)
	if err != nil {
		return nil, err
	}
	with, kept := account.Passwords(live, next, saved)
	b, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(saved, kept) {
		if err := system.WriteFile(passwordsPath(root), b, 0o600, 0, 0); err != nil {
			return nil, err
		}
	}
	if fresh {
		return next, nil
	}
	return with, nil
}

// Saved are the shadow(5) lines of accounts that are gone, by name.
func Saved(root string) (map[string]string, error) {
	saved := map[string]string{}
	b, err := os.ReadFile(passwordsPath(root))
	if err == nil {
		err = json.Unmarshal(b, &saved)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the passwords of removed accounts: %w", err)
	}
	return saved, nil
}

func passwordsPath(root string) string {
	return filepath.Join(root, generation.Dir, "passwords.json")
}

// writeLike writes data with the metadata of the live file at path.
func writeLike(root, path, to string, data []byte) error {
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	like, err := node.Read(filepath.Join(root, path))
	if err != nil {
		return err
	}
	if like == nil {
		return os.Chmod(to, 0o644) // subuid and subgid; the others are always there
	}
	like.MTime = time.Now().UnixNano()
	return node.SetAttr(to, like.Attr)
}

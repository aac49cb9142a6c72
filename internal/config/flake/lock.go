package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	lockName    = "flake.lock"
	lockVersion = 1
)

// lockFile is flake.lock: the inputs by name, and those that they have
// themselves as NAME.NAME.
type lockFile struct {
	Version int                    `json:"version"`
	Inputs  map[string]lockedInput `json:"inputs"`
}

type lockedInput struct {
	URL  string     `json:"url"`
	Rev  string     `json:"rev,omitempty"`
	Date *time.Time `json:"date,omitempty"` // of the commit
	Hash string     `json:"hash"`           // hex SHA-256 of the tree, see hashTree
}

func readLock(path string) (*lockFile, error) {
	lock := &lockFile{Version: lockVersion, Inputs: map[string]lockedInput{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return lock, fmt.Errorf("cannot read %s: %w", lockName, err)
	}
	var read lockFile
	if err := json.Unmarshal(b, &read); err != nil {
		return lock, fmt.Errorf("cannot read %s: %w; restore it from git, or remove it and run 'hostctl update'", lockName, err)
	}
	if read.Version != lockVersion {
		return lock, fmt.Errorf("cannot read %s: its version is %d, this hostctl knows %d; use the hostctl that wrote it, or remove it and run 'hostctl update'", lockName, read.Version, lockVersion)
	}
	for name, in := range read.Inputs {
		if raw, err := hex.DecodeString(in.Hash); err != nil || len(raw) != sha256.Size {
			return lock, fmt.Errorf("cannot read %s: the hash of input %q is no SHA-256; restore it from git, or remove it and run 'hostctl update'", lockName, name)
		}
		if in.Rev != "" && !isCommit(in.Rev) {
			return lock, fmt.Errorf("cannot read %s: the revision of input %q is no commit hash", lockName, name)
		}
		lock.Inputs[name] = in
	}
	return lock, nil
}

// LockPath is where flake.lock stands.
func (f *Flake) LockPath() string { return filepath.Join(f.Dir, lockName) }

// LockText is flake.lock as it has to be written after Update.
func (f *Flake) LockText() ([]byte, error) {
	b, err := json.MarshalIndent(f.lock, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("internal error: cannot write %s: %w", lockName, err)
	}
	return append(b, '\n'), nil
}

// gitName is git's own folder, or the file that names it (gitrepository-layout(5)).
const gitName = ".git"

// hashTree is the SHA-256 over every file's path, sort and content, by path.
// Git's own folder and modes other than "executable" do not count.
func hashTree(root string) (string, error) {
	sum := sha256.New()
	real, err := filepath.EvalSymlinks(root)
	if err == nil {
		err = walk(real, func(p string, d fs.DirEntry) error {
			if d.IsDir() {
				return nil
			}
			return hashFile(sum, real, p, d)
		})
	}
	if err != nil {
		return "", fmt.Errorf("cannot hash %s: %w", root, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// walk visits root and all that is below it but git's own folder, by path.
func walk(root string, visit func(p string, d fs.DirEntry) error) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() != gitName || p == root:
			return visit(p, d)
		case d.IsDir():
			return filepath.SkipDir
		}
		return nil
	})
}

func hashFile(sum io.Writer, root, p string, d fs.DirEntry) error {
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(p)
		fmt.Fprintf(sum, "link %q %q\n", rel, target)
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file, a folder nor a symbolic link", rel)
	}
	b, err := os.ReadFile(p)
	fmt.Fprintf(sum, "file %q %t %x\n", rel, info.Mode()&0o111 != 0, sha256.Sum256(b))
	return err
}

package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// LockName is the lock file next to flake.hcl.
const LockName = "flake.lock"

const lockVersion = 1

// lockFile is flake.lock: the inputs by name, and their own inputs as NAME.NAME.
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

func readLock(file tree.File) (*lockFile, error) {
	lock := &lockFile{Version: lockVersion, Inputs: map[string]lockedInput{}}
	b, err := file.Read(tree.MaxModule)
	if errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return lock, fmt.Errorf("cannot read %s: %w", LockName, underlying(err))
	}
	var read lockFile
	if err := json.Unmarshal(b, &read); err != nil {
		return lock, fmt.Errorf("cannot read %s: %w; restore it from git, or remove it and run 'hostctl update'", LockName, err)
	}
	if read.Version != lockVersion {
		return lock, fmt.Errorf("cannot read %s: its version is %d, this hostctl knows %d; use the hostctl that wrote it, or remove it and run 'hostctl update'", LockName, read.Version, lockVersion)
	}
	for name, in := range read.Inputs {
		if raw, err := hex.DecodeString(in.Hash); err != nil || len(raw) != sha256.Size {
			return lock, fmt.Errorf("cannot read %s: the hash of input %q is not a SHA-256; restore it from git, or remove it and run 'hostctl update'", LockName, name)
		}
		if in.Rev != "" && !isCommit(in.Rev) {
			return lock, fmt.Errorf("cannot read %s: the revision of input %q is not a commit hash", LockName, name)
		}
		if in.Rev == "" && strings.HasPrefix(in.URL, "git+") {
			return lock, fmt.Errorf("cannot read %s: it has no revision of input %q, which is a git repository; restore it from git, or remove it and run 'hostctl update'", LockName, name)
		}
		in.URL = withoutLogin(in.URL)
		lock.Inputs[name] = in
	}
	return lock, nil
}

// LockPath is the path of flake.lock.
func (f *Flake) LockPath() string { return filepath.Join(f.Dir, LockName) }

// LockText is the text of flake.lock after Update.
func (f *Flake) LockText() ([]byte, error) {
	b, err := json.MarshalIndent(f.lock, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("internal error: cannot write %s: %w", LockName, err)
	}
	return append(b, '\n'), nil
}

// The limits of an input, so that comparing it with the lock ends.
const (
	maxInputBytes = 1 << 30
	maxInputFiles = 200_000
)

// hashTree is the SHA-256 over every file's path, type and content, in the order
// of paths. Git's own folder and modes other than "executable" do not count. It
// calls look first for each entry; look may be nil.
func hashTree(root string, look func(*tree.Entry) error) (string, error) {
	sum := sha256.New()
	files, left := 0, int64(maxInputBytes)
	err := tree.Walk(root, func(e *tree.Entry) error {
		if look != nil {
			if err := look(e); err != nil {
				return err
			}
		}
		if e.IsDir() {
			return nil
		}
		if files++; files > maxInputFiles {
			return fmt.Errorf("it has more than %d files", maxInputFiles)
		}
		n, err := hashFile(sum, e, left)
		left -= n
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot hash %s: %w", root, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashFile adds a file of at most left bytes, and returns its size.
func hashFile(sum io.Writer, e *tree.Entry, left int64) (int64, error) {
	switch {
	case e.IsLink():
		target, err := e.Link()
		fmt.Fprintf(sum, "link %q %q\n", e.Name, target)
		return 0, err
	case !e.IsRegular():
		return 0, fmt.Errorf("%s is neither a file, a folder nor a symbolic link", e.Name)
	case e.Stat.Size > left:
		return 0, fmt.Errorf("with %s it has more than %d MB", e.Name, maxInputBytes>>20)
	}
	content := sha256.New()
	n, err := e.Copy(content, left)
	if err != nil {
		return n, fmt.Errorf("%s: %w", e.Name, err)
	}
	fmt.Fprintf(sum, "file %q %t %x\n", e.Name, e.Stat.Mode&0o111 != 0, content.Sum(nil))
	return n, nil
}

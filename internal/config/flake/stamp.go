package flake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Stamp is what stat(2) says of all that an evaluation can have read: for each
// folder or file, by its path, a digest of it and what is in it. Nobody can set the time of a
// change (ctime), so that two equal stamps are of the same contents.
type Stamp map[string]string

// lately is the time in which a second change may not show in the times.
const lately = 2 * time.Second

// Stamp is that of the flake's folder, of the inputs which were opened and of
// what else the evaluation hung on, for one that began at a time. It is nil where something in them has been
// changed since, or just before.
func (f *Flake) Stamp(began time.Time, also ...string) (Stamp, error) {
	out := Stamp{}
	for _, path := range append(f.opened(), also...) {
		digest, newest, err := stampOf(path)
		if err != nil {
			return nil, fmt.Errorf("cannot look through %s: %w", path, err)
		}
		if newest.Add(lately).After(began) {
			return nil, nil
		}
		out[path] = digest
	}
	return out, nil
}

// Holds says whether all of it is as it was.
func (s Stamp) Holds() bool {
	for path := range s {
		if digest, _, err := stampOf(path); err != nil || digest != s[path] {
			return false
		}
	}
	return len(s) > 0
}

// opened are the folders that the flake and its inputs have been read from.
func (f *Flake) opened() []string {
	out := []string{f.Dir}
	for _, d := range f.inputs {
		if d.in.tree != "" {
			out = append(out, d.in.tree)
		}
		if d.in.flake != nil {
			out = append(out, d.in.flake.opened()...)
		}
	}
	return out
}

func stampOf(path string) (digest string, newest time.Time, err error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", newest, err
	}
	sum := sha256.New()
	err = walk(root, func(p string, _ fs.DirEntry) error {
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(sum, "%q %d %d %o %d %d %d\n", p, st.Dev, st.Ino, st.Mode, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
		if changed := time.Unix(st.Ctim.Unix()); changed.After(newest) {
			newest = changed
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), newest, err
}

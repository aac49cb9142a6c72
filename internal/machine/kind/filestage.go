package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// files removes what goes, then writes what differs.
func (s *stage) files(context.Context) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	s.names, s.homes = accounts.Names(), homes(accounts, s.Want.Users)
	if err := s.removeFiles(); err != nil {
		return err
	}
	if err := s.refuseTwice(); err != nil {
		return err
	}
	// Byte order has parents before what is in them. What lies behind a link may
	// need a folder that comes later.
	cache := NewStatCache()
	for todo := keys(s.Want.Files); len(todo) > 0; {
		var early []string
		var errs []error
		for _, path := range todo {
			err := s.file(path, cache)
			if err != nil {
				err = fmt.Errorf("cannot set file %q%s: %w", path, s.origin(spec.KindFile, path), err)
			}
			switch {
			case errors.Is(err, fs.ErrNotExist):
				early, errs = append(early, path), append(errs, err)
			case err != nil:
				return err
			}
		}
		if len(early) == len(todo) {
			return errors.Join(errs...)
		}
		todo = early
	}
	return s.emptied(accounts)
}

// removeFiles removes what the plan deletes, deepest first, and what an earlier
// spec wrote to where a path no longer leads: behind a link that is removed or gets
// another target, or in a folder that a link replaces. It resolves all paths before
// it changes any link.
func (s *stage) removeFiles() error {
	gone, diverted := s.deletes(spec.KindFile), s.Plan.Diverted()
	for path := range s.Prev.Files {
		if _, wanted := s.Want.Files[path]; wanted && spec.Below(path, diverted) && s.ledAsSaid(path) {
			gone = append(gone, path)
		}
	}
	var paths []string
	for _, path := range gone {
		at, err := s.tree.Canonical(path)
		var link *system.LinkError
		switch {
		case errors.As(err, &link): // not followed: what is behind it stays
		case err != nil:
			return fmt.Errorf("cannot remove %q: %w", path, err)
		default:
			paths = append(paths, at)
		}
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	for _, path := range slices.Compact(paths) {
		if err := s.remove(path); err != nil {
			return err
		}
	}
	return nil
}

// ledAsSaid reports whether the links above a path are those of the earlier spec:
// what is behind one that somebody has turned elsewhere is theirs.
func (s *stage) ledAsSaid(path string) bool {
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		f := s.Prev.Files[dir]
		if f.Type != spec.Symlink {
			continue
		}
		err := s.tree.Reach(dir, func(at system.Spot) error {
			if target, err := os.Readlink(at.Path()); err != nil || target != f.Target {
				return fs.ErrNotExist
			}
			return nil
		})
		if err != nil {
			return false
		}
	}
	return true
}

func (s *stage) file(path string, cache *StatCache) error {
	want := s.Want.Files[path]
	live := want.Live(path)
	have, err := observer{names: s.names, cache: cache, path: path, want: want, size: s.blobSize}.file(s.tree)
	if err != nil {
		return err
	}
	if len(spec.DiffFile(path, have, want)) == 0 {
		return nil
	}
	if have == nil {
		made, err := s.parents(path)
		s.Folders = append(s.Folders, made...)
		if err != nil {
			return err
		}
	}
	if live.Type == spec.Symlink || have != nil && have.Type == spec.Symlink {
		defer s.tree.Forget()
	}
	err = s.tree.Reach(path, func(at system.Spot) error {
		if have != nil && have.Type != live.Type {
			if err := makeRoom(at, have.Type); err != nil {
				return err
			}
			have = nil
		}
		return s.write(at, have, live)
	})
	if err == nil && len(want.Secrets) == 0 {
		s.changed = append(s.changed, path)
	}
	return err
}

// makeRoom removes what has another type than what is wanted, except for a
// folder with something in it.
func makeRoom(at system.Spot, was spec.FileType) error {
	if err := os.Remove(at.Path()); err != nil {
		return fmt.Errorf("a %s stands there and cannot be replaced: %w; move it away first", was, underlying(err))
	}
	return nil
}

// underlying is an error without the path that it was met at, by which nobody
// knows it.
func underlying(err error) error {
	var met *fs.PathError
	if errors.As(err, &met) {
		return met.Err
	}
	return err
}

// write makes the spot match live. If only metadata differ, it does not touch the
// bytes: in an overlay that would copy them. A file that it writes has no extended
// attributes and no other names. If the present file has several names, somebody
// may have linked it here, so write does not change its attributes.
func (s *stage) write(at system.Spot, have *spec.File, live spec.File) error {
	uid, gid, err := s.owner(live)
	if err != nil {
		return err
	}
	if live.Type == spec.Symlink {
		return link(at, have, live, uid, gid)
	}
	bits, err := strconv.ParseUint(live.Mode, 8, 12)
	if err != nil {
		return fmt.Errorf("its mode %q is not four octal digits", live.Mode)
	}
	mode := os.FileMode(bits)
	if live.Type == spec.Directory {
		if have != nil {
			return at.SetMeta(unix.S_IFDIR, mode, uid, gid)
		}
		return at.Mkdir(mode, uid, gid)
	}
	if have == nil || have.Digest != live.Digest || len(have.Xattrs) > 0 || manyNames(at) {
		data, err := s.bytes(live)
		if err != nil {
			return err
		}
		return system.StageFile(at.Path(), data, mode, uid, gid)
	}
	return at.SetMeta(unix.S_IFREG, mode, uid, gid)
}

func manyNames(at system.Spot) bool {
	st, err := at.Stat()
	return err == nil && st.Nlink > 1
}

func link(at system.Spot, have *spec.File, live spec.File, uid, gid int) error {
	if have != nil && have.Target != live.Target {
		if err := os.Remove(at.Path()); err != nil {
			return err
		}
		have = nil
	}
	if have == nil {
		if err := os.Symlink(live.Target, at.Path()); err != nil {
			return err
		}
	}
	return os.Lchown(at.Path(), uid, gid)
}

// bytes of a regular file: its text, or the blob of its digest.
func (s *stage) bytes(f spec.File) ([]byte, error) {
	if data := []byte(f.Content); spec.Sum(data) == f.Digest {
		return data, nil
	}
	data, err := s.Blob(f.Digest)
	if err != nil {
		return nil, err
	}
	if spec.Sum(data) != f.Digest {
		return nil, fmt.Errorf("its stored bytes do not have the digest %s: the store is damaged", f.Digest)
	}
	return data, nil
}

func (s *stage) blobSize(digest string) int64 {
	data, err := s.Blob(digest)
	if err != nil {
		return -1
	}
	return int64(len(data))
}

// owner resolves names in the root's own database.
func (s *stage) owner(f spec.File) (uid, gid int, err error) {
	uid, ok := s.names.UID(f.Owner)
	if !ok {
		return 0, 0, fmt.Errorf("its owner %q is no user of the host", f.Owner)
	}
	gid, ok = s.names.GID(f.Group)
	if !ok {
		return 0, 0, fmt.Errorf("its group %q is no group of the host", f.Group)
	}
	return uid, gid, nil
}

// plainFile is a root-owned text file that hostctl makes. It reports nothing if the
// file is already right.
func (s *stage) plainFile(path, content string) error {
	if b, as, err := readPlain(s.root, s.names, path); err == nil && string(b) == content && as == spec.PlainFile {
		return nil
	}
	if _, err := s.parents(path); err != nil {
		return err
	}
	uid, gid := s.rootIDs()
	return s.tree.Reach(path, func(at system.Spot) error {
		return system.StageFile(at.Path(), []byte(content), 0o644, uid, gid)
	})
}

// checks runs the Check of every file that was written. All are run before
// the first failure refuses the stage, so that one run shows every mistake.
func (s *stage) checks(ctx context.Context) error {
	var errs []error
	for _, path := range s.changed {
		check := s.Want.Files[path].Check
		if len(check) == 0 {
			continue
		}
		args := make([]string, len(check))
		for i, a := range check {
			args[i] = strings.ReplaceAll(a, "{path}", path)
		}
		if out, err := s.root.Command(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("cannot accept file %q%s: its check %q failed: %w\n%s",
				path, s.origin(spec.KindFile, path), strings.Join(args, " "), err, strings.TrimSpace(string(out))))
		}
	}
	return errors.Join(errs...)
}

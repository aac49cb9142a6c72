package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// files removes what goes, deepest first, then writes what differs, parents
// before what is in them: byte order does both.
func (s *stage) files(context.Context) error {
	accounts, err := account.Read(s.root)
	if err != nil {
		return err
	}
	s.names, s.homes = accounts.Names(), homes(accounts, s.Want.Users)
	gone := s.deletes(spec.KindFile)
	slices.Sort(gone)
	slices.Reverse(gone)
	for _, path := range gone {
		if err := s.remove(path); err != nil {
			return err
		}
	}
	if err := s.refuseTwice(); err != nil {
		return err
	}
	cache := NewStatCache()
	for _, path := range keys(s.Want.Files) {
		if err := s.file(path, cache); err != nil {
			return fmt.Errorf("cannot set file %q%s: %w", path, s.origin(spec.KindFile, path), err)
		}
	}
	return nil
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
	if len(want.Secrets) == 0 {
		s.changed = append(s.changed, path)
	}
	if have == nil {
		if err := s.parents(path); err != nil {
			return err
		}
	}
	if live.Type == spec.Symlink || have != nil && have.Type == spec.Symlink {
		defer s.tree.Forget()
	}
	return s.tree.Reach(path, func(at system.Spot) error {
		if have != nil && have.Type != live.Type {
			if err := makeRoom(at, have.Type); err != nil {
				return err
			}
			have = nil
		}
		return s.write(at, have, live)
	})
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

// write makes what stands at a spot what live says. Where only metadata differ,
// the bytes are not touched: in an overlay that would copy them. A file written
// anew has no extended attributes, and no other names: of one with several
// somebody may have put one here, and no attribute of it is changed.
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

// plainFile is a root-owned text file of hostctl's making; it says nothing if
// the file is so already.
func (s *stage) plainFile(path, content string) error {
	if b, as, err := readPlain(s.root, s.names, path); err == nil && string(b) == content && as == spec.PlainFile {
		return nil
	}
	if err := s.parents(path); err != nil {
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

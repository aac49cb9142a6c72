package stage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// snapshot is what the live root was when the stage began: whatever is not
// the same later was changed by somebody else. It is told by inequality of
// inode and ctime, never by which time is later: a clock can jump, and files
// can come from one that was wrong (engine rule 28).
type snapshot struct {
	root    string
	managed []string        // where the paths of the specs led to
	owned   map[string]bool // by dpkg; true for conffiles
	folders []string        // of which every path was looked at
	nodes   map[string]identity
}

type identity struct {
	dev, ino uint64
	ctime    syscall.Timespec
}

// systemFolders hold what maintainer scripts change. Everything else that a
// switch replaces is listed by dpkg or by the spec.
func systemFolders() []string {
	return append(registries(), "/etc", "/usr", "/opt", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
}

// takeSnapshot looks at all that the stage may replace. Without packages that
// is /etc and what the spec names.
func takeSnapshot(job *childJob) (*snapshot, error) {
	owned, err := apt.Owned(system.Root(job.Root))
	if err != nil {
		return nil, err
	}
	managed, err := physical(system.Root(job.Root), append(slices.Clone(job.Managed), job.Folders...))
	if err != nil {
		return nil, err
	}
	s := &snapshot{root: job.Root, managed: managed, owned: owned, folders: []string{"/etc"}, nodes: make(map[string]identity, len(owned))}
	paths := slices.Clone(managed)
	if len(job.Plan.Of(spec.KindPackage)) > 0 {
		s.folders = systemFolders()
		for path := range owned {
			paths = append(paths, path)
		}
	}
	paths = slices.DeleteFunc(paths, s.watched)
	for _, folder := range s.folders {
		err := filepath.WalkDir(filepath.Join(job.Root, folder), func(at string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // not on this root, or gone while it is looked at
				return nil
			case err != nil:
				return err
			case d.IsDir() && d.Name() == node.AreaName:
				return fs.SkipDir
			case !d.IsDir():
				paths = append(paths, "/"+trimRoot(at, s.root))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	found := make([]*identity, len(paths))
	err = system.Share(len(paths), func(i int) (err error) {
		found[i], err = identify(filepath.Join(job.Root, paths[i]))
		return err
	})
	for i, id := range found {
		if id != nil {
			s.nodes[paths[i]] = *id
		}
	}
	return s, err
}

// identify returns nil where nothing, or a folder, stands at a path.
func identify(at string) (*identity, error) {
	var st syscall.Stat_t
	err := syscall.Lstat(at, &st)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || err == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "lstat", Path: at, Err: err}
	}
	return &identity{st.Dev, st.Ino, st.Ctim}, nil
}

func (s *snapshot) watched(path string) bool { return within(path, s.folders...) }

// changed reports whether a path is not what it was. Of one that nobody
// looked at it says no: the commit compares it with what the changeset says.
func (s *snapshot) changed(path string) (bool, error) {
	is, err := identify(filepath.Join(s.root, path))
	if err != nil {
		return false, err
	}
	was, known := s.nodes[path]
	switch {
	case known:
		return is == nil || *is != was, nil
	case is != nil:
		return s.watched(path), nil
	}
	return false, nil
}

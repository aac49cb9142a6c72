package system

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Tree is an open root folder. Everything below it is reached from there, through
// folders that are open in turn, so that nobody can redirect the path between a
// look and a change by renaming one of them.
//
// Several goroutines may use it at once. Whoever opened it closes it.
type Tree struct {
	root int

	mu       sync.Mutex
	idle     []held            // the folder that each user reached last
	physical map[string]string // folders behind links, once they are resolved
}

// held is a folder of the tree, open with O_PATH.
type held struct {
	path string
	fd   int
}

// Spot is a name in a folder that stays open while the spot is in use, or, with
// AT_FDCWD, a path that nobody else can redirect.
type Spot struct {
	Dir  int // the folder, for openat(2) and its like
	Name string
}

// Plainly is the spot of a path.
func Plainly(path string) Spot { return Spot{unix.AT_FDCWD, path} }

// Path leads to the spot through its folder (proc_pid_fd(5)), for calls that take
// no descriptor of a folder. The spot itself may be a link.
func (s Spot) Path() string {
	if s.Dir == unix.AT_FDCWD {
		return s.Name
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", s.Dir, s.Name)
}

// Stat is lstat(2) of the spot.
func (s Spot) Stat() (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(s.Dir, s.Name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, err
	}
	return &st, nil
}

// Open opens the regular file at the spot for reading, as OpenRegular does.
func (s Spot) Open() (*os.File, error) { return openRegular(s.Dir, s.Name) }

// Mkdir makes a folder with this mode (the bits of chmod(2)) and owner.
func (s Spot) Mkdir(mode os.FileMode, uid, gid int) error {
	if err := unix.Mkdirat(s.Dir, s.Name, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: s.Name, Err: err}
	}
	return s.SetMeta(unix.S_IFDIR, mode, uid, gid)
}

// SetMeta sets owner and mode (the bits of chmod(2)) of the node at the spot,
// which must have this type (S_IFDIR or S_IFREG, inode(7)).
func (s Spot) SetMeta(kind uint32, mode os.FileMode, uid, gid int) error {
	fail := func(op string, err error) error { return &os.PathError{Op: op, Path: s.Name, Err: err} }
	fd, err := unix.Openat(s.Dir, s.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fail("stat", err)
	}
	if st.Mode&unix.S_IFMT != kind {
		return fail("set owner and mode of", errors.New("it changed while hostctl was at work"))
	}
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fail("chown", err)
	}
	if err := unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), uint32(mode)&0o7777); err != nil {
		return fail("chmod", err)
	}
	return nil
}

// LinkError says that one of the folders of a path is a link that is not
// followed, since another than root could have made it.
type LinkError struct {
	Path string // of the link, in the root
	UID  uint32 // who owns it
}

func (e *LinkError) Error() string {
	whose := fmt.Sprintf("of user %d", e.UID)
	if roots(e.UID) {
		whose = "in a folder that others than root may write to"
	}
	return fmt.Sprintf("%s is a link %s; hostctl follows no link that another than root could have made lead somewhere else; "+
		"put a folder in its place, or name in the configuration where it leads", e.Path, whose)
}

// OpenTree holds the folder root open, whose own path is followed.
func OpenTree(root string) (*Tree, error) {
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	return &Tree{root: fd, physical: map[string]string{}}, nil
}

// Close lets go of every folder.
func (t *Tree) Close() {
	for _, h := range t.idle {
		unix.Close(h.fd)
	}
	unix.Close(t.root)
}

// At does something with the absolute path p of the root. If one of its folders is
// a link, the error is ELOOP; if one is missing, ENOENT; if something else is in
// its place, ENOTDIR.
func (t *Tree) At(p string, do func(Spot) error) error {
	return t.in(path.Dir(path.Clean("/"+p)), path.Base(path.Clean("/"+p)), do)
}

// Reach is At for a path as a person writes it: links in its folders that root
// alone could have made are followed, /bin and /var/run. Any other is a
// *LinkError.
func (t *Tree) Reach(p string, do func(Spot) error) error {
	p = path.Clean("/" + p)
	dir, name := path.Dir(p), path.Base(p)
	h, err := t.take(t.known(dir))
	if errors.Is(err, unix.ELOOP) {
		if dir, err = t.resolve(dir); err == nil {
			h, err = t.take(dir)
		}
	}
	if err != nil {
		return err
	}
	defer t.give(h)
	return do(spotIn(h, name))
}

// Physical is the folder that an absolute path of the root leads to, by links
// that root alone could have made. What does not exist is taken literally.
func (t *Tree) Physical(dir string) (string, error) {
	dir = t.known(path.Clean("/" + dir))
	h, err := t.take(dir)
	switch {
	case errors.Is(err, unix.ELOOP):
		return t.resolve(dir)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return dir, nil
	case err != nil:
		return "", err
	}
	t.give(h)
	return dir, nil
}

// Canonical is a path as changesets write it: with Physical for its folder.
func (t *Tree) Canonical(p string) (string, error) {
	dir, err := t.Physical(path.Dir(p))
	return path.Join(dir, path.Base(p)), err
}

// Led is where links led a path when it was reached: like Canonical, without
// looking again.
func (t *Tree) Led(p string) string { return path.Join(t.known(path.Dir(p)), path.Base(p)) }

// known is the folder to which a path with links was found to lead, or the path.
func (t *Tree) known(dir string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return cmp.Or(t.physical[dir], dir)
}

// Forget makes Tree resolve links again: call it after changing one in a folder of
// root's.
func (t *Tree) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.physical)
}

func (t *Tree) in(dir, name string, do func(Spot) error) error {
	h, err := t.take(dir)
	if err != nil {
		return err
	}
	defer t.give(h)
	return do(spotIn(h, name))
}

// spotIn calls the root itself by the name that it has in itself.
func spotIn(h held, name string) Spot {
	if name == "/" {
		name = "."
	}
	return Spot{h.fd, name}
}

// take keeps a folder open. Successive users mostly need the same folder as the
// last. A single user never gets a folder that a name no longer leads to after it
// changed that name, because it used another folder in between.
func (t *Tree) take(dir string) (held, error) {
	t.mu.Lock()
	h := held{fd: -1}
	if n := len(t.idle); n > 0 {
		h, t.idle = t.idle[n-1], t.idle[:n-1]
	}
	t.mu.Unlock()
	if h.path == dir {
		return h, nil
	}
	if h.fd >= 0 {
		unix.Close(h.fd)
	}
	fd, err := t.open(dir)
	if err != nil {
		return h, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return held{dir, fd}, nil
}

func (t *Tree) give(h held) {
	t.mu.Lock()
	t.idle = append(t.idle, h)
	t.mu.Unlock()
}

func (t *Tree) open(dir string) (int, error) {
	rel := strings.TrimPrefix(dir, "/")
	if rel == "" {
		rel = "."
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := unix.Openat2(t.root, rel, &how)
	for errors.Is(err, unix.EINTR) { // of what another process serves, as FUSE
		fd, err = unix.Openat2(t.root, rel, &how)
	}
	// Filters of system calls that do not know this one say either.
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return stepwise(t.root, rel)
	}
	return fd, err
}

// stepwise is openat2(2) without links for kernels and filters that have none.
func stepwise(root int, rel string) (int, error) {
	fd, err := unix.Openat(root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for name := range strings.SplitSeq(rel, "/") {
		if err != nil {
			return -1, err
		}
		next, nextErr := unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		var st unix.Stat_t
		if errors.Is(nextErr, unix.ENOTDIR) && unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			nextErr = unix.ELOOP
		}
		unix.Close(fd)
		fd, err = next, nextErr
	}
	return fd, err
}

// resolve follows the links of a path, and remembers where it leads.
func (t *Tree) resolve(dir string) (string, error) {
	done, rest := "/", strings.Split(strings.Trim(path.Clean("/"+dir), "/"), "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		target, owner, err := t.readlink(next)
		if err != nil {
			return "", err
		}
		if target == "" {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", &os.PathError{Op: "open", Path: dir, Err: unix.ELOOP}
		}
		sole, err := t.Sole(done)
		if err != nil {
			return "", err
		}
		if !sole || !roots(owner) {
			return "", &LinkError{next, owner}
		}
		if path.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	t.mu.Lock()
	t.physical[dir] = done
	t.mu.Unlock()
	return done, nil
}

// readlink reads a link in a physical folder; "" where there is none.
func (t *Tree) readlink(p string) (target string, owner uint32, err error) {
	err = t.At(p, func(s Spot) error {
		st, err := s.Stat()
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
			return err
		}
		owner = st.Uid
		target, err = os.Readlink(s.Path())
		return err
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return "", 0, nil
	}
	return target, owner, err
}

// Sole reports whether root alone may change names in a physical folder of the
// root, and in every one above it. Where ACLs let others, the group's bits say
// so (acl(5)). What is not there is nobody else's.
func (t *Tree) Sole(dir string) (bool, error) {
	for end := 0; end <= len(dir); end++ {
		if end < len(dir) && dir[end] != '/' {
			continue
		}
		var st *unix.Stat_t
		err := t.At(dir[:end], func(s Spot) (err error) {
			st, err = s.Stat()
			return err
		})
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return true, nil
		case err != nil:
			return false, err
		case !roots(st.Uid) || st.Mode&0o022 != 0:
			return false, nil
		}
	}
	return true, nil
}

// Names lists a physical folder of the root.
func (t *Tree) Names(dir string) (names []string, err error) {
	err = t.in(path.Clean("/"+dir), ".", func(s Spot) error {
		fd, err := unix.Openat(s.Dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: dir, Err: err}
		}
		f := os.NewFile(uintptr(fd), dir)
		names, err = f.Readdirnames(-1)
		return errors.Join(err, f.Close())
	})
	return names, err
}

// roots reports whether an owner is root, or this process's own account, which
// can do to itself what it likes.
func roots(uid uint32) bool { return uid == 0 || uid == uint32(os.Geteuid()) }

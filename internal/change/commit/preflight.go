package commit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// preflight refuses, before anything is written, what would fail or lose data
// half-way (engine rules 5, 7, 11): every path that a step touches, its folder
// and what is above that are looked at as the steps will find them.
func (j Journal) preflight(tx *transaction.Tx) error {
	leaving, err := j.look(tx)
	return errors.Join(err, inUse(leaving))
}

// look looks at the paths, and returns those of the files that go away, by
// inode.
func (j Journal) look(tx *transaction.Tx) (leaving map[uint64]string, err error) {
	tree, err := system.OpenTree(j.Root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	p := &preflight{
		root: j.Root, tree: tree, tx: tx, then: map[string]standing{}, folders: map[string]bool{},
		leaving: map[uint64]string{}, gone: map[string]bool{}, timed: map[string]bool{}, grown: map[string]uint64{},
	}
	if err := p.mounts(j); err != nil {
		return nil, err
	}
	steps := slices.Clone(tx.Steps)
	for _, s := range tx.Clean {
		if s.Late() {
			steps = append(steps, s)
		}
	}
	for _, s := range steps {
		if s.Goes() || s.Do == transaction.Rmdir || s.Do == transaction.Prune || s.Do == transaction.Copies && s.New == nil {
			p.gone[s.Path] = true
		}
	}
	for _, s := range steps {
		p.step(j, s)
	}
	p.crowded()
	return p.leaving, transaction.JoinSome(p.errs)
}

// standing is what a path is once the steps so far are done.
type standing int

const (
	asFound standing = iota // no step has changed it yet
	folder
	leaf
	nothing
)

type preflight struct {
	root    string
	tree    *system.Tree
	tx      *transaction.Tx
	mntIDs  []uint64 // of the transaction's mounts
	then    map[string]standing
	folders map[string]bool   // folders that were looked at
	gone    map[string]bool   // paths that a step takes away
	timed   map[string]bool   // paths whose times an earlier step sets
	leaving map[uint64]string // inodes that a step takes away
	grown   map[string]uint64 // folders made in a folder
	errs    []error
}

func (p *preflight) refuse(path, why string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("cannot change %s: %s", path, fmt.Sprintf(why, args...)))
}

// stat is statx(2) with what the file system says of chattr(1) flags, which
// it tells without opening the node. At a spot it is nil where nothing is.
func stat(at system.Spot, path string) (*unix.Statx_t, error) {
	var st unix.Statx_t
	err := unix.Statx(at.Dir, at.Name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT,
		unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return &st, nil
}

// stat is stat of a path of the root. Below a link nothing is.
func (p *preflight) stat(path string) (st *unix.Statx_t, err error) {
	err = p.tree.At(path, func(at system.Spot) (err error) {
		st, err = stat(at, path)
		return err
	})
	return st, node.IgnoreAway(err)
}

func isDir(st *unix.Statx_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

// frozen names the chattr flag that forbids to change a node, "" for none.
func frozen(st *unix.Statx_t) string {
	switch {
	case st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return "immutable; 'chattr -i' lifts that"
	case st.Attributes&unix.STATX_ATTR_APPEND != 0:
		return "append-only; 'chattr -a' lifts that"
	}
	return ""
}

// mounts refuses file systems that cannot be written to, as one is after an
// error that made the kernel remount it (ext4's errors=remount-ro).
func (p *preflight) mounts(j Journal) error {
	var errs []error
	for i, m := range p.tx.Mounts {
		var fs unix.Statfs_t
		if err := unix.Statfs(j.top(p.tx, i), &fs); err != nil {
			return &os.PathError{Op: "statfs", Path: j.top(p.tx, i), Err: err}
		}
		if fs.Flags&unix.ST_RDONLY != 0 {
			errs = append(errs, fmt.Errorf("cannot change anything below %s: it is mounted read-only; find out why, then 'mount -o remount,rw %s'", m.Point, m.Point))
		}
		st, err := stat(system.Plainly(j.top(p.tx, i)), m.Point)
		if err != nil {
			return err
		}
		p.mntIDs = append(p.mntIDs, st.Mnt_id)
	}
	return errors.Join(errs...)
}

// step looks at what one step touches.
func (p *preflight) step(j Journal, s transaction.Step) {
	parent := filepath.Dir(s.Path)
	if s.Do == transaction.Meta || s.Do == transaction.Mtime {
		if s.In != 0 && p.then[parent] == asFound && !p.direct(parent) {
			return
		}
	} else if !p.folder(parent, s.FS) {
		return
	}
	if p.then[s.Path] == asFound {
		p.live(s)
	}
	switch {
	case s.Do == transaction.Meta:
		p.timed[s.Path] = true
	case s.Do == transaction.Swap && s.Comes():
		waiting, err := stat(system.Plainly(filepath.Join(p.tx.Area(j.Root, s.FS), s.Slot)), s.Slot)
		if err != nil {
			p.errs = append(p.errs, err)
		} else if waiting != nil && frozen(waiting) != "" {
			p.refuse(s.Path, "its new node is %s", frozen(waiting))
		}
		if p.then[s.Path] == folder && !s.Goes() {
			p.refuse(s.Path, "this folder stays, since something is in it that is nobody's; move that away")
		}
		p.then[s.Path] = leaf
		if s.InDir {
			p.then[s.Path] = folder
			p.grown[parent]++
		}
	case s.Do == transaction.Copies:
		p.copied(s)
	case s.Do == transaction.Mkdir:
		p.then[s.Path] = folder
		p.grown[parent]++
	case (s.Do == transaction.Rmdir || s.Do == transaction.Prune) && p.foreign(s.Path) != "":
		p.then[s.Path] = folder // as dpkg does it stays
	case s.Do == transaction.Swap, s.Do == transaction.Rmdir, s.Do == transaction.Prune:
		p.then[s.Path] = nothing
	}
}

// foreign names something in a folder that no step takes away, "" where there
// is nothing.
func (p *preflight) foreign(path string) string {
	children, err := p.tree.Names(path)
	if node.IgnoreAway(err) != nil {
		p.errs = append(p.errs, err)
	}
	for _, name := range children {
		if child := filepath.Join(path, name); !p.gone[child] {
			return child
		}
	}
	return ""
}

// live looks at the node that the first step on a path finds there.
func (p *preflight) live(s transaction.Step) {
	path := filepath.Join(p.root, s.Path)
	st, err := p.stat(s.Path)
	if err != nil {
		p.errs = append(p.errs, err)
		return
	}
	if st == nil {
		if s.Do == transaction.Swap && s.Goes() || s.Do == transaction.Copies && s.Old != nil {
			p.refuse(s.Path, "it is gone; %s", again)
		}
		return
	}
	switch {
	case s.Do == transaction.Swap && !s.Goes():
		p.refuse(s.Path, "something stands there now; %s", again)
	case s.Do == transaction.Mtime:
		if frozen(st) != "" && isDir(st) {
			p.refuse(s.Path, "it is %s", frozen(st))
		}
	case frozen(st) != "":
		p.refuse(s.Path, "it is %s", frozen(st))
	case st.Mnt_id != p.mntIDs[s.FS]:
		p.refuse(s.Path, "something is mounted on it; unmount it first")
	case s.Do == transaction.Swap:
		p.swapped(s, path, st)
	case s.Do == transaction.Copies:
		if is, err := node.ReadHeld(path); err != nil || !is.Alike(s.Old) {
			p.refuse(s.Path, "%s", again)
		} else if !is.IsDir() {
			p.leaving[st.Ino] = path
		}
	}
}

// copied notes what a path is after a copy.
func (p *preflight) copied(s transaction.Step) {
	child := ""
	if s.Old.IsDir() {
		child = p.foreign(s.Path)
	}
	switch {
	case s.New == nil && child == "":
		p.then[s.Path] = nothing
	case s.New == nil, s.New.IsDir():
		p.then[s.Path] = folder
	default:
		p.then[s.Path] = leaf
		if child != "" {
			p.refuse(s.Path, "a file takes the place of this folder, and %s is in it, which is nobody's; move that away", child)
		}
	}
}

// again is what to do about a path that somebody changed meanwhile.
const again = "it changed since the steps were made, run the command again"

func (p *preflight) swapped(s transaction.Step, path string, st *unix.Statx_t) {
	switch {
	case isDir(st) != s.OutDir, !s.OutDir && st.Ino != s.Out,
		s.Was != nil && (int64(st.Size) != s.Was.Size || !p.timed[s.Path] && st.Mtime.Sec*1e9+int64(st.Mtime.Nsec) != s.Was.MTime):
		p.refuse(s.Path, "%s", again)
		return
	case !s.OutDir:
		p.leaving[st.Ino] = path
		return
	}
	if child := p.foreign(s.Path); child != "" {
		p.refuse(s.Path, "a file takes the place of this folder, and %s is in it, which is nobody's; move that away", child)
	}
}

// folder reports whether a path is, or will be, a folder on the mount that
// the transaction knows, in which names can be changed; it says so once where
// it is not.
func (p *preflight) folder(path string, fs int) bool {
	switch p.then[path] {
	case folder:
		return true
	case leaf, nothing:
		p.refuse(path, "internal error: steps below it come after those that take it away")
		return false
	}
	if ok, seen := p.folders[path]; seen {
		return ok
	}
	ok := p.stands(path, fs)
	p.folders[path] = ok
	return ok
}

func (p *preflight) stands(path string, fs int) bool {
	for dir := filepath.Dir(path); path != "/"; dir = filepath.Dir(dir) {
		if p.then[dir] == asFound && !p.plain(dir) {
			return false
		}
		if dir == "/" {
			break
		}
	}
	st, err := p.stat(path)
	switch {
	case err != nil:
		p.errs = append(p.errs, err)
	case st == nil:
		p.refuse(path, "the folder is gone; %s", again)
	case !isDir(st):
		p.refuse(path, "it is no folder any more; %s", again)
	case frozen(st) != "":
		p.refuse(path, "names in this folder cannot be changed, it is %s", frozen(st))
	case st.Mnt_id != p.mntIDs[fs]:
		p.refuse(path, "another file system is mounted there now; unmount it first")
	default:
		return true
	}
	return false
}

// direct refuses a folder to which a link leads, or which is one, where a node was
// found in it. That it is gone is no matter to steps that set attributes.
func (p *preflight) direct(dir string) bool {
	err := p.tree.At(filepath.Join(dir, "x"), func(system.Spot) error { return nil })
	if errors.Is(err, unix.ELOOP) {
		p.plain(dir)
		return false
	}
	return true
}

// plain refuses an ancestor that is no folder itself: through a link the
// steps would end up elsewhere.
func (p *preflight) plain(dir string) bool {
	if ok, seen := p.folders["plain:"+dir]; seen {
		return ok
	}
	st, err := p.stat(dir)
	ok := err == nil && st != nil && isDir(st)
	if err != nil {
		p.errs = append(p.errs, err)
	} else if !ok {
		p.refuse(dir, "it is no folder any more, and steps go below it; %s", again)
	}
	p.folders["plain:"+dir] = ok
	return ok
}

// maxLinks is how many folders a folder of ext4 can hold without the feature
// dir_nlink, counted by its links (ext4(5)); with it the count goes back to 1.
// Of the others none counts below 2^31.
const maxLinks = 65000

// crowded refuses folders that would hold too many others.
func (p *preflight) crowded() {
	for parent, made := range p.grown {
		var fs unix.Statfs_t
		path := filepath.Join(p.root, parent)
		st, err := p.stat(parent)
		if err == nil && st != nil && unix.Statfs(path, &fs) == nil && fs.Type == unix.EXT4_SUPER_MAGIC &&
			st.Nlink > 1 && uint64(st.Nlink)+made > maxLinks {
			p.refuse(parent, "it would hold more than the %d folders that ext4 allows there", maxLinks-2)
		}
	}
}

// inUse refuses files that a process has open for writing, or has locked: it
// would write to, or hold, what is then the undo (engine rule 5).
func inUse(leaving map[uint64]string) error {
	if len(leaving) == 0 {
		return nil
	}
	return errors.Join(openForWriting(leaving), locked(leaving))
}

func comm(pid string) string {
	name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm")) // only for the message
	return strings.Join(strings.Fields(string(name)), " ")      // a process names itself: in lines, too
}

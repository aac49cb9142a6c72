package transaction

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Verb is what a step does.
type Verb string

// The verbs. Swap moves nodes between a slot and a live path: both ways at
// once where both hold one, in or out where one side is empty.
const (
	Swap   Verb = "swap"
	Mkdir  Verb = "mkdir"
	Rmdir  Verb = "rmdir"
	Meta   Verb = "attr"
	Mtime  Verb = "mtime"
	unlink Verb = "unlink" // drop a slot whose node nobody needs again
	Keep   Verb = "keep"   // move a slot's node to where drift is kept aside
	Prune  Verb = "prune"  // remove a folder that nothing is in
	Copies Verb = "copy"   // put New in the place of Old, on a mount that is changed by copies
)

// Step is one operation of a transaction. Each can be repeated, in either
// direction, whatever part of the transaction a crash let through: a swap
// looks into the slot to see whether it has happened, and so do those that make
// and remove folders. A path can have several, along several edges: what stands
// there tells nothing.
type Step struct {
	Do   Verb   `json:"do"`
	Path string `json:"path"` // below the root
	Slot string `json:"slot,omitempty"`
	FS   int    `json:"fs"`
	In   uint64 `json:"in,omitempty"`  // inode that goes live; 0 is none. Of attr, the inode it is set on
	Out  uint64 `json:"out,omitempty"` // inode that comes out; 0 is none
	// InDir and OutDir say which side is a folder. A folder that another
	// step of the transaction makes has no inode yet when steps are written.
	InDir  bool `json:"in_dir,omitempty"`
	OutDir bool `json:"out_dir,omitempty"`
	// Was is the node that comes out as it was when the steps were written:
	// one that was written to since is not taken away (engine rule 5).
	Was  *Stamp     `json:"was,omitempty"`
	From *node.Attr `json:"from,omitempty"`
	To   *node.Attr `json:"to,omitempty"`
	Dest string     `json:"dest,omitempty"` // of keep, below the area
	New  *node.Node `json:"new,omitempty"`  // of copy: what goes live; nil is nothing
	Old  *node.Node `json:"old,omitempty"`  // of copy: what was there
}

// Valid refuses a step that cannot be run: a path out of bounds, a word that
// nobody knows, metadata that it needs and lacks.
func (s Step) Valid(mounts int) error {
	needs := map[Verb]struct{ slot, attr bool }{
		Swap: {slot: true}, Mkdir: {slot: true, attr: true}, Rmdir: {slot: true, attr: true},
		Meta: {attr: true}, Mtime: {attr: true}, unlink: {slot: true}, Keep: {slot: true}, Copies: {}, Prune: {},
	}
	need, known := needs[s.Do]
	switch {
	case !known:
		return fmt.Errorf("%q is no verb", s.Do)
	case !node.Absolute(s.Path), need.slot != (s.Slot != ""), need.slot && !node.SlotName(s.Slot), (s.Do == Keep) != (s.Dest != ""), s.Dest != "" && !node.SlotName(s.Dest):
		return fmt.Errorf("%s %q, slot %q: the path is out of bounds", s.Do, s.Path, s.Slot)
	case s.FS < 0 || s.FS >= mounts:
		return fmt.Errorf("%s %s: file system %d is not one of %d", s.Do, s.Path, s.FS, mounts)
	case s.Do == Copies && !(changeset.Mount{Copies: true}.Places(s.New) && changeset.Mount{Copies: true}.Places(s.Old)):
		return fmt.Errorf("copy %s: its bytes are out of bounds", s.Path)
	case need.attr && (s.From == nil || s.To == nil):
		return fmt.Errorf("%s %s: its metadata is missing", s.Do, s.Path)
	}
	return nil
}

// Stamp is what a write changes of a file.
type Stamp struct {
	Size  int64 `json:"size"`
	MTime int64 `json:"mtime"` // nanoseconds since the epoch
}

// Inverse is the step that undoes s.
func (s Step) Inverse() Step {
	s.In, s.Out = s.Out, s.In
	s.InDir, s.OutDir = s.OutDir, s.InDir
	s.Was = nil
	s.From, s.To = s.To, s.From
	s.New, s.Old = s.Old, s.New
	switch s.Do {
	case Mkdir:
		s.Do = Rmdir
	case Rmdir:
		s.Do = Mkdir
	}
	return s
}

// Apply does the step on a root; area is the .hostctl folder of its mount. The
// folder of its path is held open meanwhile, and reached without a link: in one
// of somebody else's the path may lead anywhere by then.
func (s Step) Apply(root *system.Tree, area string) error {
	slot := filepath.Join(area, s.Slot)
	switch s.Do {
	case Swap:
		return s.swap(root, slot)
	case Copies:
		return s.copied(root, area)
	case Mkdir:
		return s.mkdir(root, slot)
	case Rmdir:
		return s.rmdir(root, slot)
	case Prune, Meta, Mtime:
		return node.IgnoreAway(root.At(s.Path, s.touch))
	case unlink:
		err := unix.Unlink(slot)
		if errors.Is(err, unix.EISDIR) {
			err = unix.Rmdir(slot)
		}
		return node.IgnoreGone(err)
	case Keep:
		dest := filepath.Join(area, s.Dest)
		if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil { // made by reserve; again after a gc
			return err
		}
		return node.IgnoreGone(unix.Renameat2(unix.AT_FDCWD, slot, unix.AT_FDCWD, dest, 0))
	}
	return fmt.Errorf("internal error: step %q is unknown", s.Do)
}

// touch does a step on what stands at its path, if that is what it is meant for.
// Where it is not a later step has been done, and so has this.
func (s Step) touch(at system.Spot) error {
	switch s.Do {
	case Meta:
		return node.SetAttrAt(at, s.Path, *s.To, func(n *node.Node) bool { return n.Ino == s.In })
	case Mtime:
		n, err := node.LstatAt(at, s.Path)
		if err != nil || !n.IsDir() || s.In != 0 && n.Ino != s.In {
			return err
		}
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(s.To.MTime)}
		if err := unix.UtimesNanoAt(at.Dir, at.Name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return &os.PathError{Op: "set time of", Path: s.Path, Err: err}
		}
		return nil
	}
	// Nothing hangs on prune: a folder in which somebody has put something, or
	// that cannot go, stays, as dpkg's do.
	err := unix.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.EIO) || node.IsFull(err) {
		return &os.PathError{Op: "rmdir", Path: s.Path, Err: err}
	}
	return nil
}

// mkdir puts the folder in place that was made before the marker. Where its slot
// is empty that has been done; and where the parent is gone a later step has been,
// that takes it away: the steps that need the folder fail where it is missing.
func (s Step) mkdir(root *system.Tree, slot string) error {
	if there, err := node.Exists(slot); err != nil || !there {
		return err
	}
	err := root.At(s.Path, func(at system.Spot) error {
		return unix.Renameat2(unix.AT_FDCWD, slot, at.Dir, at.Name, unix.RENAME_NOREPLACE)
	})
	switch {
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ELOOP):
		return fmt.Errorf("cannot create %s: %w", s.Path, node.ErrMoved)
	case node.IgnoreGone(err) != nil:
		return &os.LinkError{Op: "make folder", Old: slot, New: s.Path, Err: err}
	}
	return nil
}

// rmdir takes a folder away into its slot, where it stays for the way back. As
// with dpkg, one in which somebody has put something stays.
func (s Step) rmdir(root *system.Tree, slot string) error {
	return node.IgnoreAway(root.At(s.Path, func(at system.Spot) error {
		there, err := node.Exists(slot)
		if err != nil {
			return err
		}
		if !there {
			if n, err := node.LstatAt(at, s.Path); err != nil || !n.IsDir() {
				return err
			}
			if first, err := firstIn(at); first != "" || err != nil {
				return node.IgnoreGone(err)
			}
			if err := unix.Renameat2(at.Dir, at.Name, unix.AT_FDCWD, slot, unix.RENAME_NOREPLACE); err != nil {
				return &os.LinkError{Op: "remove folder", Old: s.Path, New: slot, Err: err}
			}
		}
		// Put there between the look and the rename: it goes back, if nothing else has
		// the place by now (release).
		first, err := firstIn(system.Plainly(slot))
		if first == "" || err != nil {
			return err
		}
		err = unix.Renameat2(unix.AT_FDCWD, slot, at.Dir, at.Name, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EEXIST) {
			return nil
		}
		return node.IgnoreGone(err)
	}))
}

func (s Step) swap(root *system.Tree, slot string) error {
	waiting, err := node.Lstat(slot)
	if err != nil {
		return err
	}
	switch {
	case s.done(waiting):
		return nil
	case s.Comes() && !holds(waiting, s.In, s.InDir):
		return fmt.Errorf("cannot change %s: its new node is not at %s", s.Path, slot)
	}
	err = root.At(s.Path, func(at system.Spot) error {
		if err := s.exchange(at, slot); err != nil {
			return err
		}
		return s.verify(at, slot)
	})
	switch {
	case errors.Is(err, unix.ELOOP), !s.Goes() && errors.Is(err, unix.EEXIST):
		return fmt.Errorf("cannot change %s: %w", s.Path, node.ErrMoved)
	case err != nil && !errors.Is(err, node.ErrMoved):
		return &os.LinkError{Op: "exchange", Old: slot, New: s.Path, Err: err}
	}
	return err
}

// exchange has the nodes of the slot and of the path change places.
func (s Step) exchange(at system.Spot, slot string) error {
	switch {
	case !s.Goes():
		return unix.Renameat2(unix.AT_FDCWD, slot, at.Dir, at.Name, unix.RENAME_NOREPLACE)
	case !s.Comes():
		return unix.Renameat2(at.Dir, at.Name, unix.AT_FDCWD, slot, unix.RENAME_NOREPLACE)
	}
	return unix.Renameat2(unix.AT_FDCWD, slot, at.Dir, at.Name, unix.RENAME_EXCHANGE)
}

// Late says of a cleaning step that it changes live folders.
func (s Step) Late() bool { return s.Do == Prune || s.Do == Mtime }

// firstIn names something in the folder at a spot, "" where it is empty.
func firstIn(at system.Spot) (string, error) {
	fd, err := unix.Openat(at.Dir, at.Name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: at.Name, Err: err}
	}
	f := os.NewFile(uintptr(fd), at.Name)
	defer f.Close()
	names, err := f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	return strings.Join(names, ""), err
}

// Comes and Goes say on which sides of a swap there is a node.
func (s Step) Comes() bool { return s.In != 0 || s.InDir }
func (s Step) Goes() bool  { return s.Out != 0 || s.OutDir }

// holds reports whether n is the node of one side. Folders are told from files
// by their kind alone: no swap has a folder on both sides.
func holds(n *node.Node, ino uint64, dir bool) bool {
	if n == nil || n.IsDir() != dir {
		return false
	}
	return dir || n.Ino == ino
}

func (s Step) done(waiting *node.Node) bool {
	if !s.Goes() {
		return waiting == nil
	}
	return holds(waiting, s.Out, s.OutDir)
}

// verify looks at what came out of a swap; a node that nobody recorded goes
// back where it was.
func (s Step) verify(at system.Spot, slot string) error {
	if !s.Goes() {
		return nil
	}
	out, err := node.Lstat(slot)
	if err != nil {
		return err
	}
	if holds(out, s.Out, s.OutDir) && (s.Was == nil || *s.Was == Stamp{out.Size, out.MTime}) {
		if !s.OutDir {
			return nil
		}
		// Everything that was in a folder has left it by now, but for what
		// somebody put there in the meantime.
		foreign, err := firstIn(system.Plainly(slot))
		if foreign == "" || err != nil {
			return err
		}
	}
	flags := uint(unix.RENAME_EXCHANGE)
	if !s.Comes() {
		flags = unix.RENAME_NOREPLACE
	}
	if err := unix.Renameat2(unix.AT_FDCWD, slot, at.Dir, at.Name, flags); err != nil {
		return fmt.Errorf("cannot exchange it back: %w", err)
	}
	return fmt.Errorf("cannot change %s: %w", s.Path, node.ErrMoved)
}

package stage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/machine/system"
)

func whiteout(path string, n *node.Node) bool {
	var st unix.Stat_t
	return n.Mode&unix.S_IFMT == unix.S_IFCHR && unix.Lstat(path, &st) == nil && st.Rdev == 0
}

// linkCount is how many names the node at path has, on whichever side it has
// more.
func (b *builder) linkCount(path string) uint64 {
	var most uint64
	for _, p := range []string{b.live(path), b.view(path)} {
		var st unix.Stat_t
		if unix.Lstat(p, &st) == nil {
			most = max(most, uint64(st.Nlink))
		}
	}
	return most
}

func (b *builder) sameContent(path string, live, staged *node.Node) (bool, error) {
	if live.Mode&unix.S_IFMT != staged.Mode&unix.S_IFMT {
		return false, nil
	}
	if live.Mode&unix.S_IFMT == unix.S_IFLNK {
		was, err := os.Readlink(b.live(path))
		if err != nil {
			return false, err
		}
		is, err := os.Readlink(b.view(path))
		return was == is, err
	}
	if live.Size != staged.Size {
		return false, nil
	}
	return b.sameBytes(path)
}

func sameMeta(a, b *node.Node, times bool) bool {
	if a.Mode != b.Mode || a.UID != b.UID || a.GID != b.GID || (times && a.MTime != b.MTime) || len(a.Xattrs) != len(b.Xattrs) {
		return false
	}
	for name, value := range a.Xattrs {
		if !bytes.Equal(value, b.Xattrs[name]) {
			return false
		}
	}
	return true
}

func (b *builder) sameBytes(path string) (bool, error) {
	fa, err := b.openLive(path)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := system.OpenRegular(b.view(path))
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(fa, bufA)
		m, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return ended(errA) && ended(errB), errors.Join(realError(errA), realError(errB))
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func realError(err error) error {
	if err == nil || ended(err) {
		return nil
	}
	return err
}

// copyNode copies a file or link with its metadata.
func copyNode(from, to string, n *node.Node) error {
	if n.Mode&unix.S_IFMT == unix.S_IFLNK {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, to); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return node.SetAttr(to, n.Attr)
	}
	in, err := system.OpenRegular(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("cannot copy %s out of the stage: %w", from, err)
	}
	return node.SetAttr(to, n.Attr)
}

package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// ReadHeld is Lstat, with the digest of a file's bytes.
func ReadHeld(path string) (*Node, error) {
	return ReadHeldAt(system.Plainly(path), path)
}

// ReadHeldAt is ReadHeld for what stands at a spot.
func ReadHeldAt(at system.Spot, path string) (*Node, error) {
	n, err := LstatAt(at, path)
	if err != nil || n == nil || n.Mode&FileType != unix.S_IFREG {
		return n, err
	}
	f, err := at.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n.Sum, err = system.HashOf(f)
	return n, err
}

// Alike reports whether two nodes hold the same.
func (n *Node) Alike(m *Node) bool {
	if n == nil || m == nil {
		return n == nil && m == nil
	}
	return n.Mode&FileType == m.Mode&FileType && n.Sum == m.Sum
}

// Put writes the bytes of a node that wait at slot to live.
func (n *Node) Put(slot, live string) error {
	in, err := os.Open(slot)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := live + CopySuffix
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != n.Sum {
		err = fmt.Errorf("the bytes that wait at %s were altered", slot)
	}
	if err == nil {
		err = out.Sync()
	}
	err = errors.Join(err, out.Close())
	if err == nil {
		// Closing is a change of its own to some, and some set no single time.
		at := time.Unix(0, n.MTime)
		err = os.Chtimes(temp, at, at)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp)) // what it takes may be what undoing needs
	}
	// An exchange leaves the clusters of both sides in use until what names them
	// is on the disk; where there is none, or nothing to exchange, a rename does.
	exchange := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, live, unix.RENAME_EXCHANGE)
	if exchange != nil {
		err = os.Rename(temp, live)
	}
	if err != nil {
		return err
	}
	// vfat writes where a renamed file lies with its inode, not with its folder.
	if err := SyncDir(live); err != nil || exchange != nil {
		return err
	}
	return os.Remove(temp)
}

// CopySuffix is of a file that a copy has not renamed yet.
const CopySuffix = ".hostctl"

// Package absorb makes an edge between generations of what apt and dpkg did by
// hand (engine rule 17): which paths appeared, went and changed since hostctl
// last looked, and what was there before, as far as that can still be known.
package absorb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Former is the machine as hostctl last left it: its inventory, and the bytes
// of what cannot be had from a .deb.
type Former struct {
	Inventory *inventory.Inventory
	Files     map[string][]byte
}

// maxKept is the size up to which a file of /etc is kept.
const maxKept = 1 << 20

const inventoryName = "inventory.json"

// Pack makes an archive of the machine as it is now, which is for root alone: of
// what dpkg and its helpers keep about packages, and of those files of /etc that
// anybody may read.
func Pack(root system.Root, now *inventory.Inventory) ([]byte, error) {
	keep, err := apt.Registry(root)
	if err != nil {
		return nil, err
	}
	tree, err := system.OpenTree(root.Path("/"))
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	for p, f := range now.Files {
		if f.Digest != "" && f.Mode&0o004 != 0 && f.Size <= maxKept {
			keep = append(keep, p)
		}
	}
	slices.Sort(keep)
	members := []func(*tar.Writer) error{func(w *tar.Writer) error {
		inv, err := json.Marshal(now)
		if err != nil {
			return err
		}
		return put(w, inventoryName, inv)
	}}
	for some := range slices.Chunk(keep, 200) {
		members = append(members, func(w *tar.Writer) error { return putAll(w, tree, now, some) })
	}
	return compress(members)
}

func putAll(w *tar.Writer, tree *system.Tree, now *inventory.Inventory, paths []string) error {
	for _, p := range paths {
		if now.Files[p].Ino == 0 || !regular(now.Files[p]) {
			continue
		}
		var b []byte
		err := tree.Reach(p, func(at system.Spot) (err error) {
			b, err = readSame(at, now.Files[p].Ino)
			return err
		})
		if _, link := errors.AsType[*system.LinkError](err); link || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOther) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot keep %s: %w", p, err)
		}
		if err := put(w, p, b); err != nil {
			return err
		}
	}
	return nil
}

var errOther = errors.New("another file has its name")

// readSame is the content of the file with that inode. Its folder can be
// somebody's, who puts a link to what only root may read in its place.
func readSame(at system.Spot, ino uint64) ([]byte, error) {
	f, err := at.Open()
	if err != nil {
		if st, e := at.Stat(); e == nil && (st.Ino != ino || st.Mode&unix.S_IFMT != unix.S_IFREG) {
			err = errOther
		}
		return nil, err
	}
	defer f.Close()
	var opened unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &opened); err != nil {
		return nil, err
	}
	if opened.Ino != ino {
		return nil, errOther
	}
	return io.ReadAll(f)
}

// compress makes one archive of parts that are written on every processor, each
// a member of its own of the gzip file (RFC 1952, 2.2).
func compress(parts []func(*tar.Writer) error) ([]byte, error) {
	members := make([]bytes.Buffer, len(parts))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, part := range parts {
		all.Go(func() error {
			z, err := gzip.NewWriterLevel(&members[i], gzip.BestSpeed)
			if err != nil {
				return err
			}
			w := tar.NewWriter(z)
			end := w.Flush
			if i == len(parts)-1 {
				end = w.Close
			}
			return errors.Join(part(w), end(), z.Close())
		})
	}
	err := all.Wait()
	var out []byte
	for i := range members {
		out = append(out, members[i].Bytes()...)
	}
	return out, err
}

func put(w *tar.Writer, name string, b []byte) error {
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(b)), Mode: 0o600, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// Load reads what Pack made; nil where there is nothing.
func Load(path string) (*Former, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	former, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return former, nil
}

func read(r io.Reader) (*Former, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	former := &Former{Files: map[string][]byte{}}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		if h.Name != inventoryName {
			former.Files[h.Name] = b
		} else if err := json.Unmarshal(b, &former.Inventory); err != nil {
			return nil, err
		}
	}
	if former.Inventory == nil || former.Inventory.Version != inventory.Version {
		return nil, errors.New("its inventory is missing or of another version")
	}
	return former, nil
}

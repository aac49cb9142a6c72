package commit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// tidy removes what only the way needed, and the folders that nothing is in any
// more: once, for what stands there later is somebody's who runs by then.
func (j Journal) tidy(tx *transaction.Tx, d node.Disks) error {
	if err := j.clean(tx); err != nil {
		return err
	}
	if len(tx.Clean) > 0 {
		if err := d.Sync(); err != nil { // no marker that vouches for what could come back
			return err
		}
	}
	if err := j.move(durable, done); err != nil {
		return err
	}
	return j.settle(tx)
}

// clean does the cleaning steps, those that remove folders of one depth on every
// processor.
func (j Journal) clean(tx *transaction.Tx) error {
	// One of its own: several at once can leave folders behind that are gone.
	tree, err := system.OpenTree(j.Root)
	if err != nil {
		return err
	}
	defer tree.Close()
	for rest := tx.Clean; len(rest) > 0; {
		if rest[0].Do != transaction.Prune {
			if err := j.step(tx, rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
			continue
		}
		n := 1
		for n < len(rest) && rest[n].Do == transaction.Prune && transaction.Depth(rest[n].Path) == transaction.Depth(rest[0].Path) {
			n++
		}
		errs := make([]error, n)
		err := system.Share(n, func(i int) error {
			errs[i] = rest[i].Apply(tree, "")
			return nil // all are tried
		})
		if err != nil {
			return err
		}
		for i, err := range errs {
			if node.IsFull(err) {
				errs[i] = j.step(tx, rest[i]) // which gives up the ballast
			}
		}
		if err := transaction.JoinSome(errs); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// settle frees what was set aside for the way.
func (j Journal) settle(tx *transaction.Tx) error {
	return errors.Join(j.release(tx), os.RemoveAll(j.file(triesFile)))
}

// discarded is where something is that a transaction made, and deletes where it
// is given up: a record, or folders in an area.
func discarded(root, path string) string {
	point, rel, ok := strings.Cut("/"+path, "/"+node.AreaName+"/")
	if !ok {
		return filepath.Join(root, path)
	}
	return node.In(root, point, rel)
}

package commit

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

func (j Journal) revert(tx *transaction.Tx, d node.Disks, cause error) (Outcome, error) {
	if err := j.move(committed, reverting); err != nil {
		return Reverted, errors.Join(cause, err)
	}
	aside, err := j.undo(tx, d)
	if err != nil {
		return Reverted, j.stick(fmt.Errorf("%w\nundoing it failed, too: %w", cause, err))
	}
	return Reverted, errors.Join(fmt.Errorf("%w; %w", cause, ErrReverted), noteAside(aside))
}

// noteAside says what could not be put back.
func noteAside(aside []string) error {
	if len(aside) == 0 {
		return nil
	}
	return fmt.Errorf("but for what others took out of its place meanwhile, in folders that are not root's alone; what was there before is kept:\n  %s",
		strings.Join(aside, "\n  "))
}

// undo does the steps backwards. What it cannot put back, since others than root
// have changed the folders that lead there, it keeps aside, and says where.
func (j Journal) undo(tx *transaction.Tx, d node.Disks) (aside []string, err error) {
	var back, times []transaction.Step
	for i := len(tx.Steps) - 1; i >= 0; i-- {
		if s := tx.Steps[i].Inverse(); s.Do == transaction.Mtime {
			times = append(times, s) // last here too: everything else changes them
		} else {
			back = append(back, s)
		}
	}
	back = append(back, times...)
	// Every step is tried: one that cannot be undone must not keep others.
	errs := []error{j.dropCopies(tx)} // which keep folders from going
	for _, s := range back {
		err := j.step(tx, s)
		if err != nil && !broken(err) && j.othersCan(tx, s.Path, err) {
			var kept string
			kept, err = j.keepAside(tx, s)
			aside = append(aside, kept)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, p := range tx.Publish {
		if back := p.Inverse(); back.Link != "" {
			errs = append(errs, j.spare(tx, func() error { return j.publish(back) }))
		}
	}
	errs = append(errs, d.Sync())
	if err := transaction.JoinSome(errs); err != nil {
		return nil, err
	}
	// It is as if it had never been committed: what it had is deleted under a
	// marker that undoes nothing, for that needs what is deleted.
	if err := j.move(reverting, prepared); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(aside, func(p string) bool { return p == "" }), j.give(tx)
}

// broken reports of an error that no other account brings about: the disk is, or
// root has forbidden to change it. What it keeps from being undone is not undone.
func broken(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EPERM) || node.IsFull(err)
}

// othersCan reports whether another than root can change what a path leads to,
// or has mounted over it: nobody may keep a transaction from its end.
func (j Journal) othersCan(tx *transaction.Tx, path string, met error) bool {
	tree, err := tx.Hold(j.Root)
	if err != nil {
		return false
	}
	if !node.IsForeign(met) {
		path = filepath.Dir(path)
	}
	sole, err := tree.Sole(path)
	return err == nil && !sole || node.IsForeign(err)
}

// keepAside keeps the node that a step was to put back.
func (j Journal) keepAside(tx *transaction.Tx, s transaction.Step) (where string, err error) {
	if s.Do != transaction.Swap || !s.Comes() {
		return "", nil // it was to take something away, or to set attributes
	}
	s.Do, s.Dest = transaction.Keep, filepath.Join("aside", tx.ID, s.Path)
	return filepath.Join(tx.Mounts[s.FS].Point, node.AreaName, s.Dest), j.step(tx, s)
}

// back undoes a transaction that an earlier run had begun to undo, or whose
// replays never came to an end.
func (j Journal) back(tx *transaction.Tx, d node.Disks, state string, tries int) (Outcome, *transaction.Tx, error) {
	died := fmt.Errorf("%d replays of the journal died before their end", maxTries)
	if state == committed {
		outcome, err := j.revert(tx, d, died)
		return outcome, tx, reverted(err)
	}
	stuck, err := j.Stuck()
	if err != nil {
		return Nothing, tx, err
	}
	if tries > 2*maxTries && stuck == "" { // whoever asks again, asks knowingly
		return Nothing, tx, j.stick(fmt.Errorf("%w, forward and back", died))
	}
	if _, err := j.undo(tx, d); err != nil {
		return Nothing, tx, j.stick(err)
	}
	return Reverted, tx, nil
}

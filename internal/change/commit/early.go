package commit

import (
	"fmt"

	"github.com/hostctl/hostctl/internal/change/changeset"
	"github.com/hostctl/hostctl/internal/change/transaction"
)

// Settle makes durable what a changeset has waiting in its slots, so that word
// can be left to apply it later.
func (j Journal) Settle(c *changeset.Changeset) error {
	d, err := j.open(&transaction.Tx{Mounts: c.Mounts})
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// RecoverMounted does the part of Recover for which the file systems are there,
// before the rest is mounted: what starts the machine lies on those. The
// transaction stays open for Recover, to which done steps are no matter. One that
// is durable has none left: what remains is all Recover's.
// It reports the points that are not mounted, none where Recover can do it all.
func (j Journal) RecoverMounted() (missing []string, err error) {
	state, err := j.Open()
	if err != nil || state != committed && state != reverting && state != durable {
		return nil, err
	}
	tx, err := j.load(state)
	if err != nil {
		return nil, err
	}
	defer tx.LetGo()
	there := map[int]bool{}
	part := &transaction.Tx{}
	for i := range tx.Mounts {
		if j.check(&transaction.Tx{Mounts: tx.Mounts[i : i+1]}) == nil {
			there[i] = true
			part.Mounts = append(part.Mounts, tx.Mounts[i])
		} else {
			missing = append(missing, tx.Mounts[i].Point)
		}
	}
	if len(missing) == 0 || state == durable { // what starts the machine is in place
		return missing, nil
	}
	d, err := j.open(part)
	if err != nil {
		return missing, err
	}
	defer d.Close()
	var errs []error
	for i := range tx.Steps {
		s := tx.Steps[i]
		if state == reverting {
			s = tx.Steps[len(tx.Steps)-1-i].Inverse()
		}
		if there[s.FS] && s.Do != transaction.Mtime { // those are last, and Recover's
			errs = append(errs, j.step(tx, s))
		}
	}
	if err := transaction.JoinSome(append(errs, d.Sync())); err != nil {
		return missing, fmt.Errorf("cannot recover the file systems that are mounted: %w", err)
	}
	return missing, nil
}

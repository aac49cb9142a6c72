// Package commit does transactions as a whole or not at all: it writes them into
// a journal, looks whether they can succeed, does their steps, and finishes or
// undoes what was interrupted. It knows files, folders and links, and nothing of
// packages, units or accounts.
package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/change/node"
	"github.com/hostctl/hostctl/internal/change/transaction"
	"github.com/hostctl/hostctl/internal/machine/system"
)

// Journal is the folder of transactions on the root file system. Beside the
// records of a transaction, named by its id, lies its marker, whose name is
// its state. The marker's rename from prepared to committed is the one commit
// point: before it the root is untouched and the transaction can only be
// given up, after it recovery finishes it, or undoes it where it cannot.
type Journal struct {
	Root string
}

const (
	prepared  = "prepared"  // steps are written; nothing live was touched
	committed = "committed" // the steps are being done
	reverting = "reverting" // a step could not be done: the steps are being undone
	durable   = "durable"   // they are done for good; what only the way needed is being removed
	done      = "done"      // files are in place; activation is due
)

// states lists the markers in the order in which recovery looks for them: a
// transaction that goes back from one that is done is the open one.
func states() []string { return []string{reverting, committed, durable, done, prepared} }

func (j Journal) dir() string              { return node.In(j.Root, "/", "journal") }
func (j Journal) file(name string) string  { return filepath.Join(j.dir(), name) }
func (j Journal) records(id string) string { return j.file(id + ".records") }

// Outcome says what recovery did.
type Outcome string

// The outcomes of Recover.
const (
	Nothing   Outcome = "nothing"   // no transaction was open
	Discarded Outcome = "discarded" // it had not been committed: the host was never touched
	Finished  Outcome = "finished"  // the files are those of Tx.To; activation is due
	Reverted  Outcome = "reverted"  // the files are those of Tx.From
)

// ErrReverted says that a transaction failed and that the root is as before.
var ErrReverted = errors.New("every step was undone: the files are as they were")

// Commit makes tx real: journal, marker, steps, sync, publish. When a step
// fails the steps before it are undone; the error then wraps ErrReverted.
func (j Journal) Commit(tx *transaction.Tx) error {
	defer tx.LetGo()
	tx.Machine = system.Root(j.Root).MachineID()
	if err := j.check(tx); err != nil {
		return err
	}
	if err := j.preflight(tx); err != nil {
		return err
	}
	d, err := j.open(tx)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := j.prepare(tx, d); err != nil {
		return errors.Join(err, j.give(tx))
	}
	if err := j.move(prepared, committed); err != nil {
		return err
	}
	_, err = j.finish(tx, d)
	return err
}

// prepare writes everything that the steps need, and makes it durable before
// the marker that vouches for it: what comes after the marker allocates as
// little as can be.
func (j Journal) prepare(tx *transaction.Tx, d node.Disks) error {
	if err := tx.Valid(); err != nil {
		return fmt.Errorf("internal error: the transaction cannot be written: %w", err)
	}
	if err := j.sweep(); err != nil {
		return err
	}
	records, mark, err := encode(tx)
	if err != nil {
		return err
	}
	if err := node.MakeArea(j.Root, "/"); err != nil {
		return err
	}
	if err := os.MkdirAll(j.dir(), 0o700); err != nil {
		return err
	}
	if err := writeFile(j.records(tx.ID), records); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	if err := j.reserve(tx); err != nil {
		return err
	}
	if err := writeFile(j.file(triesFile), untried()); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	if err := d.Sync(); err != nil {
		return err
	}
	if err := writeFile(j.file("new"), mark); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	return errors.Join(j.move("new", prepared), node.SyncDir(filepath.Dir(j.dir())))
}

// finish runs a committed transaction to its end, or back.
func (j Journal) finish(tx *transaction.Tx, d node.Disks) (Outcome, error) {
	if err := j.steps(tx, tx.Steps); err != nil {
		return j.revert(tx, d, err)
	}
	if err := d.Sync(); err != nil {
		return j.revert(tx, d, err)
	}
	for _, p := range tx.Publish {
		if err := j.spare(tx, func() error { return j.publish(p) }); err != nil {
			return j.revert(tx, d, err)
		}
	}
	if err := j.move(committed, durable); err != nil {
		return Finished, err
	}
	return Finished, j.tidy(tx, d)
}

// Recover brings an interrupted transaction to its end. Without one it
// changes nothing. The Tx is that of the outcome.
//
// A journal that cannot be trusted is refused. One whose steps can be neither
// done nor undone stays as it is, and Stuck says so from then on; Recover then
// tries the way back again.
func (j Journal) Recover() (Outcome, *transaction.Tx, error) {
	state, err := j.Open()
	if err != nil {
		return Nothing, nil, err
	}
	if err := j.sweep(); err != nil || state == "" {
		return Nothing, nil, err
	}
	tx, err := j.load(state)
	if err != nil {
		return Nothing, nil, err
	}
	defer tx.LetGo()
	switch state {
	case prepared:
		return Discarded, tx, j.give(tx)
	case done:
		return Finished, tx, j.settle(tx)
	}
	if err := j.check(tx); err != nil {
		return Nothing, tx, err
	}
	d, err := j.open(tx)
	if err != nil {
		return Nothing, tx, err
	}
	defer d.Close()
	if state == durable {
		return Finished, tx, j.tidy(tx, d)
	}
	tries, err := j.try(tx)
	if err != nil {
		return Nothing, tx, err
	}
	if state == committed && tries <= maxTries {
		outcome, err := j.finish(tx, d)
		return outcome, tx, reverted(err)
	}
	return j.back(tx, d, state, tries)
}

// reverted is the error of a recovery: to have undone everything is none.
func reverted(err error) error {
	if errors.Is(err, ErrReverted) {
		return nil
	}
	return err
}

// Open reports the state of the open transaction, "" without one.
func (j Journal) Open() (state string, err error) {
	for _, state := range states() {
		if ok, err := node.Exists(j.file(state)); ok || err != nil {
			return state, err
		}
	}
	return "", nil
}

// Close forgets a finished transaction, once activation is over.
func (j Journal) Close() error {
	err := os.Remove(j.file(done))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, node.SyncDir(j.dir())); err != nil {
		return err
	}
	return j.sweep()
}

// give drops a transaction that is prepared: one that was never committed, or is undone.
func (j Journal) give(tx *transaction.Tx) error {
	var folders []string
	for _, p := range tx.Discard {
		folder := filepath.Dir(discarded(j.Root, p))
		if ok, _ := node.Exists(folder); ok {
			folders = append(folders, folder)
		}
	}
	d, err := node.OpenDisks(folders)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, p := range tx.Discard {
		if err := os.RemoveAll(discarded(j.Root, p)); err != nil {
			return err
		}
	}
	if err := j.release(tx); err != nil {
		return err
	}
	if err := d.Sync(); err != nil { // before the marker that says what there is to delete
		return err
	}
	if err := os.Remove(j.file(prepared)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := node.SyncDir(j.dir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return j.sweep()
}

// sweep removes what belongs to no marker: of a run that ended before its
// transaction was prepared, or in the middle of forgetting one. The journal's
// folder itself goes when nothing is left in it.
func (j Journal) sweep() error {
	keep := map[string]bool{}
	for _, state := range states() {
		m, err := j.marker(state)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil // nothing can be told apart; load says what is wrong
		}
		keep[state], keep[m.ID+".records"], keep[triesFile], keep[stuckFile] = true, true, true, true
	}
	entries, err := os.ReadDir(j.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if keep[e.Name()] {
			continue
		}
		if filepath.Ext(e.Name()) == ".records" {
			errs = append(errs, j.releaseLeft(e.Name()))
		}
		errs = append(errs, os.RemoveAll(j.file(e.Name())))
	}
	if len(keep) == 0 {
		errs = append(errs, os.Remove(j.dir()))
	}
	return errors.Join(errs...)
}

// releaseLeft frees what the records of an unprepared transaction have
// reserved. Where they were cut off nothing was yet.
func (j Journal) releaseLeft(name string) error {
	b, err := os.ReadFile(j.file(name))
	if err != nil {
		return err
	}
	records, err := frames(b)
	if err != nil {
		return nil
	}
	tx, err := decodeHead(records)
	if err != nil || tx.Valid() != nil {
		return nil
	}
	return j.release(tx)
}

func (j Journal) top(tx *transaction.Tx, i int) string {
	return filepath.Join(j.Root, tx.Mounts[i].Point)
}

func (j Journal) steps(tx *transaction.Tx, steps []transaction.Step) error {
	for _, s := range steps {
		if err := j.step(tx, s); err != nil {
			return err
		}
	}
	return nil
}

func (j Journal) step(tx *transaction.Tx, s transaction.Step) error {
	tree, err := tx.Hold(j.Root)
	if err != nil {
		return err
	}
	return j.spare(tx, func() error { return s.Apply(tree, tx.Area(j.Root, s.FS)) })
}

// check refuses a transaction whose file systems are not the ones it was
// made for.
func (j Journal) check(tx *transaction.Tx) error {
	var errs []error
	for _, m := range tx.Mounts {
		errs = append(errs, node.CheckFS(filepath.Join(j.Root, m.Point), m.FSID))
	}
	return errors.Join(errs...)
}

func (j Journal) marker(state string) (marker, error) {
	b, err := os.ReadFile(j.file(state))
	if err != nil {
		return marker{}, err
	}
	return decodeMarker(b)
}

// load reads the open transaction, or says why it may not be replayed and
// what to do.
func (j Journal) load(state string) (*transaction.Tx, error) {
	m, err := j.marker(state)
	if err != nil {
		return nil, j.refuse(j.file(state), err)
	}
	b, err := os.ReadFile(j.records(m.ID))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s is gone", errTorn, j.records(m.ID))
	}
	if err != nil {
		return nil, j.refuse(j.records(m.ID), err)
	}
	tx, err := decodeTx(b, m)
	if err != nil {
		return nil, j.refuse(j.records(m.ID), err)
	}
	if here := system.Root(j.Root).MachineID(); tx.Machine != "" && here != tx.Machine {
		return nil, fmt.Errorf("cannot use the journal %s: it was begun on another machine, with machine-id %s, and this one has %q; nothing was replayed"+
			"\nwhere this is that machine, put its machine-id back into /etc/machine-id and run 'hostctl recover'; where its disk was copied, %s",
			j.file(state), tx.Machine, here, j.forget())
	}
	return tx, nil
}

func (j Journal) refuse(path string, err error) error {
	err = fmt.Errorf("cannot use the journal %s: %w; nothing was replayed", path, err)
	switch {
	case errors.Is(err, errNewer):
		return fmt.Errorf("%w\nrun 'hostctl recover' of that newer hostctl", err)
	case errors.Is(err, errTorn):
		return fmt.Errorf("%w\ncheck the disk, then %s", err, j.forget())
	}
	return err
}

// forget is what is left to do about a journal that nobody can use.
func (j Journal) forget() string {
	return fmt.Sprintf("look for damaged packages with 'dpkg --verify', move %s away, and run 'hostctl switch'", j.dir())
}

func (j Journal) move(from, to string) error {
	if err := os.Rename(j.file(from), j.file(to)); err != nil {
		return err
	}
	return node.SyncDir(j.dir())
}

// open opens the file systems of a transaction and those on which its records
// lie.
func (j Journal) open(tx *transaction.Tx) (node.Disks, error) {
	folders := []string{node.In(j.Root, "/")}
	for i := range tx.Mounts {
		folders = append(folders, j.top(tx, i))
	}
	for _, p := range tx.Publish {
		folders = append(folders, filepath.Join(j.Root, filepath.Dir(p.Path)))
	}
	return node.OpenDisks(folders)
}

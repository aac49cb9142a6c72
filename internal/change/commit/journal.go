package commit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/spec"
)

const (
	txVersion = 1
	fileType  = unix.S_IFMT
)

// Tx is one transaction: the whole of what recovery needs to finish or undo
// it. It is stored as JSON followed by a line with its SHA-256.
type Tx struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Machine string    `json:"machine"` // machine-id: a cloned disk does not replay a foreign journal
	Why     string    `json:"why"`     // the command, for messages
	From    int       `json:"from"`
	To      int       `json:"to"`
	Mounts  []Mount   `json:"mounts"`
	Steps   []Step    `json:"steps"`
	Clean   []Step    `json:"clean,omitempty"` // forward only, after everything is durable
	Publish []Publish `json:"publish"`
	Drift   []string  `json:"drift,omitempty"`   // live paths that somebody else had changed; kept aside
	Discard []string  `json:"discard,omitempty"` // paths to delete when it is given up before the marker
}

// Publish makes a result visible when every step is durable: a rename of Path
// to Dest or, with Link set, the symbolic link Path -> Link, replaced
// atomically. Paths are below the root.
type Publish struct {
	Path   string `json:"path"`
	Dest   string `json:"dest,omitempty"`
	Link   string `json:"link,omitempty"`
	Before string `json:"before,omitempty"` // what the link was; "" is none
}

// inverse gives the link its old target back. Renames are not undone: what
// they published is in Tx.Discard.
func (p Publish) inverse() Publish {
	p.Link, p.Before = p.Before, p.Link
	return p
}

// Journal is the folder of transactions on the root file system. At most one
// is open. Its file's name is its state, and the rename from prepared to
// committed is the one commit point: before it the root is untouched and the
// transaction can only be given up, after it recovery finishes it.
type Journal struct {
	Root string
}

const (
	prepared  = "prepared"  // steps are written; nothing live was touched
	committed = "committed" // the marker: the steps are being done
	reverting = "reverting" // a step could not be done: the steps are being undone
	done      = "done"      // files are in place; activation is due
)

func (j Journal) dir() string              { return filepath.Join(j.Root, AreaName, "journal") }
func (j Journal) file(state string) string { return filepath.Join(j.dir(), state) }

// Outcome says what recovery did.
type Outcome string

// The outcomes of Recover.
const (
	Nothing   Outcome = "nothing"   // no transaction was open
	Discarded Outcome = "discarded" // it had not been committed: the host was never touched
	Finished  Outcome = "finished"  // the files are those of Tx.To; activation is due
	Reverted  Outcome = "reverted"  // the files are those of Tx.From
)

// Commit makes tx real: journal, marker, steps, sync, publish. When a step
// fails the steps before it are undone; the error then wraps ErrReverted.
func (j Journal) Commit(tx *Tx) error {
	tx.Machine = j.machine()
	if err := errors.Join(j.check(tx), j.preflight(tx)); err != nil {
		return err
	}
	if err := j.sync(tx); err != nil { // new nodes first: the marker vouches for them
		return err
	}
	if err := j.store(tx); err != nil {
		return err
	}
	if err := j.move(prepared, committed); err != nil {
		return err
	}
	_, err := j.finish(tx)
	return err
}

// ErrReverted says that a transaction failed and that the root is as before.
var ErrReverted = errors.New("every step was undone: the files are as they were")

// finish runs a committed transaction to its end, or back.
func (j Journal) finish(tx *Tx) (Outcome, error) {
	if err := j.steps(tx, tx.Steps); err != nil {
		return j.revert(tx, err)
	}
	if err := j.sync(tx); err != nil {
		return j.revert(tx, err)
	}
	for _, p := range tx.Publish {
		if err := j.publish(p); err != nil {
			return j.revert(tx, err)
		}
	}
	if err := j.move(committed, done); err != nil {
		return Finished, err
	}
	return Finished, j.steps(tx, tx.Clean)
}

func (j Journal) revert(tx *Tx, cause error) (Outcome, error) {
	if err := j.move(committed, reverting); err != nil {
		return Reverted, errors.Join(cause, err)
	}
	if err := j.undo(tx); err != nil {
		return Reverted, errors.Join(cause, fmt.Errorf("cannot undo it either, run 'hostctl recover': %w", err))
	}
	return Reverted, fmt.Errorf("%w; %w", cause, ErrReverted)
}

func (j Journal) undo(tx *Tx) error {
	var back, times []Step
	for i := len(tx.Steps) - 1; i >= 0; i-- {
		if s := tx.Steps[i].inverse(); s.Do == mtime {
			times = append(times, s) // last here too: everything else changes them
		} else {
			back = append(back, s)
		}
	}
	back = append(back, times...)
	// Every step is tried: one that cannot be undone must not keep others.
	var errs []error
	for _, s := range back {
		if err := s.run(j.Root, j.area(tx, s.FS)); err != nil {
			errs = append(errs, err)
		}
	}
	for _, p := range tx.Publish {
		if back := p.inverse(); back.Link != "" {
			errs = append(errs, j.publish(back))
		}
	}
	errs = append(errs, j.sync(tx))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return j.give(tx, reverting)
}

// Recover brings an interrupted transaction to its end. Without one it
// changes nothing. The Tx is that of the outcome.
func (j Journal) Recover() (Outcome, *Tx, error) {
	for _, state := range []string{reverting, committed, done, prepared} {
		tx, err := j.load(state)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Nothing, nil, err
		}
		if tx.Machine != j.machine() {
			return Nothing, nil, fmt.Errorf("cannot recover %s: it was begun on another machine (machine-id %s)", j.file(state), tx.Machine)
		}
		switch state {
		case prepared:
			return Discarded, tx, j.give(tx, prepared)
		case reverting:
			return Reverted, tx, errors.Join(j.check(tx), j.undo(tx))
		case committed:
			if err := j.check(tx); err != nil {
				return Nothing, tx, err
			}
			outcome, err := j.finish(tx)
			if errors.Is(err, ErrReverted) {
				err = nil
			}
			return outcome, tx, err
		case done:
			return Finished, tx, j.steps(tx, tx.Clean)
		}
	}
	return Nothing, nil, nil
}

// Open reports the state of the open transaction, "" without one.
func (j Journal) Open() (state string, err error) {
	for _, state := range []string{reverting, committed, done, prepared} {
		if ok, err := exists(j.file(state)); ok || err != nil {
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
	return errors.Join(err, syncDir(j.dir()))
}

// give drops a transaction that never was, or is no more.
func (j Journal) give(tx *Tx, state string) error {
	for _, p := range tx.Discard {
		if err := os.RemoveAll(filepath.Join(j.Root, p)); err != nil {
			return err
		}
	}
	if err := os.Remove(j.file(state)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(j.dir())
}

func (j Journal) area(tx *Tx, i int) string {
	return filepath.Join(j.Root, tx.Mounts[i].Point, AreaName)
}

func (j Journal) steps(tx *Tx, steps []Step) error {
	for _, s := range steps {
		if err := s.run(j.Root, j.area(tx, s.FS)); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a transaction whose file systems are not the ones it was
// made for.
func (j Journal) check(tx *Tx) error {
	var errs []error
	for _, m := range tx.Mounts {
		errs = append(errs, checkFS(filepath.Join(j.Root, m.Point), m.FSID))
	}
	return errors.Join(errs...)
}

// sync makes everything written to the transaction's file systems durable,
// and to those on which its records lie: fsync of one folder is not enough on
// btrfs (engine-rules 3).
func (j Journal) sync(tx *Tx) error {
	var folders []string
	for i := range tx.Mounts {
		folders = append(folders, j.area(tx, i))
	}
	for _, p := range tx.Publish {
		folders = append(folders, filepath.Join(j.Root, filepath.Dir(p.Path)))
	}
	slices.Sort(folders)
	for _, path := range slices.Compact(folders) {
		d, err := os.Open(path)
		if err != nil {
			return err
		}
		err = unix.Syncfs(int(d.Fd()))
		if err := errors.Join(err, d.Close()); err != nil {
			return fmt.Errorf("cannot make the file system of %s durable: %w", path, err)
		}
	}
	return nil
}

func (j Journal) publish(p Publish) error {
	path := filepath.Join(j.Root, p.Path)
	if p.Link == "" {
		dest := filepath.Join(j.Root, p.Dest)
		if ok, err := exists(path); !ok { // done before the crash
			return err
		}
		if err := os.Rename(path, dest); err != nil {
			return err
		}
		return syncDir(filepath.Dir(dest))
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(p.Link, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (j Journal) machine() string {
	b, err := os.ReadFile(filepath.Join(j.Root, "etc/machine-id"))
	if err != nil {
		return "" // a root that has never been booted has none
	}
	return string(bytes.TrimSpace(b))
}

func (j Journal) store(tx *Tx) error {
	if err := os.MkdirAll(j.dir(), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(tx)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	b = append(append(b, spec.Sum(b)...), '\n')
	temp := j.file("new")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	if err := os.Rename(temp, j.file(prepared)); err != nil {
		return err
	}
	return errors.Join(syncDir(j.dir()), syncDir(filepath.Dir(j.dir())))
}

func (j Journal) load(state string) (*Tx, error) {
	b, err := os.ReadFile(j.file(state))
	if err != nil {
		return nil, err
	}
	body, sum, _ := bytes.Cut(b, []byte("\n"))
	body = append(bytes.Clone(body), '\n')
	if string(bytes.TrimSpace(sum)) != spec.Sum(body) {
		return nil, fmt.Errorf("cannot read the journal %s: its checksum does not match", j.file(state))
	}
	var tx Tx
	if err := json.Unmarshal(body, &tx); err != nil {
		return nil, fmt.Errorf("cannot read the journal %s: %w", j.file(state), err)
	}
	if tx.Version != txVersion {
		return nil, fmt.Errorf("cannot read the journal %s: its version is %d, this hostctl knows %d", j.file(state), tx.Version, txVersion)
	}
	return &tx, nil
}

func (j Journal) move(from, to string) error {
	if err := os.Rename(j.file(from), j.file(to)); err != nil {
		return err
	}
	return syncDir(j.dir())
}

// Touched lists the live paths whose node the transaction makes, exchanges or
// takes away.
func (tx *Tx) Touched() []string {
	var out []string
	for _, s := range tx.Steps {
		if s.Do == swap {
			out = append(out, s.Path)
		}
	}
	return out
}

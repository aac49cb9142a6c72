package commit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hostctl/hostctl/internal/change/transaction"
)

// maxTries is how many replays may die in one direction before the other one
// is taken (engine rule 7).
const maxTries = 3

const (
	triesFile = "tries" // a byte for each replay
	stuckFile = "stuck" // why the transaction can be neither finished nor undone
)

// untried is the tries file of a transaction that was never replayed. It has
// its final size, so that counting allocates nothing.
func untried() []byte { return bytes.Repeat([]byte{'.'}, 2*maxTries+2) }

// try counts a replay that begins now, durably, and returns how many there
// were with it.
func (j Journal) try(tx *transaction.Tx) (int, error) {
	b, err := os.ReadFile(j.file(triesFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if len(b) != len(untried()) {
		b = untried()
	}
	n := bytes.IndexByte(b, '.') + 1
	if n == 0 {
		return len(b), nil
	}
	b[n-1] = 'x'
	err = j.spare(tx, func() error {
		f, err := os.OpenFile(j.file(triesFile), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(b, 0)
		return errors.Join(err, f.Sync(), f.Close())
	})
	if err != nil {
		return 0, fmt.Errorf("cannot begin to replay the journal: %w", err)
	}
	return n, nil
}

// stick notes why a transaction can go neither way. The machine goes on with
// what there is; who sees to it and runs recover again is told the reasons.
func (j Journal) stick(cause error) error {
	err := writeFile(j.file(stuckFile), []byte(cause.Error()+"\n"))
	return errors.Join(fmt.Errorf("the files are between two generations: %w\nsee to the reasons, then run 'hostctl recover'", cause), err)
}

// Stuck says why the open transaction can be neither finished nor undone, ""
// where none is or nobody has found out. Recovery at boot leaves such a
// transaction alone; it must not keep the machine from booting.
func (j Journal) Stuck() (string, error) {
	b, err := os.ReadFile(j.file(stuckFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(bytes.TrimSpace(b)), err
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"github.com/hostctl/hostctl/internal/change/generation"
	"golang.org/x/sys/unix"
)

// holder is what the lock file says of the run that holds it.
type holder struct {
	PID     int       `json:"pid"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// Lock makes this the only run that changes the machine, and waits for another one
// as long as its patience lasts.
func Lock(ctx context.Context, o Options, patience time.Duration) (unlock func(), err error) {
	const wait = 100 * time.Millisecond
	for ; ; patience -= wait {
		unlock, err := takeLock(o)
		var held *Error
		if !errors.As(err, &held) || patience <= 0 {
			return unlock, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// takeLock is Lock without patience. The lock is the open
// file description's (flock(2)): it ends with the process, however that ends.
func takeLock(o Options) (unlock func(), err error) {
	dir := filepath.Join(o.Root, generation.Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep state in %s: %w", dir, err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock: %w; hostctl changes a machine as root only", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		return nil, &Error{Held, heldBy(path)}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
	}
	b, err := json.Marshal(holder{PID: os.Getpid(), User: o.User, Command: o.Command, Since: time.Now()})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, b)); err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

func heldBy(path string) error {
	var h holder
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		return errors.New("cannot start: another run holds the lock; nothing was changed")
	}
	return fmt.Errorf("cannot start: '%s' (process %d, user %s) has held the lock since %s, %s ago; nothing was changed, try again when it is over",
		h.Command, h.PID, h.User, h.Since.Format(time.DateTime), time.Since(h.Since).Round(time.Second))
}

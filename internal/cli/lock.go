package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/change/generation"
)

// holder is what the lock file says of the run that holds it.
type holder struct {
	PID     int       `json:"pid"`
	User    string    `json:"user"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// takeLock makes this the only run that changes root. The lock is the open
// file description's (flock(2)): it ends with the process, however that ends.
func takeLock(root, command string) (unlock func(), err error) {
	dir := filepath.Join(root, generation.Dir)
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
		return nil, &exitError{exitLocked, heldBy(path)}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
	}
	b, err := json.Marshal(holder{PID: os.Getpid(), User: invoker(), Command: command, Since: time.Now()})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, b)); err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// lock is takeLock for a whole run. A service's run was allowed already, to the
// command that started it and gave the lock up for it: another command that
// came in between finds the service there and goes, which takes it a moment.
func (e *env) lock(ctx context.Context) (unlock func(), err error) {
	const wait = 100 * time.Millisecond
	for patience := 10 * time.Second; ; patience -= wait {
		unlock, err := takeLock(e.root, commandLine())
		var held *exitError
		if !e.inService || !errors.As(err, &held) || patience <= 0 {
			return unlock, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
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

// invoker is who asked: the user behind sudo(8), or the one that runs.
func invoker() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid())
}

func commandLine() string { return "hostctl " + strings.Join(os.Args[1:], " ") }

package apt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// lockPaths are the locks of dpkg and apt, in the order in which apt takes them.
func lockPaths() []string {
	return []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"}
}

// LockLive takes the locks of dpkg and apt in root, so that no apt, dpkg,
// unattended-upgrades or packagekit works on it meanwhile. It waits up to wait for
// the holder of a lock, and says once who that is. The locks are open file
// description locks (fcntl(2)): they conflict with dpkg's own, but are not
// dropped when this process closes the same file elsewhere.
func LockLive(ctx context.Context, root system.Root, wait time.Duration, waiting func(holder string)) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errWaited)
	defer cancel()
	var held []io.Closer
	unlock = func() {
		for _, f := range held {
			f.Close() //nolint:errcheck // it is closed for its lock; nothing was written
		}
	}
	for _, path := range lockPaths() {
		f, err := os.OpenFile(root.Path(path), os.O_RDWR|os.O_CREATE, 0o640)
		if errors.Is(err, fs.ErrNotExist) {
			continue // without its folder, nobody uses it
		}
		if err == nil {
			held = append(held, f)
			err = lockFile(ctx, f, waiting)
		}
		if err != nil {
			unlock()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
	}
	return unlock, nil
}

var errWaited = errors.New("time is up")

func lockFile(ctx context.Context, f *os.File, waiting func(holder string)) error {
	told := ""
	for {
		lock := unix.Flock_t{Type: unix.F_WRLCK}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
		if err == nil || !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
			return err
		}
		holder := lockHolder(f)
		if holder != told && waiting != nil {
			waiting(holder)
		}
		told = holder
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errWaited) {
				return fmt.Errorf("%s holds it; wait until it has finished, and run the same command again", holder)
			}
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// lockHolder names the process that F_OFD_GETLK reports; the kernel knows none
// (-1) when that lock is an open file description's as well.
func lockHolder(f *os.File) string {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err != nil || lock.Pid <= 0 {
		return "another process (perhaps another hostctl)"
	}
	pid := strconv.Itoa(int(lock.Pid))
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return "process " + pid
	}
	return strings.Join(strings.Fields(string(name)), " ") + " (process " + pid + ")"
}

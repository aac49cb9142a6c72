package account

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const lockFile = "/etc/.pwd.lock"

// lockWait is how long lckpwdf(3) waits.
const lockWait = 15 * time.Second

// Lock keeps passwd(1), the shadow tools and every other user of lckpwdf(3)
// from writing the account database until unlock. Unlike the C library it
// takes an open file description lock: a plain one would go as soon as any
// code of this process closed the file once more (fcntl_locking(2)).
func Lock(root system.Root) (unlock func() error, err error) {
	f, err := os.OpenFile(root.Path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock accounts: %w", err)
	}
	want := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(50 * time.Millisecond) {
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &want)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
			break
		}
		if time.Now().After(deadline) {
			err = fmt.Errorf("another program has held %s for %v; end it and try again", lockFile, lockWait)
			break
		}
	}
	return nil, errors.Join(fmt.Errorf("cannot lock accounts: %w", err), f.Close())
}

// Package early is the ground under hostctl when it runs before PID 1 of the
// root that it works on: no /proc, a root that is mounted read-only, nobody to
// log to, and an init to start when all is done (engine rules 2, 30). What is
// replayed there is commit's business.
package early

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Mark is there when hostctl ran before PID 1 of this boot, and so will before
// that of the next one. /run is of one boot.
const Mark = "/run/hostctl-early"

// Writable makes the file systems of root and of its /usr writable where they
// are not, and gives them back as they were. Nothing else before PID 1 writes
// to them, so it is for a root on which there is something to do.
func Writable(root string) (restore func() error, err error) {
	var undo []func() error
	restore = func() error {
		var errs []error
		for _, f := range undo {
			errs = append(errs, f())
		}
		undo = nil
		return errors.Join(errs...)
	}
	for _, dir := range []string{root, filepath.Join(root, "usr")} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || st.Flags&unix.ST_RDONLY == 0 {
			continue
		}
		flags := mountFlags(st.Flags)
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot make %s writable: %w", dir, err), restore())
		}
		undo = append(undo, func() error {
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""); err != nil {
				return fmt.Errorf("cannot make %s read-only again: %w", dir, err)
			}
			return nil
		})
	}
	return restore, nil
}

// mountFlags are the flags of mount(2) for those of statfs(2), but for
// read-only: a remount that leaves one away takes it away.
func mountFlags(st int64) uintptr {
	var out uintptr
	for have, want := range map[int64]uintptr{
		unix.ST_NOSUID: unix.MS_NOSUID, unix.ST_NODEV: unix.MS_NODEV, unix.ST_NOEXEC: unix.MS_NOEXEC,
		unix.ST_NOATIME: unix.MS_NOATIME, unix.ST_NODIRATIME: unix.MS_NODIRATIME, unix.ST_RELATIME: unix.MS_RELATIME,
	} {
		if st&have != 0 {
			out |= want
		}
	}
	return out
}

// Proc mounts /proc where nobody has, as on a kernel whose init= is hostctl.
func Proc() (restore func() error, err error) {
	if _, err := os.Lstat("/proc/self/mountinfo"); !errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, err
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return nil, fmt.Errorf("cannot mount /proc: %w", err)
	}
	return func() error { return unix.Unmount("/proc", 0) }, nil
}

// SetMark makes the mark, and /run for it as systemd does where the kernel
// started hostctl itself. Both stay for the real init.
func SetMark() error {
	var run, root unix.Stat_t
	if err := errors.Join(unix.Lstat("/run", &run), unix.Lstat("/", &root)); err != nil {
		return fmt.Errorf("cannot look at /run: %w", err)
	}
	if run.Dev == root.Dev {
		if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_STRICTATIME, "mode=0755,size=20%,nr_inodes=800k"); err != nil {
			return fmt.Errorf("cannot mount /run: %w", err)
		}
	}
	return os.WriteFile(Mark, nil, 0o644)
}

// Exec becomes the machine's init, with the arguments that the kernel gave.
// It returns only when there is none.
func Exec(args []string) error {
	var errs []error
	for _, path := range []string{"/sbin/init", "/usr/lib/systemd/systemd", "/bin/sh"} {
		err := syscall.Exec(path, append([]string{path}, args...), os.Environ())
		errs = append(errs, fmt.Errorf("cannot start %s: %w", path, err))
	}
	return errors.Join(errs...)
}

// Log writes lines to the console and to the kernel's log, from which journald
// takes them.
type Log struct{}

func (Log) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, "\n")
		// One write is one record of the log; <5> is its priority, notice.
		_ = os.WriteFile("/dev/kmsg", fmt.Appendf(nil, "<5>hostctl: %s\n", line), 0) // containers have none
		fmt.Fprintf(os.Stderr, "hostctl: %s\n", line)
	}
	return len(b), nil
}

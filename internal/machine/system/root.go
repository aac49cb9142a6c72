// Package system is a root file system: the paths below it and the commands
// that run in it. The root may be the live machine, a stage, a mounted target
// or a test's folder; nothing in here knows which.
package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Root is the absolute path of a root folder. "/" is the live machine, or the
// stage for a process that is already inside it.
type Root string

// maxLinks is the kernel's own limit of symlinks in one path (path_resolution(7)).
const maxLinks = 40

// Path is where this process finds the absolute path p of the root. It follows
// symlinks in p's parents inside the root, so that an absolute link (/var/run ->
// /run) does not lead out of it, and does not follow the last component. It takes
// what does not exist literally.
func (r Root) Path(p string) string {
	p = filepath.Clean("/" + p)
	if r == "/" || p == "/" {
		return filepath.Join(string(r), p)
	}
	return filepath.Join(string(r), r.resolve(filepath.Dir(p)), filepath.Base(p))
}

// Follow is like Path, and also follows the last component.
func (r Root) Follow(p string) string {
	return filepath.Join(string(r), r.resolve(filepath.Clean("/"+p)))
}

// resolve follows every symlink of p as a process chrooted to r would.
func (r Root) resolve(p string) string {
	done, rest := "/", strings.Split(strings.Trim(p, "/"), "/")
	for links := 0; len(rest) > 0; {
		next := filepath.Join(done, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(filepath.Join(string(r), next))
		if err != nil || links >= maxLinks {
			done = next
			continue
		}
		links++
		if filepath.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return done
}

// Read returns the content of the file at p, following symlinks inside the root.
func (r Root) Read(p string) ([]byte, error) {
	if r == "/" {
		return os.ReadFile(filepath.Join("/", p))
	}
	return os.ReadFile(filepath.Join(string(r), r.resolve(p)))
}

// ReadRegular is Read of a file that anybody may have put there: it waits for no
// other end of a pipe, and takes a regular file only, of at most this many bytes.
func (r Root) ReadRegular(p string, most int64) ([]byte, error) {
	at := r.Follow(p)
	f, err := OpenRegular(at)
	if errors.Is(err, errNotRegular) {
		err = notRegular(at)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = &os.PathError{Op: "read", Path: at, Err: fmt.Errorf("it is larger than %d bytes", most)}
	}
	return b, err
}

// notRegular is the error of open(2) for what is there instead of a file.
func notRegular(at string) error {
	err := errNotRegular
	st, statErr := Plainly(at).Stat()
	switch {
	case statErr != nil:
		err = statErr
	case st.Mode&unix.S_IFMT == unix.S_IFLNK: // more of them than can be followed
		err = unix.ELOOP
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		err = unix.EISDIR
	}
	return &os.PathError{Op: "open", Path: at, Err: err}
}

// Command prepares name to run inside the root, with an environment that is
// the same on every machine. The caller sets the input and the outputs.
func (r Root) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	// A chrooted command is looked up in the root, where this process
	// cannot search: env(1) does it there, along the PATH given below.
	cmd := exec.CommandContext(ctx, "/usr/bin/env", append([]string{name}, args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive",
		"HOME=/root",
	}
	if r != "/" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: string(r)}
	}
	return cmd
}

// Run runs name inside the root and returns what it prints. It ends when the time is
// over, whatever the program waits for.
func (r Root) Run(ctx context.Context, limit time.Duration, name string, args ...string) ([]byte, error) {
	return r.RunAs(ctx, limit, nil, nil, name, args...)
}

// RunAs is Run for another user, with more in its environment.
func (r Root) RunAs(ctx context.Context, limit time.Duration, as *syscall.SysProcAttr, env []string, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := r.Command(ctx, name, args...)
	if as != nil {
		cmd.SysProcAttr = as
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in %s", limit)
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.Bytes(), nil
}

// Modprobe loads kernel modules, modprobe(8).
func (r Root) Modprobe(ctx context.Context, names []string) error {
	const limit = 150 * time.Second // a module may wait for its device
	_, err := r.Run(ctx, limit, "modprobe", append([]string{"--all", "--"}, names...)...)
	return err
}

// MachineID is the machine-id of the root, "" where it has never been booted:
// machine-id(5) allows an empty file and the word uninitialized then.
func (r Root) MachineID() string {
	b, err := os.ReadFile(filepath.Join(string(r), "etc/machine-id"))
	if err != nil {
		return ""
	}
	id := strings.TrimSpace(string(b))
	if id == "uninitialized" {
		return ""
	}
	return id
}

// BootID is the boot_id of random(4): another one at each boot.
func BootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// KernelRelease is the running kernel's name for itself, uname -r, by which its
// modules and its image are called.
func KernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("cannot tell the running kernel: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// Package machine makes throwaway Debian 13 machines for tests and the demo:
// a root that mmdebstrap makes once, a copy of it for each machine, and
// systemd as PID 1 in it under systemd-nspawn. It also takes manifests of
// whole roots, so that "as before" is a comparison of every path and not a
// claim. It needs root, mmdebstrap and systemd-container.
package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
)

// The releases that machines run: Suite, and the one before for those that
// are to move to it.
const (
	Suite       = "trixie"
	FormerSuite = "bookworm"
)

// packages is what the root has in addition to apt and Debian's essential packages:
// a cloud image without its kernel, boot loader and network set-up. No sshd, sudo
// or time daemon: a switch has to install them.
func packages() []string {
	return []string{
		"systemd-sysv", "dbus", "udev", "libpam-systemd",
		"iproute2", "ca-certificates", "procps", "kmod", "less", "tzdata", "netbase", "login", "passwd", "libcap2-bin",
	}
}

// CacheDir is where roots and machines are kept: $HOSTCTL_TEST_CACHE, or
// /var/cache/hostctl-test.
func CacheDir() string {
	if dir := os.Getenv("HOSTCTL_TEST_CACHE"); dir != "" {
		return dir
	}
	return "/var/cache/hostctl-test"
}

// Base returns the root folder that machines are copied from, and makes it
// first where the cache has none for this list of packages. Its making is
// reported on log.
func Base(ctx context.Context, log io.Writer) (string, error) {
	return baseOf(ctx, Suite, "base-", log)
}

// FormerBase is Base with the release before.
func FormerBase(ctx context.Context, log io.Writer) (string, error) {
	return baseOf(ctx, FormerSuite, "base-"+FormerSuite+"-", log)
}

func baseOf(ctx context.Context, suite, prefix string, log io.Writer) (string, error) {
	digest := sha256.Sum256([]byte(strings.Join(append(packages(), customize()...), "\n")))
	root := filepath.Join(CacheDir(), prefix+hex.EncodeToString(digest[:6]))
	if err := os.MkdirAll(CacheDir(), 0o755); err != nil {
		return "", fmt.Errorf("cannot make the test cache: %w", err)
	}
	unlock, err := lock(filepath.Join(CacheDir(), "base.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if err := makeBase(ctx, suite, root, log); err != nil {
		return "", fmt.Errorf("cannot make the %s root in %s: %w", suite, root, err)
	}
	return root, nil
}

// customize are the shell commands that turn the bare root ($1) into one that
// boots as a machine that was never anybody else's.
func customize() []string {
	return []string{
		`echo debian > "$1/etc/hostname"`,
		`printf '127.0.0.1 localhost\n127.0.1.1 debian\n::1 localhost ip6-localhost ip6-loopback\n' > "$1/etc/hosts"`,
		`rm -f "$1/etc/resolv.conf"`,
		`: > "$1/etc/machine-id"`,
		`rm -f "$1/var/lib/dbus/machine-id"`,
	}
}

func makeBase(ctx context.Context, suite, root string, log io.Writer) error {
	sources, err := apt.Lines(ctx, apt.Source{Input: "debian", Suite: suite, Components: []string{"main"}})
	if err != nil {
		return err
	}
	tmp := root + ".part"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	args := []string{"--variant=minbase", "--include=" + strings.Join(packages(), ",")}
	for _, c := range customize() {
		args = append(args, "--customize-hook="+c)
	}
	args = append(args, suite, tmp)
	args = append(args, sources...)
	fmt.Fprintf(log, "machine: making a %s root in %s with mmdebstrap, once\n", suite, root)
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot run mmdebstrap: %w", err)
	}
	return os.Rename(tmp, root)
}

// lock waits for an exclusive lock on the file at path, which other test
// binaries of the same run may hold.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the test cache: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

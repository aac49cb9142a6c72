package vm

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

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/test/machine"
)

// diskSize is that of a machine's root; its file is sparse.
const diskSize = "3G"

// packages are what the disk has in addition to apt and essential packages: those
// of Debian's cloud image, without a boot loader, which qemu replaces.
func packages() []string {
	return []string{
		"systemd-sysv", "dbus", "udev", "libpam-systemd", "iproute2", "ca-certificates", "procps", "kmod", "less", "tzdata",
		"netbase", "login", "passwd", "libcap2-bin", "e2fsprogs", "zstd", "initramfs-tools", "linux-image-cloud-amd64",
	}
}

// agent is the shell that a test talks to, on the second serial line.
const agent = `[Unit]
Description=Shell of the test
After=dbus.service

[Service]
Environment=HOME=/root LANG=C.UTF-8
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
ExecStartPre=/bin/stty -F /dev/ttyS1 -echo -onlcr
ExecStart=/bin/sh
Restart=always

[Install]
WantedBy=multi-user.target
`

// manifestScript prints every path of the root with its metadata, and the
// digest of every file's bytes, but for what changes by itself. The folders'
// times are left out: the mount's own life changes some.
const manifestScript = `#!/bin/sh
cd /
skip='^\./(\.hostctl|var/lib/hostctl|var/cache|var/log|var/tmp|run|tmp|root|lost\+found|var/lib/systemd|etc/machine-id|etc/\.updated|var/\.updated|boot/initrd\.img.*|var/lib/initramfs-tools|var/lib/dbus|etc/\.pwd\.lock|var/lib/apt/lists/lock|var/lib/dpkg/lock.*|etc/(passwd|group|shadow|gshadow|subuid|subgid)-)(/| |$)'
find . -xdev \( -type d -printf '%p %y %m %u %g\n' -o -printf '%p %y %m %u %g %s %T@ %l\n' \) | grep -vE "$skip" | LC_ALL=C sort
find ./usr/bin ./usr/share/tiny ./etc ./var/lib/dpkg -xdev -type f | grep -vE "$skip" | LC_ALL=C sort | xargs -d '\n' sha256sum
`

// checkScript is the init of a boot that only looks at what the initramfs left:
// it writes the manifest to the second disk and turns the machine off.
const checkScript = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
{ echo BEGIN; /root/manifest; echo "dpkg: $(dpkg --audit)"; echo END; } | dd of=/dev/vdb bs=1M iflag=fullblock conv=notrunc,fsync 2>/dev/null
echo o > /proc/sysrq-trigger
sleep 1000
`

// Base returns the image file that disks are copied from, and makes it first
// where the cache has none. It is a bare ext4: the kernel and the initramfs are
// read out of it, as a boot loader does.
func Base(ctx context.Context, log io.Writer) (string, error) {
	digest := sha256.Sum256([]byte(fmt.Sprint(packages(), files(), masked(), diskSize)))
	image := filepath.Join(machine.CacheDir(), "disk-"+hex.EncodeToString(digest[:6])+".ext4")
	return image, cached(image, func(dir, part string) error {
		return makeDisk(ctx, log, dir, part, files(), "--include="+strings.Join(packages(), ","))
	})
}

// cached makes an image where the cache has none, in a folder of its own.
func cached(image string, make func(dir, part string) error) error {
	if _, err := os.Stat(image); err == nil {
		return nil
	}
	if err := os.MkdirAll(machine.CacheDir(), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(machine.CacheDir(), "disk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	part := filepath.Join(dir, "disk")
	if err := make(dir, part); err != nil {
		return err
	}
	return os.Rename(part, image)
}

// makeDisk makes a root with mmdebstrap, and of it a file system.
func makeDisk(ctx context.Context, log io.Writer, dir, part string, files map[string]string, args ...string) error {
	sources, err := apt.Lines(ctx, apt.Source{Input: "debian", Suite: machine.Suite, Components: []string{"main", "contrib"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "vm: making a Debian 13 disk in %s with mmdebstrap, once\n", dir)
	root := filepath.Join(dir, "root")
	args = append(append([]string{"--variant=minbase"}, args...), machine.Suite, root)
	if err := run(ctx, log, "mmdebstrap", append(args, sources...)...); err != nil {
		return err
	}
	if err := furnish(ctx, log, root, files); err != nil {
		return err
	}
	return run(ctx, log, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", root, part, diskSize)
}

// files are what makes a root one that boots as a machine that was never
// anybody else's, with the test's shell and scripts.
func files() map[string]string {
	return map[string]string{
		"etc/hostname":                     "debian\n",
		"etc/fstab":                        "LABEL=root / ext4 errors=remount-ro 0 1\n",
		"etc/machine-id":                   "",
		"etc/systemd/system/agent.service": agent,
		"root/manifest":                    manifestScript,
		"root/check":                       checkScript,
		// With every driver there is an emulated processor makes it for minutes.
		"etc/initramfs-tools/conf.d/vm": "MODULES=list\n",
		"etc/initramfs-tools/modules":   "virtio_pci\nvirtio_blk\next4\n",
	}
}

// masked are units that would only take time.
func masked() []string {
	return []string{"serial-getty@ttyS0.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "dpkg-db-backup.timer", "fstrim.timer"}
}

func furnish(ctx context.Context, log io.Writer, root string, files map[string]string) error {
	for path, text := range files {
		if err := writeTo(filepath.Join(root, path), text, 0o755); err != nil {
			return err
		}
	}
	for _, unit := range masked() {
		if err := os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system", unit)); err != nil {
			return err
		}
	}
	if err := os.Symlink("/etc/systemd/system/agent.service", filepath.Join(root, "etc/systemd/system/multi-user.target.wants/agent.service")); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "usr/sbin/update-initramfs")); err != nil {
		return nil // dracut has made an image by then, and needs more around it than a folder
	}
	return run(ctx, log, "chroot", root, "update-initramfs", "-u")
}

func run(ctx context.Context, log io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot run %s: %w", name, err)
	}
	return nil
}

// debugfs runs commands of debugfs(8) on an image that nothing has open. It is
// how files come and go without a mount.
func debugfs(ctx context.Context, image string, commands ...string) error {
	cmd := exec.CommandContext(ctx, "debugfs", "-w", "-f", "-", image)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot use debugfs on %s: %w: %s", image, err, out)
	}
	return nil
}

// putTree copies a folder into an image.
func putTree(ctx context.Context, image, from, to string) error {
	var commands []string
	at := ""
	for _, part := range strings.Split(strings.Trim(to, "/"), "/") {
		at += "/" + part
		commands = append(commands, "mkdir "+at) // where it is there debugfs says so and goes on
	}
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == from {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			commands = append(commands, "mkdir "+at)
		} else {
			commands = append(commands, "write "+path+" "+at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return debugfs(ctx, image, commands...)
}

// look runs commands of debugfs(8) that only read. The image may be one whose
// power was cut: what its journal has to say is left to the kernel.
func look(ctx context.Context, image string, commands ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "debugfs", "-c", "-f", "-", image)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot look into %s: %w: %s", image, err, out)
	}
	return string(out), nil
}

// bootFiles reads the newest kernel and its initramfs out of an image, as a
// boot loader does.
func bootFiles(ctx context.Context, image, dir string) (kernel, initrd string, err error) {
	list, err := look(ctx, image, "ls -p /boot")
	if err != nil {
		return "", "", err
	}
	version := ""
	for line := range strings.Lines(list) {
		fields := strings.Split(line, "/")
		if len(fields) > 5 && strings.HasPrefix(fields[5], "vmlinuz-") {
			version = max(version, strings.TrimPrefix(fields[5], "vmlinuz-"))
		}
	}
	if version == "" {
		return "", "", fmt.Errorf("cannot boot %s: it has no kernel in /boot:\n%s", image, list)
	}
	kernel, initrd = filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd")
	_, err = look(ctx, image, "dump /boot/vmlinuz-"+version+" "+kernel, "dump /boot/initrd.img-"+version+" "+initrd)
	return kernel, initrd, err
}

package bootloader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Change is what happened to the files of a live root, as far as it may be
// about what the machine boots from.
type Change struct {
	Touched []string // paths that came, went, or were replaced
	// Commands are what maintainer scripts would have run: update-initramfs,
	// update-grub and their like, with their arguments.
	Commands []string
	Say      func(format string, args ...any)
}

// WritesDisks reports whether a command writes to a boot sector, a partition of
// the firmware, or its variables: not to anything that a container has.
func WritesDisks(command string) bool {
	name, _, _ := strings.Cut(command, " ")
	return name == "grub-install" || name == "bootctl"
}

// sources are the folders from which an initramfs is made.
func sources() []string {
	return []string{"/etc/initramfs-tools/", "/usr/share/initramfs-tools/", "/usr/lib/modules/", "/etc/modprobe.d/", "/etc/crypttab", "/boot/"}
}

// Follow brings initramfs images and boot menu up to date with a change. New
// images first, each beside its predecessor until it is whole; the menu last,
// when everything that it names is there and durable. The images of kernels that
// are gone go when no menu names them.
func Follow(ctx context.Context, c Change) error {
	touches := func(path string) bool {
		return slices.ContainsFunc(sources(), func(s string) bool { return strings.HasPrefix(path, s) })
	}
	if len(c.Commands) == 0 && !slices.ContainsFunc(c.Touched, touches) {
		return nil
	}
	if err := InstallRecovery("/"); err != nil {
		return err
	}
	made, err := c.makeImages(ctx)
	if err != nil {
		return fmt.Errorf("cannot make what the machine boots from: %w", err)
	}
	if err := verify(ctx, made); err != nil {
		return err
	}
	if err := syncBoot(); err != nil {
		return err
	}
	for _, command := range c.Commands {
		if !WritesDisks(command) {
			continue
		}
		c.Say("%s", command)
		fields := strings.Fields(command)
		if _, err := output(ctx, fields[0], fields[1:]...); err != nil {
			return err
		}
	}
	if has("update-grub") {
		c.Say("update-grub")
		if _, err := output(ctx, "update-grub"); err != nil {
			return err
		}
	}
	return errors.Join(c.removeOrphans(), syncBoot())
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// makeImages makes the images that are missing, and anew those whose making
// was asked for. It returns the versions of the kernels that they are for.
func (c Change) makeImages(ctx context.Context) ([]string, error) {
	kernels, err := filepath.Glob(kernelPrefix + "*")
	if err != nil || !has("update-initramfs") {
		return nil, err
	}
	var made []string
	for _, path := range kernels {
		version := strings.TrimPrefix(path, kernelPrefix)
		if !isDir("/usr/lib/modules/" + version) {
			continue
		}
		do := "-u"
		if _, err := os.Lstat(imagePrefix + version); errors.Is(err, fs.ErrNotExist) {
			do = "-c"
		}
		c.Say("update-initramfs %s -k %s", do, version)
		if _, err := output(ctx, "update-initramfs", do, "-k", version); err != nil {
			return made, err
		}
		made = append(made, version)
	}
	return made, nil
}

// verify looks into new images for what a boot cannot do without: the modules
// of their kernel, and hostctl's recovery.
func verify(ctx context.Context, versions []string) error {
	for _, version := range versions {
		image := imagePrefix + version
		files, err := output(ctx, "lsinitramfs", image)
		if err != nil {
			return fmt.Errorf("cannot look into %s: %w", image, err)
		}
		for _, want := range []string{hookName, "usr/lib/modules/" + version + "/modules.dep"} {
			if !slices.Contains(strings.Split(files, "\n"), want) {
				return fmt.Errorf("cannot boot from %s: it lacks %s", image, want)
			}
		}
	}
	return nil
}

// removeOrphans removes the images of kernels that the change took away, and
// what update-initramfs notes of them.
func (c Change) removeOrphans() error {
	for _, kernel := range c.Touched {
		version, ok := strings.CutPrefix(kernel, kernelPrefix)
		if !ok {
			continue
		}
		if _, err := os.Lstat(kernel); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		image := imagePrefix + version
		if err := os.Remove(image); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		c.Say("remove %s, whose kernel is gone", image)
		if err := os.RemoveAll("/var/lib/initramfs-tools/" + version); err != nil {
			return err
		}
	}
	return nil
}

// syncBoot makes /boot durable: a boot loader reads no journal of ours.
func syncBoot() error {
	d, err := os.Open("/boot")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("cannot make /boot durable: %w", err)
	}
	return nil
}

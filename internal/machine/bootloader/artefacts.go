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
	Gone    []string // those of them that nothing stands at afterwards; Room alone reads it
	// Commands are what maintainer scripts would have run: update-initramfs,
	// update-grub and their like, with their arguments.
	Commands []string
	// Container says that somebody else has the kernel, the disks and the
	// firmware that this root starts with.
	Container bool
	Say       func(format string, args ...any)
}

// writesDisks reports whether a command writes to a boot sector, a partition of
// the firmware, or its variables: not to anything that a container has.
func writesDisks(command string) bool {
	name, _, _ := strings.Cut(command, " ")
	return name == "grub-install" || name == "bootctl"
}

// sources are the folders from which every initramfs is made.
func sources() []string {
	return []string{"/etc/initramfs-tools/", "/usr/share/initramfs-tools/", "/etc/modprobe.d/", "/etc/crypttab"}
}

func (c Change) touches(prefixes ...string) bool {
	return slices.ContainsFunc(c.Touched, func(path string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
	})
}

// Follow brings initramfs images and boot menu up to date with a change. New
// images first, each beside its predecessor until it is whole; the menu last,
// when everything that it names is there and durable. The images of kernels that
// are gone go when no menu names them.
func Follow(ctx context.Context, c Change) error {
	if !c.matters() {
		return nil
	}
	if err := InstallRecovery("/"); err != nil {
		return err
	}
	due, err := c.due(ctx)
	if err != nil {
		return err
	}
	if err := makeImages(ctx, due, c.Container, c.Say); err != nil {
		return fmt.Errorf("cannot make what the machine boots from: %w", err)
	}
	if err := errors.Join(syncBoot(), tellLoaders(ctx, due)); err != nil {
		return err
	}
	for _, command := range c.Commands {
		fields := strings.Fields(command)
		if c.Container || !writesDisks(command) || !has(fields[0]) {
			continue // the way back from a boot loader takes its tools away
		}
		c.Say("%s", command)
		if _, _, err := run(ctx, fields[0], fields[1:]...); err != nil {
			return err
		}
	}
	if err := c.makeMenu(ctx); err != nil {
		return err
	}
	return errors.Join(c.removeOrphans(ctx), syncBoot())
}

// matters reports whether the change is about what the machine boots from.
func (c Change) matters() bool {
	return len(c.Commands) > 0 || c.touches(append(sources(), modulesDir, "/boot/")...)
}

// everyImage reports whether what all images are made from is another now.
func (c Change) everyImage() bool {
	return c.touches(sources()...) || slices.ContainsFunc(c.Commands, func(command string) bool {
		return strings.HasPrefix(command, "update-initramfs -u")
	})
}

// firstImage is what is reckoned for an initramfs where there is none to go by.
const firstImage = 64 << 20

// Room is how many bytes Follow will need in /boot before the change is done: a
// new kernel's image is reckoned to be as large as the largest that is there,
// and where images are made anew, each lies beside its predecessor for a while.
// None is made of a kernel that goes.
func (c Change) Room() (int64, error) {
	if !c.matters() {
		return 0, nil
	}
	images, err := filepath.Glob(imagePrefix + "*")
	if err != nil {
		return 0, err
	}
	var size, count int64
	again := false
	for _, image := range images {
		fi, err := os.Stat(image)
		if err != nil {
			return 0, err
		}
		size = max(size, fi.Size())
		version := strings.TrimPrefix(image, imagePrefix)
		stays := !slices.Contains(c.Gone, kernelPrefix+version)
		again = again || stays && (c.everyImage() || c.touches(modulesDir+version+"/"))
	}
	if again {
		count++
	}
	for _, path := range c.Touched {
		if version, ok := strings.CutPrefix(path, kernelPrefix); ok && !slices.Contains(c.Gone, path) && !slices.Contains(images, imagePrefix+version) {
			count++
		}
	}
	if size == 0 {
		size = firstImage
	}
	return count * size, nil
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// due lists the kernels whose image is to be made: it is missing, it was made
// from other modules, or what all images are made from is another now. The image
// of a kernel that nothing happened to stays: it is what the machine boots from
// where a new one does not come up.
func (c Change) due(ctx context.Context) ([]string, error) {
	kernels, err := filepath.Glob(kernelPrefix + "*")
	if err != nil || !has("mkinitramfs") {
		return nil, err
	}
	keep, err := keepsImages(ctx)
	if err != nil {
		return nil, err
	}
	all := c.everyImage()
	var out []string
	for _, path := range kernels {
		version := strings.TrimPrefix(path, kernelPrefix)
		if !isDir(modulesDir + version) {
			continue
		}
		_, err := os.Lstat(imagePrefix + version)
		if errors.Is(err, fs.ErrNotExist) || !keep && (all || c.touches(modulesDir+version+"/", path)) {
			out = append(out, version)
		}
	}
	return out, nil
}

// makeMenu does what update-grub(8) does, which is to say where the menu shall
// be, and puts the new menu in place when it is whole: grub-mkconfig itself
// writes into the one that is there.
func (c Change) makeMenu(ctx context.Context) error {
	const menu = "/boot/grub/grub.cfg"
	if !has("grub-mkconfig") || !isDir(filepath.Dir(menu)) {
		return nil
	}
	c.Say("making %s", menu)
	if _, _, err := run(ctx, "grub-mkconfig", "-o", menu+".hostctl"); err != nil {
		return errors.Join(fmt.Errorf("cannot make the boot menu, the old one stays: %w", err), ignoreMissing(os.Remove(menu+".hostctl")))
	}
	if err := replace(menu+".hostctl", menu); err != nil {
		return fmt.Errorf("cannot put the new boot menu in place: %w", err)
	}
	return nil
}

// removeOrphans removes the images of kernels that the change took away, what
// update-initramfs notes of them, and systemd-boot's copies.
func (c Change) removeOrphans(ctx context.Context) error {
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
		if has("bootctl") && has("kernel-install") && !c.Container {
			if _, _, err := run(ctx, "kernel-install", "remove", version); err != nil {
				return err
			}
		}
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

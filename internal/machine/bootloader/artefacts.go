package bootloader

import (
	"cmp"
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
	Came    []string // those of them that did not exist before; for work after the change
	Gone    []string // those of them that do not exist afterwards; for work before the change
	// Asked is what maintainer scripts tried to call, as the stage recorded it
	// (Call.String). It says what is necessary; hostctl runs none of it literally.
	Asked []string
	// Container says that somebody else has the kernel, the disks and the
	// firmware that this root starts with.
	Container bool
	Say       func(format string, args ...any)
}

// menuSources are the folders and files from which GRUB's menu is made.
func menuSources() []string { return []string{"/etc/default/grub", "/etc/grub.d/"} }

// entrySources are those from which kernel-install makes entries.
func entrySources() []string { return []string{"/etc/kernel/", "/usr/lib/kernel/"} }

func (c Change) touches(prefixes ...string) bool {
	return slices.ContainsFunc(c.Touched, func(path string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
	})
}

// Follow brings images, boot loader and its menu or entries up to date with a
// change. It makes new images first, each next to its predecessor until it is
// complete, and then what names them, once they are durable. It removes the images
// and entries of removed kernels last, when nothing that the loader starts by
// itself names them.
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
	boot := ""
	if !c.Container { // it has no boot sector, no partition of the firmware and no variables of it
		if boot, err = bootRoot(ctx); err != nil {
			return err
		}
		if err := c.loaders(ctx, boot != ""); err != nil {
			return err
		}
	}
	if boot != "" {
		if err := c.entries(ctx, boot, due); err != nil {
			return err
		}
	}
	if err := c.Menu(ctx); err != nil {
		return err
	}
	return errors.Join(c.removeOrphans(ctx, boot), syncBoot())
}

// matters reports whether the change is about what the machine boots from.
func (c Change) matters() bool {
	return len(c.Asked) > 0 || c.touches(slices.Concat(sources(), menuSources(), entrySources(), []string{modulesDir, "/boot/"})...)
}

// everyImage reports whether what all images are made from is another now.
func (c Change) everyImage() bool {
	return c.touches(sources()...) || slices.ContainsFunc(c.calls("update-initramfs"), func(call Call) bool {
		return slices.Contains(call.Args, "-u") && call.version() == ""
	})
}

// calls are a maintainer script's calls of a program.
func (c Change) calls(programs ...string) []Call {
	var out []Call
	for _, text := range c.Asked {
		if call := parseCall(text); slices.Contains(programs, call.Program) {
			out = append(out, call)
		}
	}
	return out
}

// loaders brings the machine's boot loaders up to date. It never replaces one by
// another, and installs none on a machine that had none: whoever installs a machine
// chooses its loader.
func (c Change) loaders(ctx context.Context, systemdBoot bool) error {
	for _, call := range c.calls("grub-install") {
		if !has(call.Program) {
			continue // the way back from a boot loader removes its tools
		}
		if disk := call.goneDisk(); disk != "" {
			c.Say("warning: %s is not there, and keeps the boot loader that it has", disk)
			continue
		}
		c.Say("%s", strings.Join(append([]string{call.Program}, call.Args...), " "))
		if _, _, err := run(ctx, call.Program, call.Args...); err != nil {
			return err
		}
	}
	if (c.touches("/usr/lib/systemd/boot/efi/") || len(c.calls("bootctl")) > 0) && systemdBoot {
		c.Say("bootctl update")
		if _, _, err := run(ctx, "bootctl", "--graceful", "update"); err != nil {
			return err
		}
	}
	for _, call := range c.calls("efibootmgr") {
		if !slices.Contains(call.Args, "--create") || call.goneDisk() != "" || !has(call.Program) || !systemdBoot {
			continue
		}
		// A firmware whose variables are full or read-only starts what is at the
		// path that it falls back to.
		list, _, err := run(ctx, call.Program, "-v")
		if err == nil && !call.madeIn(list) {
			_, _, err = run(ctx, call.Program, call.Args...)
		}
		if err != nil {
			c.Say("warning: %v", err)
		}
	}
	return nil
}

// entries makes the entries of systemd-boot for the kernels whose image is
// another, for those that have none, and for all where their command line is.
func (c Change) entries(ctx context.Context, boot string, made []string) error {
	kernels, err := kernelsHere()
	if err != nil {
		return err
	}
	missing, err := withoutEntry(boot, kernels)
	if err != nil {
		return err
	}
	if c.broughtCmdline() {
		if err := noteOptions(); err != nil {
			return fmt.Errorf("cannot note the kernel's command line as it was: %w", err)
		}
	}
	all := c.touches(entrySources()...)
	due := slices.DeleteFunc(kernels, func(version string) bool {
		return !all && !slices.Contains(made, version) && !slices.Contains(missing, version) && !c.touches(kernelPrefix+version)
	})
	if err := writeEntries(ctx, boot, due, c.Say); err != nil || !all {
		return err
	}
	return noteBack()
}

// kernelsHere are the versions of the kernels that have both an image in /boot
// and modules.
func kernelsHere() ([]string, error) {
	paths, err := filepath.Glob(kernelPrefix + "*")
	var out []string
	for _, path := range paths {
		if version := strings.TrimPrefix(path, kernelPrefix); isDir(modulesDir + version) {
			out = append(out, version)
		}
	}
	return out, err
}

// What is reckoned for an image and a kernel where there is none to go by.
const (
	firstImage  = 64 << 20
	firstKernel = 16 << 20
)

// Room is how many bytes Follow will need in /boot before the change is done, and
// how many where systemd-boot has its copies. It assumes that a new kernel's image
// is as large as the largest existing one, and counts each remade image next to
// its predecessor. A kernel that is removed needs none.
func (c Change) Room(ctx context.Context) (map[string]int64, error) {
	if !c.matters() {
		return nil, nil
	}
	images, image, err := largest(imagePrefix)
	if err != nil {
		return nil, err
	}
	_, kernel, err := largest(kernelPrefix)
	if err != nil {
		return nil, err
	}
	again := slices.ContainsFunc(images, func(version string) bool {
		return !slices.Contains(c.Gone, kernelPrefix+version) && (c.everyImage() || c.touches(modulesDir+version+"/"))
	})
	var fresh int64
	for _, path := range c.Touched {
		if version, ok := strings.CutPrefix(path, kernelPrefix); ok && !slices.Contains(c.Gone, path) && !slices.Contains(images, version) {
			fresh++
		}
	}
	out := map[string]int64{"/boot": fresh * cmp.Or(image, firstImage)}
	copies := fresh * (cmp.Or(image, firstImage) + cmp.Or(kernel, firstKernel))
	if again {
		out["/boot"] += image
		copies += image
	}
	if c.Container || copies == 0 {
		return out, nil
	}
	boot, err := bootRoot(ctx)
	if boot != "" {
		out[boot] += copies
	}
	return out, err
}

// largest lists the versions of the files in /boot that begin so, and the bytes
// of the largest.
func largest(prefix string) (versions []string, size int64, err error) {
	paths, err := filepath.Glob(prefix + "*")
	for _, path := range paths {
		fi, err := os.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		size = max(size, fi.Size())
		versions = append(versions, strings.TrimPrefix(path, prefix))
	}
	return versions, size, err
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
	g := generatorOf("/")
	if g == nil {
		return nil, nil
	}
	kernels, err := kernelsHere()
	if err != nil {
		return nil, err
	}
	keep, err := g.keeps(ctx)
	if err != nil {
		return nil, err
	}
	all := c.everyImage()
	asked := map[string]bool{}
	for _, call := range c.calls("update-initramfs", "mkinitramfs", "dracut") {
		asked[call.version()] = true
	}
	var out []string
	for _, version := range kernels {
		_, err := os.Lstat(imagePrefix + version)
		if errors.Is(err, fs.ErrNotExist) || !keep && (all || asked[version] || c.touches(modulesDir+version+"/", kernelPrefix+version)) {
			out = append(out, version)
		}
	}
	return out, nil
}

// menu is what GRUB shows. A machine without one, and a container, get none: the
// hooks of Debian's kernels make it under the same condition.
const (
	menu   = "/boot/grub/grub.cfg"
	beside = ".hostctl" // grub-mkconfig has .new for itself
)

func (c Change) hasMenu() bool {
	_, err := os.Stat(menu)
	return err == nil && !c.Container && has("grub-mkconfig")
}

// Retire makes the menu without the kernels that the change is about to remove:
// after the commit, the present menu would start a missing file, and GRUB would
// wait for somebody at the keyboard. It reports whether it did so; if the commit
// does not happen, Menu adds them back.
func (c Change) Retire(ctx context.Context) (bool, error) {
	var gone []string
	for _, path := range c.Gone {
		if _, err := os.Stat(path); err == nil && strings.HasPrefix(path, kernelPrefix) {
			gone = append(gone, path)
		}
	}
	all, err := filepath.Glob(kernelPrefix + "*")
	if err != nil || len(gone) == 0 || len(gone) >= len(all) || !c.hasMenu() {
		return false, err
	}
	if slices.Contains(c.Touched, menu) {
		return false, nil // a commit refuses a file of its own that has just changed
	}
	return true, c.makeMenu(ctx, gone)
}

// Menu makes the menu of what is there.
func (c Change) Menu(ctx context.Context) error {
	if !c.hasMenu() {
		return nil
	}
	c.Say("making %s", menu)
	return c.makeMenu(ctx, nil)
}

// makeMenu does what update-grub(8) does, which is to name the menu's path, and
// moves the new menu into place when it is complete: grub-mkconfig itself would
// write into the present one. It hides the kernels to leave out.
func (c Change) makeMenu(ctx context.Context, without []string) error {
	const hidden = `for kernel; do mount --bind /dev/null "$kernel"; done; exec grub-mkconfig -o ` + menu + beside
	args := append([]string{"--mount", "--propagation", "private", "sh", "-ec", hidden, "sh"}, without...)
	if _, _, err := run(ctx, "unshare", args...); err != nil {
		return errors.Join(fmt.Errorf("cannot make the boot menu, the old one stays: %w", err), ignoreMissing(os.Remove(menu+beside)))
	}
	if err := replace(menu+beside, menu); err != nil {
		return fmt.Errorf("cannot put the new boot menu in place: %w", err)
	}
	return nil
}

// removeOrphans removes the images and entries of kernels that the change took
// away, and what update-initramfs notes of them.
func (c Change) removeOrphans(ctx context.Context, boot string) error {
	for _, kernel := range c.Touched {
		version, ok := strings.CutPrefix(kernel, kernelPrefix)
		if !ok {
			continue
		}
		if _, err := os.Lstat(kernel); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if boot != "" {
			if err := removeEntry(ctx, boot, version, c.Say); err != nil {
				return err
			}
		}
		if err := os.RemoveAll("/var/lib/initramfs-tools/" + version); err != nil {
			return err
		}
		image := imagePrefix + version
		if err := os.Remove(image); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		c.Say("remove %s, whose kernel is gone", image)
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

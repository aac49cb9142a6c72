package bootloader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	modulesDir = "/usr/lib/modules/"
	// fresh ends the name of what is made beside its predecessor. It is
	// update-initramfs's own: the next image takes the place of what a crash left.
	fresh = ".new"
)

// makeImages makes the initramfs image of each kernel under a new name, looks
// into it, and renames it over the old one when it is durable. One that cannot
// be made, or that the machine would not boot from, leaves the old one.
//
// update-initramfs(8) makes an image in the same way, but nobody looks into it
// before it takes the old one's place.
func makeImages(ctx context.Context, versions []string, container bool, say func(format string, args ...any)) error {
	if len(versions) == 0 {
		return nil
	}
	var needs []need
	if !container {
		var err error
		if needs, err = rootNeeds(ctx, "/sys"); err != nil {
			return fmt.Errorf("cannot tell what an initramfs needs to come to the root: %w", err)
		}
	}
	for _, version := range versions {
		say("making %s", imagePrefix+version)
		if err := makeImage(ctx, version, needs, say); err != nil {
			return errors.Join(err, ignoreMissing(os.Remove(imagePrefix+version+fresh)))
		}
	}
	return nil
}

// AddRecovery makes images anew that were made before hostctl's recovery was
// there.
func AddRecovery(ctx context.Context, versions []string, say func(format string, args ...any)) error {
	if err := makeImages(ctx, versions, false, say); err != nil {
		return err
	}
	return errors.Join(syncBoot(), tellLoaders(ctx, versions))
}

func makeImage(ctx context.Context, version string, needs []need, say func(format string, args ...any)) error {
	image := imagePrefix + version
	_, warnings, err := run(ctx, "mkinitramfs", "-o", image+fresh, version)
	if err != nil {
		return fmt.Errorf("cannot make %s, the old one stays: %w", image, err)
	}
	for line := range strings.Lines(warnings) {
		say("mkinitramfs: %s", strings.TrimSpace(line))
	}
	if err := verify(ctx, image+fresh, version, warnings, needs); err != nil {
		return fmt.Errorf("cannot use the new %s, the old one stays: %w", image, err)
	}
	if err := replace(image+fresh, image); err != nil {
		return fmt.Errorf("cannot put the new %s in place: %w", image, err)
	}
	return nil
}

// replace renames a file over another when its bytes are on the disk.
func replace(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return system.SyncDir(filepath.Dir(to))
}

// verify looks into an image for what a boot cannot do without: the modules of
// its kernel, hostctl's recovery, and the way to the root.
func verify(ctx context.Context, image, version, warnings string, needs []need) error {
	list, _, err := run(ctx, "lsinitramfs", image)
	if err != nil {
		return err
	}
	files := strings.Split(list, "\n")
	for _, want := range []string{hookName, modulesDir[1:] + version + "/modules.dep"} {
		if !slices.Contains(files, want) {
			return fmt.Errorf("it lacks %s", want)
		}
	}
	builtin, err := os.ReadFile(modulesDir + version + "/modules.builtin")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	modules := modulesIn(append(files, strings.Split(string(builtin), "\n")...))
	for _, n := range needs {
		switch {
		case n.module != "" && !modules[n.module]:
			return fmt.Errorf("it lacks the kernel module %s, without which this machine does not come to %s", n.module, n.of)
		case n.file != "" && !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix("/"+f, n.file) }):
			return fmt.Errorf("it lacks %s, without which this machine does not come to %s", n.file, n.of)
		case n.complaint != "" && strings.Contains(warnings, n.complaint):
			return fmt.Errorf("mkinitramfs warned %q, and without that this machine does not come to %s", n.complaint, n.of)
		}
	}
	return nil
}

// modulesIn are the names of the modules among files, as the kernel spells them.
func modulesIn(files []string) map[string]bool {
	out := map[string]bool{}
	for _, f := range files {
		if name, end, ok := strings.Cut(path.Base(f), ".ko"); ok && (end == "" || end[0] == '.') {
			out[strings.ReplaceAll(name, "-", "_")] = true
		}
	}
	return out
}

// keepsImages reports whether update-initramfs.conf(5), which is a shell
// script, says that images which are there stay as they are.
func keepsImages(ctx context.Context) (bool, error) {
	const conf = "/etc/initramfs-tools/update-initramfs.conf"
	if _, err := os.Stat(conf); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	out, _, err := run(ctx, "sh", "-c", `. "$0"; echo "$update_initramfs"`, conf)
	return strings.TrimSpace(out) == "no", err
}

// tellLoaders runs the hooks of boot loaders that keep copies of images, or
// lists of where their blocks are (update-initramfs(8)).
func tellLoaders(ctx context.Context, versions []string) error {
	const hooks = "/etc/initramfs/post-update.d"
	if !isDir(hooks) {
		return nil
	}
	for _, version := range versions {
		if _, _, err := run(ctx, "run-parts", "--arg="+version, "--arg="+imagePrefix+version, hooks); err != nil {
			return err
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// run returns what a program printed on either output.
func run(ctx context.Context, name string, args ...string) (stdout, stderr string, err error) {
	cmd := system.Root("/").Command(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("cannot run %s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), errs.String(), nil
}

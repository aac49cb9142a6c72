package bootloader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

const (
	modulesDir = "/usr/lib/modules/"
	// fresh is the suffix of a file that is made next to its predecessor. It is
	// update-initramfs's own: the next image replaces what a crash left.
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
	g := generatorOf("/")
	if g == nil {
		return fmt.Errorf("cannot make an initramfs: neither initramfs-tools nor dracut is installed")
	}
	var needs []need
	if !container {
		var err error
		if needs, err = rootNeeds(ctx, "/sys", g); err != nil {
			return fmt.Errorf("cannot tell what an initramfs needs to come to the root: %w", err)
		}
	}
	for _, version := range versions {
		say("making %s", imagePrefix+version)
		if err := g.makeImage(ctx, version, needs, say); err != nil {
			return errors.Join(err, ignoreMissing(os.Remove(imagePrefix+version+fresh)))
		}
	}
	return nil
}

// AddRecovery remakes images that are older than hostctl's recovery.
func AddRecovery(ctx context.Context, versions []string, say func(format string, args ...any)) error {
	if err := makeImages(ctx, versions, false, say); err != nil {
		return err
	}
	if err := errors.Join(syncBoot(), tellLoaders(ctx, versions)); err != nil {
		return err
	}
	boot, err := bootRoot(ctx)
	if err != nil || boot == "" {
		return err
	}
	return Change{Say: say}.entries(ctx, boot, versions)
}

func (g *generator) makeImage(ctx context.Context, version string, needs []need, say func(format string, args ...any)) error {
	image := imagePrefix + version
	command := g.command(image+fresh, version)
	cmd := system.Root("/").Command(ctx, command[0], command[1:]...)
	// dracut runs the hooks of boot loaders itself, on an image that nobody has looked
	// into: systemd-boot's would write over the entry that the machine boots from.
	cmd.Env = append(cmd.Environ(), "NO_POST_UPDATE_HOOKS=1")
	_, warnings, err := output(cmd)
	var told []string // what it prints is also of the programs that it runs
	for line := range strings.Lines(warnings) {
		if line = strings.TrimSpace(line); g.tells(line) {
			told = append(told, line)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot make %s, the old one stays: %s: %w: %s", image, command[0], err, strings.Join(told, "; "))
	}
	for _, line := range told {
		say("%s: %s", command[0], line)
	}
	if err := g.verify(ctx, image+fresh, version, warnings, needs); err != nil {
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
func (g *generator) verify(ctx context.Context, image, version, warnings string, needs []need) error {
	files, err := g.list(ctx, image)
	if err != nil {
		return err
	}
	for _, want := range []string{g.inside, modulesDir[1:] + version + "/modules.dep"} {
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
		case len(n.files) > 0 && !n.in(files):
			return fmt.Errorf("it lacks %s, without which this machine does not come to %s", strings.Join(n.files, " and "), n.of)
		case n.complaint != "" && strings.Contains(warnings, n.complaint):
			return fmt.Errorf("it was made with the warning %q, and without that this machine does not come to %s", n.complaint, n.of)
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

// updateInitramfsKeeps reports whether update-initramfs.conf(5), which is a shell
// script, says that images which are there stay as they are.
func updateInitramfsKeeps(ctx context.Context) (bool, error) {
	const conf = "/etc/initramfs-tools/update-initramfs.conf"
	if _, err := os.Stat(conf); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	out, _, err := run(ctx, "sh", "-c", `. "$0"; echo "$update_initramfs"`, conf)
	return strings.TrimSpace(out) == "no", err
}

// tellLoaders runs the hooks of boot loaders that keep copies of images, or
// lists of where their blocks are (update-initramfs(8)), but for systemd-boot's:
// it would write over the copy that the machine boots from.
func tellLoaders(ctx context.Context, versions []string) error {
	const hooks = "/etc/initramfs/post-update.d"
	if !isDir(hooks) || len(versions) == 0 {
		return nil
	}
	list, _, err := run(ctx, "run-parts", "--list", hooks)
	if err != nil {
		return err
	}
	for _, hook := range strings.Fields(list) {
		if filepath.Base(hook) == "systemd-boot" {
			continue
		}
		for _, version := range versions {
			if _, _, err := run(ctx, hook, version, imagePrefix+version); err != nil {
				return err
			}
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
	stdout, stderr, err = output(system.Root("/").Command(ctx, name, args...))
	if err != nil {
		return "", "", fmt.Errorf("cannot run %s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, strings.TrimSpace(stderr))
	}
	return stdout, stderr, nil
}

func output(cmd *exec.Cmd) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

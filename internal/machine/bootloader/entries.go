package bootloader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// entriesDir is where kernel-install writes to, on the root's file system: on
// the one that the firmware reads it would write over what the machine boots
// from.
const entriesDir = "/.hostctl/entries"

// plugin reports whether kernel-install should run a program of install.d when
// hostctl makes an entry: modules and images already exist then.
func plugin(name string) bool {
	return strings.HasSuffix(name, ".install") && !slices.Contains([]string{"40-dkms.install", "50-depmod.install", "50-dracut.install", "51-dracut-rescue.install"}, name)
}

// plugins are those programs in their order (kernel-install(8)): one in /etc
// replaces that of the same name in /usr.
func plugins() (string, error) {
	at := map[string]string{}
	var names []string
	for _, dir := range []string{"/usr/lib/kernel/install.d", "/etc/kernel/install.d"} {
		list, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		for _, e := range list {
			if !plugin(e.Name()) {
				continue
			}
			if _, known := at[e.Name()]; !known {
				names = append(names, e.Name())
			}
			at[e.Name()] = filepath.Join(dir, e.Name())
		}
	}
	slices.Sort(names)
	var out []string
	for _, name := range names {
		if to, err := os.Readlink(at[name]); err == nil && to == "/dev/null" {
			continue
		}
		out = append(out, at[name])
	}
	return strings.Join(out, " "), nil
}

// kernelInstall runs kernel-install(8) with those programs, and more environment.
func kernelInstall(ctx context.Context, env []string, args ...string) error {
	programs, err := plugins()
	if err != nil {
		return err
	}
	cmd := system.Root("/").Command(ctx, "kernel-install", args...)
	cmd.Env = append(append(cmd.Environ(), "KERNEL_INSTALL_PLUGINS="+programs), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot run kernel-install %s %s: %w: %s", args[0], args[1], err, bytes.TrimSpace(out))
	}
	return nil
}

// bootRoot is the file system that systemd-boot reads kernels from; "" where
// another loader starts this machine.
func bootRoot(ctx context.Context) (string, error) {
	if !has("kernel-install") || !SystemdBoot(ctx) {
		return "", nil
	}
	out, _, err := run(ctx, "bootctl", "--print-boot-path")
	return strings.TrimSpace(out), err
}

// writeEntries lets kernel-install make the systemd-boot entries of some kernels,
// and moves them to where the loader finds them: each file first next to the one
// that it replaces, and into its place when it is durable; the entry itself when
// everything that it names exists.
func writeEntries(ctx context.Context, boot string, versions []string, say func(format string, args ...any)) (err error) {
	if len(versions) == 0 {
		return nil
	}
	defer func() { err = errors.Join(err, os.RemoveAll(entriesDir)) }()
	former, err := readFormerOptions()
	if err != nil {
		return err
	}
	for _, version := range versions {
		say("making the boot entry of %s", version)
		if err := makeEntry(ctx, boot, version, former); err != nil {
			return fmt.Errorf("cannot make the boot entry of %s, the old one stays: %w", version, err)
		}
		made, err := place(entriesDir, boot)
		if err != nil {
			return fmt.Errorf("cannot put the boot entry of %s in place: %w", version, err)
		}
		if made == 0 {
			say("warning: kernel-install made no boot entry of %s; what this machine boots is said by its layout, see kernel-install(8) and 'bootctl list'", version)
		}
		if err := removeFormer(boot, version); err != nil {
			return err
		}
	}
	return nil
}

// makeEntry runs kernel-install(8) on a folder that looks like boot:
// kernel-install goes by the folders and the layout that it finds there.
func makeEntry(ctx context.Context, boot, version string, former *formerOptions) error {
	if err := errors.Join(os.RemoveAll(entriesDir), os.MkdirAll(filepath.Join(entriesDir, "loader"), 0o700)); err != nil {
		return err
	}
	list, err := os.ReadDir(boot)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.IsDir() {
			if err := os.MkdirAll(filepath.Join(entriesDir, e.Name()), 0o700); err != nil {
				return err
			}
		}
	}
	if layout, err := os.ReadFile(filepath.Join(boot, "loader/entries.srel")); err == nil {
		if err := os.WriteFile(filepath.Join(entriesDir, "loader/entries.srel"), layout, 0o600); err != nil {
			return err
		}
	}
	args := []string{"add", version, kernelPrefix + version}
	if _, err := os.Stat(imagePrefix + version); err == nil {
		args = append(args, imagePrefix+version)
	}
	if err := kernelInstall(ctx, []string{"BOOT_ROOT=" + entriesDir}, args...); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(entriesDir, "loader/entries/*.conf"))
	for _, path := range made {
		err = errors.Join(err, relocate(path, entriesDir, boot, former))
	}
	return err
}

// relocate changes the paths of an entry to those of the loader: relative to the
// file system that it reads, instead of the folder in which the entry was made.
// What the entry names must exist there, or move there with it. The entry keeps the
// kernel's former command line, if there is one.
func relocate(path, made, boot string, former *formerOptions) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out strings.Builder
	said := false
	for line := range strings.Lines(string(text)) {
		key, value := keyOf(line)
		if key == "options" && former != nil { // several add up
			if said {
				continue
			}
			before := "options "
			if value != "" {
				before = strings.TrimSuffix(strings.TrimSpace(line), value)
			}
			line, said = before+former.Options+"\n", true
		}
		if !slices.Contains([]string{"linux", "initrd", "devicetree", "efi"}, key) {
			out.WriteString(line)
			continue
		}
		file := value
		if rest, ok := strings.CutPrefix(value, made+"/"); ok {
			file = "/" + rest
		}
		_, here := os.Stat(filepath.Join(made, file))
		if _, err := os.Stat(filepath.Join(boot, file)); here != nil && err != nil {
			return fmt.Errorf("it names %s, which is not there", file)
		}
		out.WriteString(strings.Replace(line, value, file, 1))
	}
	return os.WriteFile(path, []byte(out.String()), 0o600)
}

// keyOf is the key of a line of an entry, and its value (Boot Loader Specification,
// Type #1).
func keyOf(line string) (key, value string) {
	line = strings.TrimSpace(line)
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

// place moves the files of a folder into another one, those of loader/entries
// last. A file with the same bytes stays. It returns the number of files.
func place(from, to string) (int, error) {
	var files, entries []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path) // path is below from
		switch {
		case err != nil || d.IsDir() || rel == "loader/entries.srel":
		case strings.HasPrefix(rel, "loader/entries/"):
			entries = append(entries, rel)
		default:
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, rel := range append(files, entries...) {
		if err := placeFile(filepath.Join(from, rel), filepath.Join(to, rel)); err != nil {
			return 0, err
		}
	}
	return len(files) + len(entries), nil
}

// placeFile copies a file into the place of another. FAT has no journal: the two
// change their names with one another, after the bytes are on the disk, and the
// former one goes when that is there as well, so that at no time a name leads to
// nothing.
func placeFile(from, to string) error {
	if same, err := sameBytes(from, to); same || err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	temp := to + fresh
	if err := copyFile(from, temp); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(temp)))
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) { // the first of its name, or a kernel before 6.0
		if err := os.Rename(temp, to); err != nil {
			return err
		}
		return unix.Syncfs(int(dir.Fd()))
	}
	if err != nil {
		return fmt.Errorf("cannot put %s in place: %w", to, err)
	}
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return err
	}
	return os.Remove(temp)
}

func sameBytes(a, b string) (bool, error) {
	is, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	was, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || is.Size() != was.Size() {
		return false, err
	}
	x, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	y, err := os.ReadFile(b)
	return bytes.Equal(x, y), err
}

// copyFile copies bytes and reads them back: a loader that finds others starts
// nothing.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if same, err := sameBytes(from, to); err != nil || !same {
		return errors.Join(fmt.Errorf("%s has not the bytes that were written", to), err)
	}
	return nil
}

// entriesOf are the entries of a kernel in boot, also those with a counter, such
// as +3 and +2-1 (Boot Loader Specification, Boot Counting). Debian's kernels have
// a + in their version as well.
func entriesOf(boot, version string) ([]string, error) {
	counter := regexp.MustCompile(`\+[0-9]+(-[0-9]+)?$`)
	all, err := filepath.Glob(filepath.Join(boot, "loader/entries/*.conf"))
	return slices.DeleteFunc(all, func(path string) bool {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		return !strings.HasSuffix(name, "-"+version) && !strings.HasSuffix(counter.ReplaceAllString(name, ""), "-"+version)
	}), err
}

// removeFormer removes the entries of a kernel that the new one replaces: those
// with another counter.
func removeFormer(boot, version string) error {
	has, err := entriesOf(boot, version)
	if err != nil {
		return err
	}
	for _, path := range has {
		if _, err := os.Stat(filepath.Join(entriesDir, "loader/entries", filepath.Base(path))); err == nil {
			continue
		}
		token, _, _ := strings.Cut(filepath.Base(path), "-"+version)
		made, err := filepath.Glob(filepath.Join(entriesDir, "loader/entries", token+"-*"))
		if err != nil {
			return err
		}
		if len(made) == 0 {
			continue // another system's
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// removeEntry removes the entries of a kernel that is gone, and its copies.
func removeEntry(ctx context.Context, boot, version string, say func(format string, args ...any)) error {
	has, err := entriesOf(boot, version)
	if err != nil || len(has) == 0 {
		return err
	}
	say("removing the boot entry of %s, which is gone", version)
	return kernelInstall(ctx, nil, "remove", version)
}

// withoutEntry are the kernels without an entry.
func withoutEntry(boot string, versions []string) ([]string, error) {
	var out []string
	for _, version := range versions {
		has, err := entriesOf(boot, version)
		if err != nil {
			return nil, err
		}
		if len(has) == 0 {
			out = append(out, version)
		}
	}
	return out, nil
}

// staleCopies are the kernels with an image in boot, but none as large as the one
// in /boot: a run that was killed between the two left the loader with the former
// one.
func staleCopies(boot string, versions []string) ([]string, error) {
	var out []string
	for _, version := range versions {
		is, err := os.Stat(imagePrefix + version)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		copies, err := filepath.Glob(filepath.Join(boot, "*", version, "initrd.img-"+version))
		if err != nil {
			return nil, err
		}
		fits := slices.ContainsFunc(copies, func(path string) bool {
			fi, err := os.Stat(path)
			return err == nil && fi.Size() == is.Size()
		})
		if len(copies) > 0 && !fits {
			out = append(out, version)
		}
	}
	return out, nil
}

// RenewCopies remakes the systemd-boot entries whose image is not the one in /boot:
// hostctl inspects that one, but the loader starts its own copy.
func RenewCopies(ctx context.Context, say func(format string, args ...any)) error {
	boot, err := bootRoot(ctx)
	if err != nil || boot == "" {
		return err
	}
	kernels, err := kernelsHere()
	if err != nil {
		return err
	}
	stale, err := staleCopies(boot, kernels)
	if err != nil {
		return err
	}
	return writeEntries(ctx, boot, stale, say)
}

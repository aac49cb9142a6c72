package bootloader

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tools are the programs that make what a machine boots from, write it where the
// firmware finds it, or report about it. None of them runs in a stage: they would
// see an overlay instead of the disk, and firmware and boot sectors are not in a
// stage (engine rule 6).
func Tools() []string {
	return []string{
		"update-initramfs", "mkinitramfs", "dracut", "kernel-install", "bootctl",
		"update-grub", "update-grub2", "grub-mkconfig", "grub-install", "grub-probe", "efibootmgr",
	}
}

// Call is what a maintainer script in a stage has called: one of the Tools.
type Call struct {
	Program string
	Args    []string
}

// Answer is what a caller gets.
type Answer struct {
	Code int
	Out  string
}

// Asks reports whether a call only asks about what a machine boots from. All
// others want to change it.
func (c Call) Asks() bool {
	has := func(words ...string) bool {
		return slices.ContainsFunc(c.Args, func(arg string) bool {
			word, _, _ := strings.Cut(arg, "=")
			return slices.Contains(words, word)
		})
	}
	switch c.Program {
	case "bootctl":
		return !has("install", "update", "remove", "unlink", "cleanup", "random-seed", "systemd-efi-options", "reboot-to-firmware",
			"set-default", "set-oneshot", "set-timeout", "set-timeout-oneshot")
	case "kernel-install":
		return !has("add", "add-all", "remove")
	case "efibootmgr":
		return !slices.ContainsFunc(c.Args, func(arg string) bool {
			return !slices.Contains([]string{"-v", "--verbose", "-q", "--quiet", "-u", "--unicode"}, arg)
		})
	case "grub-probe":
		return true
	}
	return false
}

// AsksItself reports whether a call only asks a program about the program.
func (c Call) AsksItself() bool {
	return slices.ContainsFunc(c.Args, func(arg string) bool { return slices.Contains([]string{"--version", "--help", "-h", "-V"}, arg) })
}

// Live asks the machine itself. If it has another boot loader, or none that it
// knows, bootctl says neither that systemd-boot is installed nor where it would go:
// otherwise the package would take over a machine with another loader.
func (c Call) Live(ctx context.Context) Answer {
	if c.Program == "bootctl" && !SystemdBoot(ctx) {
		return Answer{Code: 1}
	}
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_PAGER=")
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return Answer{Code: exit.ExitCode(), Out: string(out)}
	case err != nil:
		return Answer{Code: 127}
	}
	return Answer{Out: string(out)}
}

// SystemdBoot reports whether this machine has systemd-boot on its EFI system
// partition (bootctl(1), is-installed).
func SystemdBoot(ctx context.Context) bool {
	return has("bootctl") && exec.CommandContext(ctx, "bootctl", "--quiet", "is-installed").Run() == nil
}

// ESP is where the EFI system partition is mounted from which systemd-boot starts
// this machine; "" where another loader does.
func ESP(ctx context.Context) (string, error) {
	if !SystemdBoot(ctx) {
		return "", nil
	}
	out, _, err := run(ctx, "bootctl", "--print-esp-path")
	return strings.TrimSpace(out), err
}

// String is a call as a generation records it: its words with tabs between.
func (c Call) String() string { return strings.Join(append([]string{c.Program}, c.Args...), "\t") }

// parseCall reads what String wrote. Older records have blanks between words, and
// no blanks in words.
func parseCall(recorded string) Call {
	words := strings.Split(recorded, "\t")
	if len(words) == 1 {
		words = strings.Fields(recorded)
	}
	if len(words) == 0 {
		return Call{}
	}
	return Call{Program: path.Base(words[0]), Args: words[1:]}
}

// Lasting is a call that names disks by udev's stable names: a way back reads it
// again, when /dev/sda may be another disk.
func (c Call) Lasting() Call { return c.lasting("/dev/disk") }

func (c Call) lasting(links string) Call {
	args := slices.Clone(c.Args)
	for i, arg := range args {
		device, err := filepath.EvalSymlinks(arg)
		if err != nil || !strings.HasPrefix(arg, filepath.Dir(links)+"/") {
			continue
		}
		for _, folder := range []string{"by-id", "by-path"} {
			named, _ := filepath.Glob(filepath.Join(links, folder, "*")) // the pattern is right
			at := slices.IndexFunc(named, func(link string) bool {
				to, err := filepath.EvalSymlinks(link)
				return err == nil && to == device
			})
			if at >= 0 {
				args[i] = named[at]
				break
			}
		}
	}
	return Call{Program: c.Program, Args: args}
}

// goneDisk is a disk that a call names and the machine no longer has, or "".
func (c Call) goneDisk() string {
	for _, arg := range c.Args {
		if _, err := os.Stat(arg); strings.HasPrefix(arg, "/dev/") && errors.Is(err, fs.ErrNotExist) {
			return arg
		}
	}
	return ""
}

// after is the word that follows an option of a call.
func (c Call) after(option string) string {
	if i := slices.Index(c.Args, option); i >= 0 && i+1 < len(c.Args) {
		return c.Args[i+1]
	}
	return ""
}

// madeIn reports whether a call that makes an entry of the firmware has made it:
// whether efibootmgr(8) lists one of that name which starts the same file.
func (c Call) madeIn(list string) bool {
	file := strings.ToLower(strings.ReplaceAll(c.after("--loader"), "/", `\`))
	for line := range strings.Lines(list) {
		_, entry, ok := strings.Cut(line, "* ")
		if ok && strings.HasPrefix(entry, c.after("--label")+"\t") && strings.Contains(strings.ToLower(entry), file) {
			return true
		}
	}
	return false
}

// version is the kernel that a call to a maker of images is about; "" is all.
func (c Call) version() string {
	switch c.Program {
	case "update-initramfs":
		if version := c.after("-k"); version != "all" {
			return version
		}
	case "dracut", "mkinitramfs":
		if n := len(c.Args); n > 0 && isDir(modulesDir+c.Args[n-1]) {
			return c.Args[n-1]
		}
	}
	return ""
}

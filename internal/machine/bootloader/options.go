package bootloader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Cmdline is the file from which kernel-install(8) takes the kernel's command line.
// Without it, kernel-install takes the running kernel's. So the way back from a
// configuration that adds the file would write what that configuration asked for.
const Cmdline = "/etc/kernel/cmdline"

// shippedCmdline is where it looks next; Debian has no such file.
const shippedCmdline = "/usr/lib/kernel/cmdline"

// optionsFile has the line that the machine ran with before hostctl wrote the file.
const optionsFile = "/var/lib/hostctl/boot-options.json"

// formerOptions is the content of optionsFile.
type formerOptions struct {
	Options string `json:"options"`
	Machine string `json:"machine"` // machine-id(5): a copy of this disk has another root
	// Back is the boot_id of random(4) of the boot in which entries got the line
	// again: the boots after it run with it, and the running kernel's line serves.
	Back string `json:"back,omitempty"`
}

func (f formerOptions) write() error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return system.WriteFiles(map[string][]byte{optionsFile: text}, 0o600, 0, 0)
}

// noted is the content of optionsFile, or nil. An unreadable file, or that of
// another machine, counts as none.
func noted() *formerOptions {
	text, err := os.ReadFile(optionsFile)
	var f formerOptions
	if err != nil || json.Unmarshal(text, &f) != nil || f.Options == "" || f.Machine != system.Root("/").MachineID() {
		return nil
	}
	return &f
}

// readFormerOptions is the line that entries get; nil where kernel-install knows
// what to write. A line that leads to another root than the one that is mounted is
// never written: the root may have moved since.
func readFormerOptions() (*formerOptions, error) {
	for _, path := range []string{Cmdline, shippedCmdline} {
		if _, err := os.Stat(path); err == nil {
			return nil, nil
		}
	}
	f := noted()
	if f == nil {
		return nil, nil
	}
	boot, err := system.BootID()
	if err != nil {
		return nil, err
	}
	if f.Back != "" && f.Back != boot {
		return nil, os.Remove(optionsFile)
	}
	runs, err := runningOptions()
	if err != nil || rootOf(f.Options) != rootOf(runs) {
		return nil, err
	}
	return f, nil
}

// noteBack records that every entry has the line again.
func noteBack() error {
	f, err := readFormerOptions()
	if err != nil || f == nil {
		return err
	}
	if f.Back, err = system.BootID(); err != nil {
		return err
	}
	return f.write()
}

// noteOptions records the line that the machine runs with, which entries have if
// nothing sets another. A run that continues after a crash finds it recorded, and
// may itself run with the new line; so may one that goes forward again in the boot
// after a way back.
func noteOptions() error {
	f := noted()
	if f != nil && f.Back == "" {
		return nil
	}
	boot, err := system.BootID()
	if err != nil {
		return err
	}
	if f != nil && f.Back == boot {
		f.Back = ""
		return f.write()
	}
	options, err := runningOptions()
	if err != nil {
		return err
	}
	return formerOptions{Options: options, Machine: system.Root("/").MachineID()}.write()
}

// runningOptions are those of the running kernel, without what a boot loader adds;
// kernel-install leaves out the same.
func runningOptions() (string, error) {
	text, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return "", fmt.Errorf("cannot read the kernel's command line: %w", err)
	}
	words := slices.DeleteFunc(strings.Fields(string(text)), func(word string) bool {
		return strings.HasPrefix(word, "initrd=") || strings.HasPrefix(word, "BOOT_IMAGE=")
	})
	return strings.Join(words, " "), nil
}

// rootOf is the device that a command line has as its root, or the text that names
// it where that leads to none here.
func rootOf(options string) string { return deviceOf(rootWord(options)) }

func rootWord(options string) string {
	root := ""
	for word := range strings.FieldsSeq(options) {
		if value, ok := strings.CutPrefix(word, "root="); ok {
			root = strings.Trim(value, `"`)
		}
	}
	return root
}

func deviceOf(root string) string {
	path := root
	if tag, value, ok := strings.Cut(root, "="); ok {
		dir := map[string]string{"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}[tag]
		if dir == "" {
			return root
		}
		path = filepath.Join("/dev/disk", dir, value)
	}
	if device, err := filepath.EvalSymlinks(path); err == nil && strings.HasPrefix(path, "/") {
		return device
	}
	return root
}

// OtherRoot is the root= of a command line that leads elsewhere than to the root of
// this machine, where entries of systemd-boot would have that line; else "".
func OtherRoot(ctx context.Context, options string) (string, error) {
	root := rootWord(options)
	if root == "" || !SystemdBoot(ctx) {
		return "", nil
	}
	runs, err := runningOptions()
	if err != nil || deviceOf(root) == rootOf(runs) {
		return "", err
	}
	mounts, err := system.Mounts()
	if err != nil || slices.ContainsFunc(mounts, func(m system.Mount) bool { return m.Point == "/" && leadsTo(root, m) }) {
		return "", err
	}
	return root, nil
}

// leadsTo reports whether a root= means what is mounted there. A pool of ZFS may be
// left to be found (dracut.zfs(7)).
func leadsTo(root string, m system.Mount) bool {
	if m.Type == "zfs" {
		name := strings.TrimPrefix(strings.TrimPrefix(root, "ZFS="), "zfs:")
		return name == m.Source || strings.EqualFold(name, "AUTO") || name == "zfs"
	}
	return deviceOf(root) == deviceOf(m.Source)
}

// broughtCmdline reports whether the change adds a kernel command line to a machine
// that had none.
func (c Change) broughtCmdline() bool {
	_, err := os.Stat(shippedCmdline)
	return errors.Is(err, fs.ErrNotExist) && slices.Contains(c.Came, Cmdline)
}

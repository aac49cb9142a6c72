package bootloader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// cmdline is where kernel-install(8) takes the kernel's command line from. Without
// it the line is the running kernel's, so that the way back from a configuration
// that brings the file would write what that configuration asked for.
const cmdline = "/etc/kernel/cmdline"

// optionsFile has the line that was an entry's before hostctl wrote the file.
const optionsFile = "/var/lib/hostctl/boot-options.json"

// formerOptions is the content of optionsFile.
type formerOptions struct {
	Options string `json:"options"`
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

// readFormerOptions is the line that entries get; nil where kernel-install knows
// what to write.
func readFormerOptions() (*formerOptions, error) {
	for _, path := range []string{cmdline, "/usr/lib/kernel/cmdline"} {
		if _, err := os.Stat(path); err == nil {
			return nil, nil
		}
	}
	text, err := os.ReadFile(optionsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var f formerOptions
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", optionsFile, err)
	}
	boot, err := system.BootID()
	if err != nil {
		return nil, err
	}
	if f.Back != "" && f.Back != boot {
		return nil, os.Remove(optionsFile)
	}
	return &f, nil
}

// noteBack notes that every entry has the line again.
func noteBack() error {
	f, err := readFormerOptions()
	if err != nil || f == nil {
		return err
	}
	boot, err := system.BootID()
	if err != nil {
		return err
	}
	return formerOptions{Options: f.Options, Back: boot}.write()
}

// noteOptions keeps the line that the entries of this machine have, the running
// kernel's before others. A line that was noted stays, unless the way back has been
// gone since.
func noteOptions(boot string, kernels []string) error {
	if text, err := os.ReadFile(optionsFile); err == nil {
		var f formerOptions
		if json.Unmarshal(text, &f) == nil && f.Back == "" {
			return nil
		}
	}
	running, err := system.KernelRelease()
	if err != nil {
		return err
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return err
	}
	var paths []string
	for _, version := range append([]string{running}, kernels...) {
		has, err := entriesOf(boot, version)
		if err != nil {
			return err
		}
		// Another system on this disk may have the same kernel.
		slices.SortStableFunc(has, func(a, b string) int {
			own := func(path string) int {
				if strings.HasPrefix(filepath.Base(path), strings.TrimSpace(string(machine))) {
					return 0
				}
				return 1
			}
			return own(a) - own(b)
		})
		paths = append(paths, has...)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if key, options := keyOf(line); key == "options" && options != "" {
				return formerOptions{Options: options}.write()
			}
		}
	}
	return nil
}

// broughtCmdline reports whether the change brings the kernel's command line to a
// machine that had none.
func (c Change) broughtCmdline() bool {
	_, err := os.Stat("/usr/lib/kernel/cmdline")
	return errors.Is(err, fs.ErrNotExist) && slices.Contains(c.Came, cmdline)
}

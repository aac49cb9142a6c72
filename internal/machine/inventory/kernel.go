package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// readKernel reads what the running kernel was told. Of any root but the live
// one there is nothing to read.
func (inv *Inventory) readKernel(root system.Root) error {
	if root != "/" {
		return nil
	}
	var err error
	if inv.Boot, err = system.BootID(); err != nil {
		return err
	}
	inv.Sysctls = readSysctls()
	if inv.Modules, err = readModules(); err != nil {
		return err
	}
	if inv.Tables, err = Tables(); err != nil {
		return err
	}
	inv.Mounts, err = readMounts()
	return err
}

// readModules reads what the running kernel has: /sys/module is what is loaded
// and part of what is built in, modules.builtin (modprobe(8)) the rest.
func readModules() (map[string]bool, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join("/usr/lib/modules", unix.ByteSliceToString(name.Release[:]), "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		stem, _, _ := strings.Cut(filepath.Base(strings.TrimSpace(line)), ".ko")
		out[system.ModuleName(stem)] = true
	}
	loaded, err := os.ReadDir("/sys/module")
	for _, e := range loaded {
		out[e.Name()] = true
	}
	return out, err
}

// readSysctls reads every kernel parameter that this machine can set. What
// cannot be read (keys that only take a value, or a container's) is left out.
func readSysctls() map[string]string {
	const top = "/proc/sys"
	out := map[string]string{}
	// An error concerns one key, and that is then not known.
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || unix.Access(path, unix.W_OK) != nil {
			return nil
		}
		if b, err := os.ReadFile(path); err == nil && len(b) <= 1024 {
			out[strings.TrimPrefix(path, top+"/")] = strings.Join(strings.Fields(string(b)), " ")
		}
		return nil
	})
	return out
}

// readMounts lists what is mounted where, by type and source.
func readMounts() (map[string]string, error) {
	mounts, err := system.Mounts()
	out := map[string]string{}
	for _, m := range mounts {
		out[m.Point] = m.Type + " " + m.Source
	}
	return out, err
}

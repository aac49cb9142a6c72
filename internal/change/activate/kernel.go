package activate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// tmpfiles makes what new and changed files in tmpfiles.d ask for: what
// maintainer scripts made below /run was made in the stage's.
func (a *activation) tmpfiles(ctx context.Context) error {
	var names []string
	for _, name := range a.touched.tmpfiles {
		for _, dir := range []string{"/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				names = append(names, name)
				break
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	// A unit that misses something is found by health.
	if err := systemd.CreateTmpfiles(ctx, names); err != nil {
		a.warn("%v", err)
	}
	return ctx.Err()
}

func (a *activation) reloadManager(ctx context.Context) error {
	switch {
	case !systemd.Booted():
		return nil
	case a.touched.reexec:
		return order(ctx, systemd.JobTime, "daemon-reexec")
	case a.touched.reload:
		return order(ctx, systemd.JobTime, "daemon-reload")
	}
	return nil
}

func (a *activation) reloadUdev(ctx context.Context) error {
	if _, err := os.Lstat("/run/udev/control"); err != nil || !a.touched.udev {
		return nil
	}
	if err := systemd.ReloadUdev(ctx); err != nil {
		a.warn("%v", err)
	}
	return ctx.Err()
}

func (a *activation) reloadDBus(ctx context.Context) error {
	if _, err := os.Lstat("/run/dbus/system_bus_socket"); err != nil || !a.touched.dbus || !systemd.Booted() {
		return nil
	}
	if err := systemd.ReloadBus(ctx); err != nil {
		a.warn("%v", err)
	}
	return ctx.Err()
}

// modules loads what the spec newly asks for. A container has no modules to
// load, and a kernel that awaits its reboot may have lost its own.
func (a *activation) modules(ctx context.Context) error {
	names := []string{}
	for _, c := range a.Plan.Of(spec.KindKernelModule) {
		if c.Action != spec.Delete {
			names = append(names, c.ID.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if err := root.Modprobe(ctx, names); err != nil {
		a.warn("cannot load kernel modules %s now; the next boot tries again: %v", strings.Join(names, " "), err)
	}
	return ctx.Err()
}

// sysctls writes the changed keys. One that goes has its former value again where
// the plan knows that, and keeps the one it has until the next boot where not.
func (a *activation) sysctls(context.Context) error {
	var denied, kept []string
	own := system.NamedSysctls(a.Want.Sysctls)
	for _, c := range a.Plan.Of(spec.KindSysctl) {
		value, wanted := a.Want.Sysctls[c.ID.Name]
		if !wanted {
			back := slices.IndexFunc(c.Fields, func(f spec.Field) bool { return f.Name == "live value" })
			if back < 0 {
				kept = append(kept, c.ID.Name)
				continue
			}
			value = c.Fields[back].After
		}
		var err error
		for _, path := range system.SysctlPaths(c.ID.Name, own) {
			err = errors.Join(err, writeSysctl(path, value))
		}
		switch {
		case system.SysctlMayFail(c.ID.Name):
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EROFS), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
			denied = append(denied, c.ID.Name)
		case err != nil && !wanted: // the way back must not end here
			a.warn("%s keeps its value until the next boot: %v", c.ID, err)
		case err != nil: // EINVAL: the kernel refuses the value
			return fmt.Errorf("%s%s cannot be %q: %w", c.ID, a.Want.At(c.ID), value, err)
		}
	}
	if len(denied) > 0 {
		a.warn("this kernel does not have, or does not let a container set: %s", strings.Join(denied, ", "))
	}
	if len(kept) > 0 {
		a.warn("kernel parameters that the spec no longer sets keep their value until the next boot: %s", strings.Join(kept, ", "))
	}
	return nil
}

func writeSysctl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

func (a *activation) hostname(context.Context) error {
	if !a.touched.hostname {
		return nil
	}
	b, err := os.ReadFile("/etc/hostname")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := strings.TrimSpace(string(b)); name != "" {
		if err := unix.Sethostname([]byte(name)); err != nil {
			a.warn("cannot set the host name to %s now: %v; the next boot does", name, err)
		}
	}
	return nil
}

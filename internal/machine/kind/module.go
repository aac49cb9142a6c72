package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// modulesFile lists the kernel modules of the spec, one a line
// (modules-load.d(5)); it is hostctl's alone.
const modulesFile = "/etc/modules-load.d/hostctl.conf"

func observeModules(root system.Root, names account.Names) (modules []string, altered string, err error) {
	return ownFileLines(root, names, modulesFile)
}

func (s *stage) kernelModules(context.Context) error {
	names := slices.Clone(s.Want.KernelModules)
	slices.Sort(names)
	for _, name := range names {
		if strings.ContainsAny(name, "\n") {
			return fmt.Errorf("cannot load kernel module %q%s: a newline in it would load others", name, s.origin(spec.KindKernelModule, name))
		}
	}
	if err := s.refuseUnknownModules(names); err != nil {
		return err
	}
	return s.ownFile(modulesFile, slices.Compact(names))
}

// refuseUnknownModules refuses, all at once, modules that none of the root's
// kernels has as a file or built in, and that no DKMS source speaks of: DKMS
// builds when the kernel is there to build for, which is not in the stage.
// Nothing is known of a root without a kernel, such as a container's.
func (s *stage) refuseUnknownModules(names []string) error {
	if len(names) == 0 {
		return nil
	}
	known, err := kernelsModules(s.root)
	if err != nil || len(known) == 0 {
		return err
	}
	sources, err := dkmsSources(s.root)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if module := system.ModuleName(name); !known[module] && !strings.Contains(sources, module) {
			errs = append(errs, fmt.Errorf("cannot load kernel module %q%s: no kernel of this host has it, and no DKMS package builds it; mend its name, or add the package. "+
				"An alias of a module goes into a file below /etc/modules-load.d", name, s.origin(spec.KindKernelModule, name)))
		}
	}
	return errors.Join(errs...)
}

// kernelsModules are the modules of every kernel of the root. They are read
// from the files that packages ship: modules.dep may not be made yet.
func kernelsModules(root system.Root) (map[string]bool, error) {
	known := map[string]bool{}
	add := func(path string) {
		if stem, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok {
			known[system.ModuleName(stem)] = true
		}
	}
	top := root.Path("/usr/lib/modules")
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == top && absent(err):
			return nil
		case err != nil:
			return err
		case d.Name() != "modules.builtin":
			add(path)
			return nil
		}
		b, err := os.ReadFile(path)
		for line := range strings.Lines(string(b)) {
			add(strings.TrimSpace(line))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the kernels' modules: %w", err)
	}
	return known, nil
}

// dkmsSources are the descriptions of what DKMS builds (dkms(8)).
func dkmsSources(root system.Root) (string, error) {
	paths, err := filepath.Glob(root.Path("/usr/src") + "/*/dkms.conf")
	if err != nil {
		return "", fmt.Errorf("cannot read what DKMS builds: %w", err)
	}
	var all strings.Builder
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("cannot read what DKMS builds: %w", err)
		}
		all.WriteString(system.ModuleName(string(b)))
	}
	return all.String(), nil
}

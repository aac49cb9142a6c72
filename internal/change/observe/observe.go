// Package observe puts the State of a host together from what the machine
// packages read. It starts no program and changes nothing.
package observe

import (
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Host reads what the root is, in those respects in which want or prev (nil
// before the first generation) says what it should be, and its packages.
func Host(root system.Root, want, prev *spec.Host, cache *kind.StatCache) (*spec.State, error) {
	var state *spec.State
	var installed map[string]spec.Installed
	var both errgroup.Group
	both.Go(func() (err error) { state, err = kind.Observe(root, want, prev, cache); return err })
	both.Go(func() (err error) { installed, err = apt.Installed(root); return err })
	err := both.Wait()
	if err != nil {
		return nil, err
	}
	state.Installed = installed
	state.Data = apt.DataThatMigrates(root, state.Installed)
	if state.Secrets, err = secret.Read(root); err != nil {
		return nil, err
	}
	if root == "/" {
		if state.Kernel, err = runningKernel(state.Installed); err != nil {
			return nil, err
		}
	}
	state.Protected = protected(state)
	state.Shipped, err = shipped(root, want, prev, state)
	return state, err
}

// protected are the essential packages and the image of the kernel that runs:
// its modules must stay until another one has booted.
func protected(state *spec.State) map[string]bool {
	out := map[string]bool{}
	for name, p := range state.Installed {
		if p.Essential || name == state.Kernel {
			out[name] = true
		}
	}
	return out
}

// runningKernel finds the package that the running kernel is from.
func runningKernel(installed map[string]spec.Installed) (string, error) {
	release, err := system.KernelRelease()
	if err != nil {
		return "", err
	}
	for _, suffix := range []string{"", "-unsigned"} {
		name := "linux-image-" + release + suffix
		if _, ok := installed[name]; ok {
			return name, nil
		}
	}
	return "", nil
}

// shipped asks dpkg's file lists about files that leave the spec. Reading the
// lists takes a tenth of a second, and mostly no file leaves.
func shipped(root system.Root, want, prev *spec.Host, state *spec.State) (map[string]bool, error) {
	if prev == nil {
		return nil, nil
	}
	leaving := slices.DeleteFunc(slices.Collect(maps.Keys(prev.Files)), func(path string) bool {
		_, exists := state.Files[path]
		_, stays := want.Files[path]
		return stays || !exists
	})
	if len(leaving) == 0 {
		return nil, nil
	}
	owned, err := apt.Owned(root)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, path := range leaving {
		if _, byPackage := owned[path]; byPackage {
			out[path] = true
		}
	}
	return out, nil
}

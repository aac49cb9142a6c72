// Package observe puts the State of a host together from what the machine
// packages read. It starts no program and changes nothing.
package observe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/secret"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Host reads what the root is, in those respects in which want or prev (nil
// before the first generation) says what it should be, and its packages.
func Host(root system.Root, want, prev *spec.Host, cache *kind.StatCache) (*spec.State, error) {
	state, err := kind.Observe(root, want, prev, cache)
	if err != nil {
		return nil, err
	}
	if state.Installed, err = apt.Installed(root); err != nil {
		return nil, err
	}
	state.Data = apt.DataThatMigrates(root, state.Installed)
	if state.Secrets, err = secret.Read(root); err != nil {
		return nil, err
	}
	if state.Protected, err = protected(root, state.Installed); err != nil {
		return nil, err
	}
	state.Shipped, err = shipped(root, want, prev, state)
	return state, err
}

// protected are the essential packages and, on the live machine, the image of
// the kernel that runs: its modules must stay until another one has booted.
func protected(root system.Root, installed map[string]spec.Installed) (map[string]bool, error) {
	out := map[string]bool{}
	for name, p := range installed {
		if p.Essential {
			out[name] = true
		}
	}
	if root != "/" {
		return out, nil
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("cannot tell the running kernel: %w", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	for name := range installed {
		if strings.HasPrefix(name, "linux-image-") && strings.TrimSuffix(strings.TrimPrefix(name, "linux-image-"), "-unsigned") == release {
			out[name] = true
		}
	}
	return out, nil
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

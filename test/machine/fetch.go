package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Fetch downloads what the package lock of a flake's host has beyond the base root
// into the cache folder: machines have no network and see that cache. It returns
// the files.
func Fetch(ctx context.Context, base, cache, dir, host string) ([]string, error) {
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		return nil, diags
	}
	b, err := os.ReadFile(filepath.Join(dir, "hosts", host, "packages.lock"))
	if err != nil {
		return nil, fmt.Errorf("cannot fetch the packages of %s: %w", host, err)
	}
	locked, err := apt.ParseLock(b)
	if err != nil {
		return nil, err
	}
	has, err := apt.Installed(system.Root(base))
	if err != nil {
		return nil, err
	}
	var need []spec.Locked
	var debs []string
	for _, l := range locked {
		if has[l.Name].Version != l.Version {
			need = append(need, l)
			debs = append(debs, apt.Cache{Dir: cache}.Deb(l))
		}
	}
	var sources []apt.Source
	for _, in := range f.Debian() {
		sources = append(sources, apt.Source{Input: in.Name, Suite: in.Suite, Snapshot: in.Snapshot, Keyring: in.Keyring, Components: in.Components})
	}
	return debs, apt.Cache{Dir: cache}.Fetch(ctx, sources, need, func(int64, int64) {})
}

// Reference copies the reference flake of a work tree of this repository: what is
// there, committed or not.
func Reference(ctx context.Context, tree, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	script := "git -C \"$0\" ls-files -z -co --exclude-standard flake.hcl .sops.yaml hosts templates modules home overlays secrets | tar -C \"$0\" -c --null -T - | tar -C \"$1\" -x"
	if out, err := exec.CommandContext(ctx, "sh", "-c", script, tree, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot copy the reference flake: %w\n%s", err, out)
	}
	return nil
}

// ShareDebs puts every .deb in the cache folder into the machine's own cache, as
// hard links if both are on one disk. It keeps what the machine already has.
func (m *Machine) ShareDebs(ctx context.Context, cache string) error {
	to := filepath.Join(m.Root, "var/cache/hostctl/debs")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("cannot give machine %s its packages: %w", m.Name, err)
	}
	from := filepath.Join(cache, "debs") + "/."
	how := "--link"
	if m.disk {
		how = "--reflink=auto"
	}
	if out, err := exec.CommandContext(ctx, "cp", "--archive", how, "--no-clobber", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot give machine %s its packages: %w: %s", m.Name, err, out)
	}
	return nil
}

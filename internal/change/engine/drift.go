package engine

import (
	"context"
	"os"
	"slices"

	"github.com/hostctl/hostctl/internal/change/drift"
	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/bootloader"
	"github.com/hostctl/hostctl/internal/machine/inventory"
	"github.com/hostctl/hostctl/internal/machine/kind"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// Drift compares the machine with its generation.
func (m *Machine) Drift(ctx context.Context, unowned bool) (*spec.Drift, error) {
	root := system.Root(m.Root)
	p, err := m.plan(m.prev, m.locked)
	if err != nil {
		return nil, err
	}
	base, err := drift.Load(m.baseline.Path())
	if err != nil {
		return nil, err
	}
	if base == nil && m.begun {
		m.say("warning: an older hostctl has made this generation and did not note how it found the machine; what no configuration names is compared from the next switch on")
	}
	now, err := inventory.Take(root)
	if err != nil {
		return nil, err
	}
	conffiles, err := apt.Owned(root)
	if err != nil {
		return nil, err
	}
	altered, err := m.altered(root)
	if err != nil {
		return nil, err
	}
	rules, err := m.rules(ctx, now)
	if err != nil {
		return nil, err
	}
	d := &spec.Drift{Version: spec.DriftVersion, Generation: m.current}
	d.Items = drift.Find(drift.Input{Base: base, Now: now, Plan: p, Spec: m.prev, Conffiles: conffiles, Altered: altered, Rules: rules})
	if unowned {
		more, err := m.unowned(root, now)
		if err != nil {
			return nil, err
		}
		d.Items = append(d.Items, unreported(more, d.Items)...)
	}
	d.Sort()
	return d, nil
}

// rules asks for those of the firewall, while the generation has one and its table
// is there.
func (m *Machine) rules(ctx context.Context, now *inventory.Inventory) (drift.Rules, error) {
	_, declared := m.prev.Files[spec.FirewallFile]
	if !declared || !m.Live() || !now.Tables[spec.FirewallTable] {
		return drift.Rules{}, nil
	}
	meant, is, err := inventory.FirewallRules(ctx, spec.FirewallFile, spec.FirewallTable)
	return drift.Rules{Meant: meant, Now: is}, err
}

// altered compares program files with the sums of their packages.
func (m *Machine) altered(root system.Root) ([]drift.Altered, error) {
	shipped, err := apt.ShippedFiles(root)
	if err != nil {
		return nil, err
	}
	path, err := m.CachePath("md5")
	if err != nil {
		return nil, err
	}
	cache, err := kind.LoadMD5Cache(path)
	if err != nil {
		return nil, err
	}
	altered, err := drift.Verify(root, shipped, cache)
	if err != nil {
		return nil, err
	}
	return altered, cache.Save(path)
}

func (m *Machine) unowned(root system.Root, now *inventory.Inventory) ([]spec.DriftItem, error) {
	owners, err := apt.Owners(root)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, area := range drift.UnownedAreas() {
		below, err := inventory.List(root, area)
		if err != nil {
			return nil, err
		}
		paths = append(paths, below...)
	}
	var made []string
	if m.begun {
		if made, err = m.store.Made(m.current); err != nil {
			return nil, err
		}
	}
	if self, err := os.Executable(); err == nil {
		made = append(made, self)
	}
	made = append(append(made, bootloader.RecoveryPaths()...), m.prev.Settings.Hostctl)
	return drift.FindUnowned(paths, drift.Known{
		Owners: owners, Spec: m.prev, Paths: append(made, managedPaths(m.prev)...), Files: now.Files,
	}), nil
}

// unreported leaves out what items say already.
func unreported(unowned, items []spec.DriftItem) []spec.DriftItem {
	said := map[string]bool{}
	for _, i := range items {
		said[i.Where] = true
	}
	return slices.DeleteFunc(unowned, func(i spec.DriftItem) bool { return said[i.Where] })
}

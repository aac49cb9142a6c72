package kind

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/account"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

func observeUnits(root system.Root, accounts account.Names, want *spec.Host, names []string) (map[string]spec.Unit, error) {
	out := make(map[string]spec.Unit, len(names))
	links, err := systemd.ReadLinks(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		u, err := observeUnit(root, accounts, links, name)
		if err != nil {
			return nil, fmt.Errorf("cannot observe unit %q: %w", name, err)
		}
		if off(want.Units[name].Enabled) && strings.Contains(name, "@.") {
			*u.Enabled = *u.Enabled && slices.ContainsFunc(links.Enabling(name), func(path string) bool { return !ofInstance(want, name, path) })
		}
		if spec.On(want.Units[name].Enabled) && *u.Enabled && !*u.Masked {
			if u.Stray, u.Missing, err = amiss(root, links, want, name); err != nil {
				return nil, fmt.Errorf("cannot observe unit %q: %w", name, err)
			}
		}
		out[name] = u
	}
	return out, nil
}

func observeUnit(root system.Root, accounts account.Names, links *systemd.Links, name string) (spec.Unit, error) {
	enabled, err := isEnabled(root, links, name)
	if err != nil {
		return spec.Unit{}, err
	}
	masked := links.Masked(name)
	u := spec.Unit{Enabled: &enabled, Masked: &masked, Altered: map[string]string{}}
	b, as, err := readPlain(root, accounts, unitPath(name))
	switch {
	case absent(err), as == "symlink": // a mask, or another unit's alias
	case err != nil:
		return u, err
	default:
		u.Content = string(b)
		note(&u, "", as)
	}
	return u, readDropIns(root, accounts, name, &u)
}

// isEnabled also counts a unit with only Also= in its [Install] section as enabled,
// if all of those units are: enabling it can do nothing more.
func isEnabled(root system.Root, links *systemd.Links, name string) (bool, error) {
	if links.Enabled(name) {
		return true, nil
	}
	in, err := systemd.ReadInstall(root, name)
	if err != nil || in.Unsure || len(in.Links) > 0 || len(in.Also) == 0 {
		return false, err
	}
	return !slices.ContainsFunc(in.Also, func(u string) bool { return !links.Enabled(u) }), nil
}

// amiss says in which links a unit that is to be enabled is so otherwise than its
// [Install] section says, and those of the units that Also= names. Instances of a
// template are enabled each for itself, and links that the spec has as files are
// its own.
func amiss(root system.Root, links *systemd.Links, want *spec.Host, name string) (stray, missing []string, err error) {
	all, err := installs(root, links, want, name)
	if err != nil {
		return nil, nil, err
	}
	for unit, in := range all {
		for _, path := range in.Links {
			if !slices.Contains(links.Enabling(unit), path) {
				missing = append(missing, path)
			}
		}
	}
	slices.Sort(missing)
	in := all[name]
	if len(in.Links) == 0 || in.Unsure || strings.Contains(name, "@.") {
		return nil, missing, nil
	}
	for _, path := range links.Enabling(name) {
		if _, declared := want.Files[path]; !declared && !slices.Contains(in.Links, path) {
			stray = append(stray, path)
		}
	}
	slices.Sort(stray)
	return stray, missing, nil
}

func off(b *bool) bool { return b != nil && !*b }

func readDropIns(root system.Root, accounts account.Names, name string, u *spec.Unit) error {
	dir := unitPath(name) + ".d"
	entries, err := os.ReadDir(root.Path(dir))
	if absent(err) {
		return nil
	}
	u.DropIns = map[string]string{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".conf" {
			continue
		}
		b, as, readErr := readPlain(root, accounts, filepath.Join(dir, e.Name()))
		err = errors.Join(err, readErr)
		u.DropIns[e.Name()] = string(b)
		note(u, e.Name(), as)
	}
	return err
}

func note(u *spec.Unit, file, as string) {
	if as != spec.PlainFile {
		u.Altered[file] = as
	}
}

func unitPath(name string) string { return filepath.Join(systemd.AdminDir, name) }

// dropInPath checks the one name that the spec gives freely.
func dropInPath(unit, name string) (string, error) {
	if strings.ContainsRune(name, '/') || filepath.Ext(name) != ".conf" {
		return "", fmt.Errorf("its drop-in %q is not called NAME.conf", name)
	}
	return filepath.Join(unitPath(unit)+".d", name), nil
}

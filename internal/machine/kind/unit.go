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

func observeUnits(root system.Root, accounts account.Names, names []string) (map[string]spec.Unit, error) {
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

// isEnabled also takes a unit for enabled that has nothing but Also= in its
// [Install] section, once all of those are: that is all enabling it can do.
func isEnabled(root system.Root, links *systemd.Links, name string) (bool, error) {
	if links.Enabled(name) {
		return true, nil
	}
	in, err := systemd.ReadInstall(root, name)
	if err != nil || in.Links || len(in.Also) == 0 {
		return false, err
	}
	return !slices.ContainsFunc(in.Also, func(u string) bool { return !links.Enabled(u) }), nil
}

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

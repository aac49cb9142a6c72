package kind

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

func observeUnits(root system.Root, names []string) (map[string]spec.Unit, error) {
	out := make(map[string]spec.Unit, len(names))
	links, err := systemd.ReadLinks(root)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		u, err := observeUnit(root, links, name)
		if err != nil {
			return nil, fmt.Errorf("cannot observe unit %q: %w", name, err)
		}
		out[name] = u
	}
	return out, nil
}

func observeUnit(root system.Root, links *systemd.Links, name string) (spec.Unit, error) {
	enabled, err := isEnabled(root, links, name)
	if err != nil {
		return spec.Unit{}, err
	}
	masked := links.Masked(name)
	u := spec.Unit{Enabled: &enabled, Masked: &masked}
	path := root.Path(unitPath(name))
	if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() {
		b, err := os.ReadFile(path)
		if err != nil {
			return u, err
		}
		u.Content = string(b)
	}
	u.DropIns, err = readDropIns(root, name)
	return u, err
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

func readDropIns(root system.Root, name string) (map[string]string, error) {
	dir := unitPath(name) + ".d"
	entries, err := os.ReadDir(root.Path(dir))
	if absent(err) {
		return nil, nil
	}
	out := map[string]string{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".conf" {
			continue
		}
		b, readErr := root.Read(filepath.Join(dir, e.Name()))
		err = errors.Join(err, readErr)
		out[e.Name()] = string(b)
	}
	return out, err
}

func unitPath(name string) string { return filepath.Join(systemd.AdminDir, name) }

// dropInPath checks the one name that the spec gives freely.
func dropInPath(unit, name string) (string, error) {
	if strings.ContainsRune(name, '/') || filepath.Ext(name) != ".conf" {
		return "", fmt.Errorf("its drop-in %q is not called NAME.conf", name)
	}
	return filepath.Join(unitPath(unit)+".d", name), nil
}

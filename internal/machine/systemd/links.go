// Package systemd reads which units a root has, enables and masks, from the
// files and links themselves (systemd.unit(5), systemctl(1)), and calls
// systemctl for what changes them. It speaks to no manager: what runs is
// activation's business.
package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// AdminDir holds the administrator's units and every link that enables one.
const AdminDir = "/etc/systemd/system"

// Links are the symlinks below AdminDir, read once for all units.
type Links struct {
	// enabling maps the name of a unit to the links that enable it.
	enabling map[string][]string
	masked   map[string]bool
}

// ReadLinks reads AdminDir and its .wants, .requires and .upholds folders. A
// root without the folder has no links.
func ReadLinks(root system.Root) (*Links, error) {
	l := &Links{enabling: map[string][]string{}, masked: map[string]bool{}}
	top, err := os.ReadDir(root.Path(AdminDir))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read unit links: %w", err)
	}
	for _, e := range top {
		path := filepath.Join(AdminDir, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			err = l.addTop(root, path)
		case e.IsDir() && isDependencyDir(e.Name()):
			err = l.addDir(root, path)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read unit links: %w", err)
		}
	}
	return l, nil
}

func isDependencyDir(name string) bool {
	switch filepath.Ext(name) {
	case ".wants", ".requires", ".upholds":
		return true
	}
	return false
}

// addTop reads a link in AdminDir itself: a mask, or an alias, which enables
// the unit that it points to.
func (l *Links) addTop(root system.Root, path string) error {
	target, err := os.Readlink(root.Path(path))
	if err != nil {
		return err
	}
	name, aliased := filepath.Base(path), filepath.Base(target)
	switch {
	case target == os.DevNull:
		l.masked[name] = true
	case aliased != name:
		l.enabling[aliased] = append(l.enabling[aliased], path)
	}
	return nil
}

// addDir reads the links of one dependency folder. The link's own name is the
// unit; an instance also enables the template (systemctl is-enabled).
func (l *Links) addDir(root system.Root, dir string) error {
	links, err := os.ReadDir(root.Path(dir))
	if err != nil {
		return err
	}
	for _, e := range links {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		path := filepath.Join(dir, e.Name())
		l.enabling[e.Name()] = append(l.enabling[e.Name()], path)
		if t := Template(e.Name()); t != e.Name() {
			l.enabling[t] = append(l.enabling[t], path)
		}
	}
	return nil
}

// Enabled says whether a link starts the unit with another one, or aliases it.
// A static unit is not enabled: there is nothing to link.
func (l *Links) Enabled(unit string) bool { return len(l.enabling[unit]) > 0 }

// Masked says whether the unit is a link to /dev/null.
func (l *Links) Masked(unit string) bool { return l.masked[unit] }

// Enabling are the links that enable the unit.
func (l *Links) Enabling(unit string) []string { return l.enabling[unit] }

// Template is the template of an instance, getty@.service for
// getty@tty1.service, and the unit itself for any other.
func Template(unit string) string {
	at, dot := strings.IndexByte(unit, '@'), strings.LastIndexByte(unit, '.')
	if at < 0 || dot < at {
		return unit
	}
	return unit[:at+1] + unit[dot:]
}

package kind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/systemd"
	"github.com/hostctl/hostctl/internal/spec"
)

// units writes unit files and sets links. Packages enable their units when
// they are configured, so what is linked is read here and not taken from the
// plan. Disabling needs the unit's file and comes before that may go; masking
// puts a link in its place and comes last.
func (s *stage) units(ctx context.Context) error {
	names := keys(s.Want.Units, s.Prev.Units)
	live, err := observeUnits(s.root, s.names, s.Want, names)
	if err != nil {
		return err
	}
	if s.enabled, err = systemd.ReadLinks(s.root); err != nil {
		return err
	}
	former, err := s.enabledBy(s.enabled, names)
	if err != nil {
		return err
	}
	s.unitsBack(live)
	todo := s.unitVerbs(names, live)
	for _, verb := range []systemd.Verb{systemd.Disable, systemd.Unmask} {
		if err := systemd.Systemctl(ctx, s.root, verb, todo[verb]); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := s.unitFiles(name, live[name]); err != nil {
			return fmt.Errorf("cannot set unit %q%s: %w", name, s.origin(spec.KindUnit, name), err)
		}
	}
	if err := s.refuseStray(names); err != nil {
		return err
	}
	lacking, err := s.relink(names, former)
	if err != nil {
		return err
	}
	enable := append(todo[systemd.Enable], lacking...)
	slices.Sort(enable)
	if err := s.enable(ctx, slices.Compact(enable)); err != nil {
		return err
	}
	if err := s.removeStrayLinks(names); err != nil {
		return err
	}
	return systemd.Systemctl(ctx, s.root, systemd.Mask, todo[systemd.Mask])
}

// unitsBack records the state of somebody else's units, and adds to the wanted
// units what is restored.
func (s *stage) unitsBack(live map[string]spec.Unit) {
	theirs := map[string]spec.Unit{}
	for name, u := range live {
		if systemd.Fragment(s.root, name) != "" {
			theirs[name] = u
		}
	}
	s.found.Units = s.Found.NextUnits(s.Want.Units, s.Prev.Units, theirs)
	back := spec.Found{Units: map[string]spec.Unit{}}
	for name, u := range s.Found.Units {
		if _, there := theirs[name]; there {
			back.Units[name] = u
		}
	}
	want := *s.Want
	want.Units = back.UnitsBack(s.Want.Units, s.Prev.Units, live)
	s.Want = &want
}

// unitVerbs sorts the units by what systemctl has to do with them.
func (s *stage) unitVerbs(names []string, live map[string]spec.Unit) map[systemd.Verb][]string {
	todo := map[systemd.Verb][]string{}
	add := func(v systemd.Verb, name string) { todo[v] = append(todo[v], name) }
	for _, name := range names {
		for _, f := range spec.DiffUnit(live[name], s.Want.Units[name], s.Prev.Units[name]) {
			switch f {
			case spec.Field{Name: "enabled", Before: "false", After: "true"}:
				add(systemd.Enable, name)
			case spec.Field{Name: "enabled", Before: "true", After: "false"}:
				if systemd.Fragment(s.root, name) != "" {
					add(systemd.Disable, name)
				}
			case spec.Field{Name: "masked", Before: "false", After: "true"}:
				add(systemd.Mask, name)
			case spec.Field{Name: "masked", Before: "true", After: "false"}:
				add(systemd.Unmask, name)
			}
		}
	}
	return todo
}

// unitFiles writes the unit and its drop-ins, and removes those that an
// earlier spec wrote.
func (s *stage) unitFiles(name string, have spec.Unit) error {
	want, prev := s.Want.Units[name], s.Prev.Units[name]
	switch {
	case want.Content != "" && (want.Content != have.Content || have.Altered[""] != ""):
		if err := s.plainFile(unitPath(name), want.Content); err != nil {
			return err
		}
	case want.Content == "" && prev.Content != "" && have.Content != "":
		if err := s.remove(unitPath(name)); err != nil {
			return err
		}
	}
	for _, file := range keys(want.DropIns, prev.DropIns) {
		path, err := dropInPath(name, file)
		if err != nil {
			return err
		}
		if content, wanted := want.DropIns[file]; wanted {
			err = s.plainFile(path, content)
		} else {
			err = s.remove(path)
		}
		if err != nil {
			return err
		}
	}
	if len(prev.DropIns) > 0 && len(want.DropIns) == 0 {
		return s.remove(unitPath(name) + ".d")
	}
	return nil
}

// enable refuses units that cannot be enabled before systemctl does, which
// only warns of a missing [Install] section and succeeds.
func (s *stage) enable(ctx context.Context, units []string) error {
	for _, name := range units {
		refuse := func(why string) error {
			return fmt.Errorf("cannot enable unit %q%s: %s", name, s.origin(spec.KindUnit, name), why)
		}
		if systemd.Fragment(s.root, name) == "" {
			return refuse("no package and no unit of the spec brings it; add the package, or the unit's content")
		}
		in, err := systemd.ReadInstall(s.root, name)
		if err != nil {
			return refuse(err.Error())
		}
		if in.Empty() {
			return refuse("it has no [Install] section, other units start it; drop enabled, or give it one")
		}
	}
	return systemd.Systemctl(ctx, s.root, systemd.Enable, units)
}

// refuseStray refuses, all at once, settings for units that nothing installs,
// mostly misspelt ones: systemd silently ignores a drop-in for a missing unit. It
// accepts units that need no file (mounts, devices, slices, scopes), prefixes
// (a-.service) and SysV scripts. Units that a generator makes at boot are not in
// the stage: the error says how to write for such a unit.
func (s *stage) refuseStray(names []string) error {
	var errs []error
	for _, name := range names {
		u := s.Want.Units[name]
		touched := len(u.DropIns)+len(u.RestartTriggers)+len(u.ReloadTriggers) > 0 || u.ReloadIfChanged || u.RestartIfChanged != nil
		masked := u.Masked != nil && *u.Masked
		stem, kind := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
		if !touched || masked || u.Content != "" || strings.HasSuffix(stem, "-") ||
			!slices.Contains([]string{".service", ".socket", ".timer", ".path", ".target"}, kind) || systemd.Fragment(s.root, name) != "" {
			continue
		}
		if _, err := os.Stat(s.root.Path("/etc/init.d/" + stem)); kind == ".service" && err == nil {
			continue
		}
		errs = append(errs, fmt.Errorf("cannot change unit %q%s: no package and no unit of the spec brings it; mend its name, add the package, or the unit's content. "+
			"For a unit that a generator makes at boot, write the drop-in as file %q", name, s.origin(spec.KindUnit, name), unitPath(name)+".d/NAME.conf"))
	}
	return errors.Join(errs...)
}

// removeStrayLinks removes links that still enable what must not be enabled: those
// of a unit without a file, and those from another unit's Also=.
func (s *stage) removeStrayLinks(names []string) error {
	links, err := systemd.ReadLinks(s.root)
	if err != nil {
		return err
	}
	for _, name := range names {
		want := s.Want.Units[name].Enabled
		unwanted := off(want)
		orphan := !links.Masked(name) && systemd.Fragment(s.root, name) == ""
		if !unwanted && !orphan {
			continue
		}
		stray := slices.DeleteFunc(slices.Clone(links.Enabling(name)), func(path string) bool { return !orphan && ofInstance(s.Want, name, path) })
		if err := s.unlink(name, stray); err != nil {
			return err
		}
	}
	return nil
}

// unlink removes links that enable a unit.
func (s *stage) unlink(name string, paths []string) error {
	for _, path := range paths {
		if err := os.Remove(s.root.Path(path)); err != nil && !absent(err) {
			return fmt.Errorf("cannot remove a link of unit %q: %w", name, err)
		}
	}
	return nil
}

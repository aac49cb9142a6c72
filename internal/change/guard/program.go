package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// packaged is where hostctl's own package has it.
const packaged = "/usr/bin/hostctl"

// OwnProgram refuses units that run hostctl where it is not, or will not be:
// secrets would be missing after the next boot, and upgrades would stop in silence.
func OwnProgram(root system.Root, want *spec.Host, p *spec.Plan) error {
	path := want.Settings.Hostctl
	_, err := os.Stat(root.Follow(path))
	there := err == nil || !errors.Is(err, fs.ErrNotExist)
	for _, c := range p.Of(spec.KindPackage) {
		if path == packaged && c.ID.Name == "hostctl" {
			there = c.Action != spec.Delete
		}
	}
	for _, c := range p.Of(spec.KindFile) {
		if c.ID.Name == path {
			there = c.Action != spec.Delete
		}
	}
	if path == "" || there {
		return nil
	}
	why := "does not exist"
	if err == nil {
		why = "goes with this plan"
	}
	for _, name := range slices.Sorted(maps.Keys(want.Units)) {
		if !strings.Contains(want.Units[name].Content, "="+path+" ") {
			continue
		}
		instead := packaged
		if self, err := os.Executable(); err == nil && self != path {
			instead = self
		}
		at := want.At(spec.ID{Kind: spec.KindUnit, Name: name})
		return fmt.Errorf("cannot set unit %q%s: it runs %s, which %s; install hostctl there, or say where it is: hostctl { path = %q }", name, at, path, why, instead)
	}
	return nil
}

package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/internal/spec"
)

// modulesFile lists the kernel modules of the spec, one a line
// (modules-load.d(5)); it is hostctl's alone.
const modulesFile = "/etc/modules-load.d/hostctl.conf"

func observeModules(root system.Root) ([]string, error) { return ownFileLines(root, modulesFile) }

func (s *stage) kernelModules(context.Context) error {
	names := slices.Clone(s.Want.KernelModules)
	slices.Sort(names)
	for _, name := range names {
		if strings.ContainsAny(name, "\n") {
			return fmt.Errorf("cannot load kernel module %q%s: a newline in it would load others", name, s.origin(spec.KindKernelModule, name))
		}
	}
	return s.ownFile(modulesFile, slices.Compact(names))
}

package lsp

import (
	"maps"
	"slices"
)

// packages offers the names of packages: those in the locks of the hosts that
// the file is part of. Others may be there at the package source, which takes
// its lists to know.
func (c *completion) packages() {
	of := map[string]bool{}
	for _, host := range c.partOf(c.path) {
		for _, name := range c.Packages(c.flake, host) {
			of[name] = true
		}
	}
	c.words(kindValue, "in packages.lock", slices.Sorted(maps.Keys(of))...)
}

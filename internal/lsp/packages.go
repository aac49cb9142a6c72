package lsp

import (
	"maps"
	"slices"
)

// packages offers the names of packages in the locks of the hosts that use the
// file. The package source may have others, but only its lists could tell.
func (c *completion) packages() {
	of := map[string]bool{}
	for _, host := range c.partOf(c.path) {
		for _, name := range c.Packages(c.flake, host) {
			of[name] = true
		}
	}
	c.words(kindValue, "in packages.lock", slices.Sorted(maps.Keys(of))...)
}

package spec

import (
	"cmp"
	"slices"
)

// DriftVersion is the version of a Drift's JSON form.
const DriftVersion = 1

// Drift is everything on a host that differs from its current generation.
type Drift struct {
	Version    int         `json:"version"`
	Generation int         `json:"generation"`
	Items      []DriftItem `json:"items"`
}

// DriftItem is one difference of one thing.
type DriftItem struct {
	Kind   string      `json:"kind"` // docs/drift.md lists them
	Name   string      `json:"name"` // the path, package, account, unit or key
	Where  string      `json:"where"`
	Change DriftChange `json:"change"`
	Field  string      `json:"field,omitempty"` // the field that differs, if the thing existed before and exists now
	Before string      `json:"before"`          // in the generation; contents by digest
	Now    string      `json:"now"`
	Origin Origin      `json:"origin"` // the line that asked for it; File is empty for what no configuration names
	Switch Remedy      `json:"switch"`
	// Count is the number of paths below an added folder, which are not listed.
	Count int `json:"count,omitempty"`
}

// DriftChange says how something differs.
type DriftChange string

// The ways to differ. Unowned says nothing about time: no generation or package
// accounts for it.
const (
	Added   DriftChange = "added"
	Removed DriftChange = "removed"
	Changed DriftChange = "changed"
	Unowned DriftChange = "unowned"
)

// Remedy is what a switch does about an item, as long as the flake asks for what
// the current generation has.
type Remedy string

// The remedies.
const (
	Restores Remedy = "restores"
	Removes  Remedy = "removes"
	Leaves   Remedy = "leaves"
)

// Sort puts items into the order in which reports show them.
func (d *Drift) Sort() {
	slices.SortStableFunc(d.Items, func(a, b DriftItem) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
	})
}

package spec

import (
	"cmp"
	"slices"
)

// DriftVersion of the JSON form of a Drift.
const DriftVersion = 1

// Drift is everything on a host that is not as its current generation has it.
type Drift struct {
	Version    int         `json:"version"`
	Generation int         `json:"generation"`
	Items      []DriftItem `json:"items"`
}

// DriftItem is one thing that differs, in one respect.
type DriftItem struct {
	Kind   string      `json:"kind"` // docs/drift.md lists them
	Name   string      `json:"name"` // the path, package, account, unit or key
	Where  string      `json:"where"`
	Change DriftChange `json:"change"`
	Field  string      `json:"field,omitempty"` // what of it, where it was there before and is there now
	Before string      `json:"before"`          // as the generation has it; contents by digest
	Now    string      `json:"now"`
	Origin Origin      `json:"origin"` // who asked for it; File is empty for what no configuration names
	Switch Remedy      `json:"switch"`
	// Count is how many paths stand below an added folder, which are not listed.
	Count int `json:"count,omitempty"`
}

// DriftChange says how something differs.
type DriftChange string

// The ways to differ. Unowned says nothing of time: nobody accounts for it.
const (
	Added   DriftChange = "added"
	Removed DriftChange = "removed"
	Changed DriftChange = "changed"
	Unowned DriftChange = "unowned"
)

// Remedy is what a switch does about an item, while the flake asks for what
// the current generation does.
type Remedy string

// The remedies.
const (
	Restores Remedy = "restores"
	Removes  Remedy = "removes"
	Leaves   Remedy = "leaves"
)

// Sort puts items into the order in which they are shown.
func (d *Drift) Sort() {
	slices.SortStableFunc(d.Items, func(a, b DriftItem) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
	})
}

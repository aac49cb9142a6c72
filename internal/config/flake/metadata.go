package flake

import (
	"os"
	"strings"
	"time"
)

// InputInfo is what is known about an input without opening it.
type InputInfo struct {
	Name    string            `json:"name"` // NAME, and NAME.NAME for an input of an input
	URL     string            `json:"url"`
	Kind    string            `json:"kind"`            // packages, folder, git
	Flake   *bool             `json:"flake,omitempty"` // it has a flake.hcl; nil: not known before it is opened
	Rev     string            `json:"rev,omitempty"`   // locked
	Date    *time.Time        `json:"date,omitempty"`
	Hash    string            `json:"hash,omitempty"`
	State   string            `json:"state"` // locked, "not locked", "locked for another url"; packages.lock of packages
	Cached  bool              `json:"cached"`
	Follows map[string]string `json:"follows,omitempty"` // its inputs, and which of ours they are
}

// Inputs are all inputs that the root flake's lock has or should have, in the
// order of flake.hcl, each followed by its own inputs.
func (f *Flake) Inputs() []InputInfo {
	cache, _ := CacheDir() // without one nothing is cached
	var out []InputInfo
	for _, d := range f.inputs {
		in := d.in
		info := InputInfo{Name: d.name, URL: in.URL, Kind: in.source.kind(), Flake: &in.IsFlake, State: "not locked"}
		if in.Debian != nil {
			info.Kind, info.State = "packages", "packages.lock"
			out = append(out, info)
			continue
		}
		for _, key := range sortedNames(in.follows) {
			if info.Follows == nil {
				info.Follows = map[string]string{}
			}
			info.Follows[key] = in.follows[key].name
		}
		if locked, ok := f.lock.Inputs[d.name]; ok {
			info.locked(locked, cache)
			if locked.URL != in.URL {
				info.State = "locked for another url"
			}
		}
		out = append(out, info)
		out = append(out, f.nestedInputs(in, cache)...)
	}
	return out
}

func (f *Flake) nestedInputs(in *Input, cache string) []InputInfo {
	var out []InputInfo
	for _, key := range sortedNames(f.lock.Inputs) {
		inner, ok := strings.CutPrefix(key, in.Name+".")
		first, _, _ := strings.Cut(inner, ".")
		if _, follows := in.follows[first]; !ok || follows {
			continue
		}
		locked := f.lock.Inputs[key]
		info := InputInfo{Name: key, URL: locked.URL, Kind: "folder"}
		if locked.Rev != "" {
			info.Kind = "git"
		}
		info.locked(locked, cache)
		out = append(out, info)
	}
	return out
}

func (i *InputInfo) locked(l lockedInput, cache string) {
	i.State, i.Rev, i.Date, i.Hash = "locked", l.Rev, l.Date, l.Hash
	if l.Rev != "" {
		_, err := os.Stat(treeDir(cache, l.Hash))
		i.Cached = err == nil
	}
}

func (s source) kind() string {
	if s.git {
		return "git"
	}
	return "folder"
}

package spec

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1"
)

const savedVersion = 1

// SavedPlan is a plan with digests of everything that it depends on, so that a
// switch does exactly what somebody has reviewed, or nothing. It contains no secret
// values: neither a spec nor a plan does.
type SavedPlan struct {
	Version int       `json:"version"`
	Hostctl string    `json:"hostctl"` // version of the binary: another one may plan differently
	Time    time.Time `json:"time"`
	Flake   string    `json:"flake"` // its folder
	Basis   Basis     `json:"basis"`
	Plan    *Plan     `json:"plan"`
}

// Basis is what a plan depends on, each part by digest.
type Basis struct {
	Spec map[string]string `json:"spec"` // "file:/etc/motd" to digest
	Lock map[string]string `json:"lock"` // package to its version and digest
	Host map[string]string `json:"host"` // as in Spec, what was found on the machine
}

// BasisOf computes the digests of what a plan was made from.
func BasisOf(want *Host, lock []Locked, state *State) (Basis, error) {
	b := Basis{Lock: map[string]string{}}
	for _, l := range lock {
		b.Lock[l.Name] = l.Version + " " + short([]byte(l.SHA256+l.Arch))
	}
	var err error
	if b.Spec, err = parts(want); err != nil {
		return b, err
	}
	b.Host, err = parts(state)
	return b, err
}

// parts are the digests of the parts of a spec or a state, by names that people
// know.
func parts(v any) (map[string]string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for field, value := range fields {
		name := strings.ToLower(field)
		if name == "installed" {
			name = "packages"
		}
		var children map[string]json.RawMessage
		if json.Unmarshal(value, &children) != nil {
			out[name] = short(value)
			continue
		}
		for key, child := range children {
			out[strings.TrimSuffix(name, "s")+":"+key] = short(child)
		}
	}
	return out, nil
}

// short is enough of a digest to see that something changed.
func short(b []byte) string { return Sum(b)[:16] }

// Moved says in sentences what has changed since the plan was saved. None means
// that planning gives the same plan again.
func (b Basis) Moved(now Basis) []string {
	var out []string
	for _, part := range []struct {
		name     string
		was, now map[string]string
	}{{"the configuration", b.Spec, now.Spec}, {"the package lock", b.Lock, now.Lock}, {"the machine", b.Host, now.Host}} {
		if moved := differing(part.was, part.now); len(moved) > 0 {
			out = append(out, fmt.Sprintf("%s has moved: %s", part.name, some(moved)))
		}
	}
	return out
}

func differing(was, now map[string]string) []string {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, now)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, wasThere := was[name]
		after, isThere := now[name]
		if wasThere != isThere || before != after {
			out = append(out, name)
		}
	}
	return out
}

func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Write is the JSON form.
func (p *SavedPlan) Write() ([]byte, error) {
	p.Version = savedVersion
	return json.MarshalIndent(p, "", " ")
}

// ReadSavedPlan parses what Write wrote.
func ReadSavedPlan(b []byte) (*SavedPlan, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	var p SavedPlan
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("it is not a saved plan: %w", err)
	}
	switch {
	case p.Version != savedVersion:
		return nil, fmt.Errorf("its version is %d, this hostctl knows %d", p.Version, savedVersion)
	case p.Plan == nil || p.Plan.Host == "" || p.Basis.Spec == nil || p.Basis.Host == nil:
		return nil, fmt.Errorf("it is not a saved plan: parts of it are missing")
	}
	return &p, nil
}

// Same reports whether two plans do the same. Lock-outs and warnings do not count:
// they depend on who asks.
func (p *Plan) Same(other *Plan) (bool, error) {
	mine, others := *p, *other
	mine.Lockout, others.Lockout = nil, nil
	mine.Warnings, others.Warnings = nil, nil
	a, err := json.Marshal(mine)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(others)
	return bytes.Equal(a, b), err
}

package account

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Tombs remembers the ids of names that no longer exist. Files of a removed account
// stay behind, and an account that got its id would own them.
type Tombs struct {
	Users  map[string]int `json:"users,omitempty"`
	Groups map[string]int `json:"groups,omitempty"`
}

// Rewrite maps ids of a stage to other ids on the host: files with the first get
// the second.
type Rewrite struct {
	UIDs map[int]int
	GIDs map[int]int
}

// Tombs are the accounts that d removes, with the ids they had.
func (d Delta) Tombs() Tombs {
	t := Tombs{Users: map[string]int{}, Groups: map[string]int{}}
	for path, ids := range map[string]map[string]int{Passwd: t.Users, Group: t.Groups} {
		for _, s := range d.Files[path].Steps {
			if id, err := strconv.Atoi(entryID(path, line{s.Key, s.Line})); err == nil && s.After == nil {
				ids[s.Key.Text] = id
			}
		}
	}
	return t
}

// Remap changes the ids of accounts that d creates if they must not have those
// that the tools chose: a name that existed before gets its old id back, and no
// other name gets that one. An account whose id the spec sets (said) has that id.
// Live are the accounts that the delta will be applied to.
func Remap(d Delta, live Files, tombs, said Tombs) (Delta, Rewrite, error) {
	out := Delta{Version: d.Version, Inverse: d.Inverse, Files: maps.Clone(d.Files)}
	r := Rewrite{UIDs: map[int]int{}, GIDs: map[int]int{}}
	err := remapFile(out.Files, Passwd, live, tombs.Users, said.Users, r.UIDs)
	if err == nil {
		err = remapFile(out.Files, Group, live, tombs.Groups, said.Groups, r.GIDs)
	}
	if err != nil {
		return Delta{}, Rewrite{}, err
	}
	rewritePrimary(out.Files, r.GIDs)
	return out, r, nil
}

func remapFile(files map[string]FileDelta, path string, live Files, tombs, said map[string]int, rewrite map[int]int) error {
	f, concerned := files[path]
	if !concerned {
		return nil
	}
	taken := map[int]bool{}
	owner := map[int]string{}
	for name, id := range tombs {
		taken[id], owner[id] = true, name
	}
	for _, l := range parse(path, live[path]) {
		if id, err := strconv.Atoi(entryID(path, l)); err == nil {
			taken[id] = true
			owner[id] = l.key.Text
		}
	}
	created := newIDs(path, f)
	for _, id := range created {
		taken[id] = true
	}
	f.Steps = slices.Clone(f.Steps)
	for i, s := range f.Steps {
		id, isNew := created[i]
		if declared, is := said[s.Key.Text]; !isNew || is && declared == id {
			continue
		}
		to, err := idFor(s.Key.Text, id, tombs, owner, taken)
		if err != nil {
			return fmt.Errorf("cannot give %q of %s an id: %w", s.Key.Text, path, err)
		}
		if to != id {
			rewrite[id], taken[to] = to, true
			f.Steps[i].Line = withField(s.Line, 2, map[int]int{id: to})
		}
	}
	files[path] = f
	return nil
}

// newIDs are the ids of the entries that f adds, by the index of their step.
func newIDs(path string, f FileDelta) map[int]int {
	out := map[int]int{}
	for i, s := range f.Steps {
		if id, err := strconv.Atoi(entryID(path, line{s.Key, s.Line})); err == nil && s.Before == nil && !s.Shared {
			out[i] = id
		}
	}
	return out
}

// idFor is the id of a new name: its former id if nobody has that now, the one
// that the tools chose if nobody else ever had it, or the nearest free one in the
// same range.
func idFor(name string, id int, tombs map[string]int, owner map[int]string, taken map[int]bool) (int, error) {
	if old, was := tombs[name]; was && owner[old] == name {
		return old, nil
	}
	if by, buried := owner[id]; !buried || by == name {
		return id, nil
	}
	first, last := idRange(id)
	for distance := 1; distance <= last-first; distance++ {
		for _, candidate := range []int{id + distance, id - distance} {
			if candidate >= first && candidate <= last && !taken[candidate] {
				return candidate, nil
			}
		}
	}
	return 0, fmt.Errorf("every id from %d to %d is or was somebody's", first, last)
}

// idRange is the range of Debian Policy 9.2.2 that contains id.
func idRange(id int) (first, last int) {
	switch {
	case id < 100:
		return 0, 99
	case id < 1000:
		return 100, 999
	case id < 60000:
		return 1000, 59999
	default:
		return 65536, 1<<31 - 1
	}
}

// rewritePrimary sets new gids in the accounts that have them as primary group:
// those that the delta adds, and those that it moves there.
func rewritePrimary(files map[string]FileDelta, gids map[int]int) {
	f, concerned := files[Passwd]
	if !concerned {
		return
	}
	f.Steps, f.Edits = slices.Clone(f.Steps), slices.Clone(f.Edits)
	for i, s := range f.Steps {
		if s.Key.Entry && s.Before == nil {
			f.Steps[i].Line = withField(s.Line, 3, gids)
		}
	}
	for i, e := range f.Edits {
		f.Edits[i].Fields = slices.Clone(e.Fields)
		for j, c := range e.Fields {
			if c.Field == 3 {
				f.Edits[i].Fields[j].After = translated(c.After, gids)
			}
		}
	}
	files[Passwd] = f
}

func withField(text string, field int, ids map[int]int) string {
	fields := strings.Split(text, ":")
	fields[field] = translated(fields[field], ids)
	return strings.Join(fields, ":")
}

func translated(field string, ids map[int]int) string {
	if n, err := strconv.Atoi(field); err == nil {
		if to, ok := ids[n]; ok {
			return strconv.Itoa(to)
		}
	}
	return field
}

package account

import (
	"fmt"
	"slices"
	"strings"
)

// Delta is what happened to the account database between two readings, entry by
// entry and field by field, so that it can be applied to a database in which
// others have changed something else meanwhile. An added shadow entry contains its
// hash: store a Delta readable by root only (0600).
type Delta struct {
	Version int                  `json:"version"`
	Inverse bool                 `json:"inverse,omitempty"` // made by Invert: later changes of others win
	Files   map[string]FileDelta `json:"files,omitempty"`
}

// deltaVersion of a Delta's JSON form.
const deltaVersion = 1

// FileDelta is the part of a Delta for one file.
type FileDelta struct {
	Created bool   `json:"created,omitempty"` // the file did not exist before
	Deleted bool   `json:"deleted,omitempty"` // it does not exist after
	Steps   []Step `json:"steps,omitempty"`
	Edits   []Edit `json:"edits,omitempty"`
}

// Step adds a line (no Before), removes one (no After) or moves one.
type Step struct {
	Key    Key    `json:"key"`
	Line   string `json:"line,omitempty"`
	Before *Place `json:"before,omitempty"`
	After  *Place `json:"after,omitempty"`
	// Shared: another entry had the same id at the same time, on purpose.
	Shared bool `json:"shared,omitempty"`
}

// Place is the position of a line: its predecessor, and its index, which only
// orders the steps.
type Place struct {
	Prev  *Key `json:"prev,omitempty"` // nil for the first line
	Index int  `json:"index"`
}

// Edit changes fields of one entry.
type Edit struct {
	Key    Key         `json:"key"`
	Fields []FieldEdit `json:"fields"`
}

// FieldEdit changes one field, counted from 0.
type FieldEdit struct {
	Field  int    `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Empty reports whether applying the delta does nothing.
func (d Delta) Empty() bool { return len(d.Files) == 0 }

// Diff lists what turns before into after.
func Diff(before, after Files) Delta {
	d := Delta{Version: deltaVersion, Files: map[string]FileDelta{}}
	for _, path := range Paths() {
		was, existed := before[path]
		is, exists := after[path]
		if existed == exists && string(was) == string(is) {
			continue
		}
		f := diffFile(path, parse(path, was), parse(path, is))
		f.Created, f.Deleted = !existed && exists, existed && !exists
		d.Files[path] = f
	}
	return d
}

func diffFile(path string, a, b []line) FileDelta {
	var f FileDelta
	inA, inB := byKey(a), byKey(b)
	kept := keptLines(a, inB)
	for i, l := range a {
		if _, stays := inB[l.key]; !stays {
			f.Steps = append(f.Steps, Step{Key: l.key, Line: l.text, Before: place(a, i), Shared: shared(path, a, l)})
		}
	}
	for i, l := range b {
		old, existed := inA[l.key]
		switch {
		case !existed:
			f.Steps = append(f.Steps, Step{Key: l.key, Line: l.text, After: place(b, i), Shared: shared(path, b, l)})
			continue
		case !kept[l.key]:
			f.Steps = append(f.Steps, Step{Key: l.key, Before: place(a, old), After: place(b, i)})
		}
		if a[old].text != l.text {
			f.Edits = append(f.Edits, Edit{l.key, diffFields(a[old].text, l.text)})
		}
	}
	return f
}

func place(lines []line, i int) *Place {
	p := &Place{Index: i}
	if i > 0 {
		p.Prev = &lines[i-1].key
	}
	return p
}

// shared says whether another entry of the same file has l's id.
func shared(path string, lines []line, l line) bool {
	id := entryID(path, l)
	return id != "" && slices.ContainsFunc(lines, func(o line) bool { return o.key != l.key && entryID(path, o) == id })
}

// entryID is the uid or gid that an entry gives to its name.
func entryID(path string, l line) string {
	if !l.key.Entry || path != Passwd && path != Group {
		return ""
	}
	return strings.Split(l.text, ":")[2]
}

func diffFields(a, b string) []FieldEdit {
	was, is := strings.Split(a, ":"), strings.Split(b, ":")
	var out []FieldEdit
	for i := range is {
		if was[i] != is[i] {
			out = append(out, FieldEdit{i, was[i], is[i]})
		}
	}
	return out
}

// keptLines is the longest sequence of lines that both files have in the same
// order (patience: the longest increasing run of positions). Any other common line
// moved.
func keptLines(a []line, inB map[Key]int) map[Key]bool {
	var tails, positions []int // tails[n]: index in a of the end of the best run of n+1
	prev := make([]int, len(a))
	for i, l := range a {
		pos, common := inB[l.key]
		if !common {
			continue
		}
		n, _ := slices.BinarySearch(positions, pos)
		if n == len(tails) {
			tails, positions = append(tails, i), append(positions, pos)
		} else {
			tails[n], positions[n] = i, pos
		}
		prev[i] = -1
		if n > 0 {
			prev[i] = tails[n-1]
		}
	}
	kept := map[Key]bool{}
	for i := last(tails); i >= 0; i = prev[i] {
		kept[a[i].key] = true
	}
	return kept
}

func last(tails []int) int {
	if len(tails) == 0 {
		return -1
	}
	return tails[len(tails)-1]
}

// Invert is the delta that undoes d. It restores what d changed, but never a
// password, its age, or anything that d did not change: an account keeps its
// password, and later changes of others stay. If d added an account, the inverse
// does not contain its hash.
func (d Delta) Invert() Delta {
	inv := Delta{Version: d.Version, Inverse: true, Files: map[string]FileDelta{}}
	for path, f := range d.Files {
		i := FileDelta{Created: f.Deleted, Deleted: f.Created}
		for _, s := range f.Steps {
			s.Before, s.After = s.After, s.Before
			if s.After == nil {
				s.Line = withoutPassword(path, s)
			}
			i.Steps = append(i.Steps, s)
		}
		for _, e := range f.Edits {
			var fields []FieldEdit
			for _, c := range e.Fields {
				if !isUsers(path, c.Field) {
					fields = append(fields, FieldEdit{c.Field, c.After, c.Before})
				}
			}
			if len(fields) > 0 {
				i.Edits = append(i.Edits, Edit{e.Key, fields})
			}
		}
		if i.Created || i.Deleted || len(i.Steps)+len(i.Edits) > 0 {
			inv.Files[path] = i
		}
	}
	return inv
}

func withoutPassword(path string, s Step) string {
	fields := strings.Split(s.Line, ":")
	if !s.Key.Entry || len(fields) < 2 || path != Shadow && path != GShadow {
		return s.Line
	}
	fields[1] = ""
	return strings.Join(fields, ":")
}

// check refuses a delta that another version of hostctl made.
func (d Delta) check() error {
	if d.Version != deltaVersion {
		return fmt.Errorf("cannot apply account changes: their version is %d, this hostctl knows %d", d.Version, deltaVersion)
	}
	return nil
}

// Names are the entries of one file that the delta adds, removes or edits, apart
// from members of groups.
func (d Delta) Names(path string) []string {
	var out []string
	for _, s := range d.Files[path].Steps {
		if s.Key.Entry && (s.Before == nil || s.After == nil) {
			out = append(out, s.Key.Text)
		}
	}
	for _, e := range d.Files[path].Edits {
		if slices.ContainsFunc(e.Fields, func(f FieldEdit) bool { return !isList(path, f.Field) }) {
			out = append(out, e.Key.Text)
		}
	}
	return out
}

// Memberships are, by group, the users that the delta adds or removes.
func (d Delta) Memberships() map[string][]string {
	out := map[string][]string{}
	for _, e := range d.Files[Group].Edits {
		for _, f := range e.Fields {
			if !isList(Group, f.Field) {
				continue
			}
			was, is := list(f.Before), list(f.After)
			for _, user := range slices.Concat(was, is) {
				if slices.Contains(was, user) != slices.Contains(is, user) {
					out[e.Key.Text] = append(out[e.Key.Text], user)
				}
			}
		}
	}
	return out
}

package account

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Apply applies d to live and returns the result; live stays as it is. What d
// does not name survives byte for byte. If others changed the same field or took
// the same name or id, Apply refuses a delta; an inverse leaves those fields to
// them, and only refuses to give one id to two accounts.
func (d Delta) Apply(live Files) (Files, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	out := maps.Clone(live)
	if out == nil {
		out = Files{}
	}
	var errs []error
	for _, path := range Paths() {
		f, concerned := d.Files[path]
		if !concerned {
			continue
		}
		content, exists := live[path]
		m := merger{Delta: d, FileDelta: f, path: path, live: live, lines: parse(path, content)}
		m.run()
		errs = append(errs, m.errs...)
		switch {
		case len(m.lines) == 0 && (f.Deleted || !exists && !f.Created):
			delete(out, path)
		case !bytes.Equal(content, format(m.lines)) || !exists:
			out[path] = format(m.lines)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("cannot apply account changes, the accounts changed meanwhile; try again: %w", errors.Join(errs...))
	}
	return out, nil
}

// merger applies one file's delta.
type merger struct {
	Delta
	FileDelta
	path  string
	live  Files
	lines []line
	errs  []error
}

func (m *merger) fail(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf("%s: "+format, append([]any{m.path}, args...)...))
}

func (m *merger) run() {
	for _, e := range m.Edits {
		m.edit(e)
	}
	moved := map[Key]line{}
	for _, s := range m.Steps {
		if s.Before != nil {
			m.take(s, moved)
		}
	}
	add := slices.DeleteFunc(slices.Clone(m.Steps), func(s Step) bool { return s.After == nil })
	slices.SortFunc(add, func(a, b Step) int { return cmp.Compare(a.After.Index, b.After.Index) })
	for _, s := range add {
		m.put(s, moved)
	}
}

// take removes a line, or lifts it to put it elsewhere. It skips a line that
// others removed.
func (m *merger) take(s Step, moved map[Key]line) {
	i := m.find(s.Key)
	if i < 0 {
		return
	}
	if s.After != nil {
		moved[s.Key] = m.lines[i]
	} else if m.Inverse && m.adopted(s, i) {
		return
	}
	m.lines = slices.Delete(m.lines, i, i+1)
}

// adopted reports whether others now use a group that an inverse should remove,
// and leaves it to them with only their members.
func (m *merger) adopted(s Step, i int) bool {
	if !s.Key.Entry || m.path != Group && m.path != GShadow {
		return false
	}
	foreign := m.foreignMembers(s.Key.Text, strings.Split(s.Line, ":")[3])
	if !m.primary(s.Key.Text) && len(foreign) == 0 {
		return false
	}
	fields := strings.Split(m.lines[i].text, ":")
	fields[3] = strings.Join(foreign, ",")
	m.lines[i].text = strings.Join(fields, ":")
	return true
}

// foreignMembers are the members of the live group that neither came with it nor
// leave with this delta.
func (m *merger) foreignMembers(group, ours string) []string {
	users := m.live.Users()
	return slices.DeleteFunc(m.live.Groups()[group].Members, func(name string) bool {
		_, exists := users[name]
		return !exists || slices.Contains(list(ours), name) || m.leaves(name)
	})
}

// primary reports whether an account that stays has this primary group.
func (m *merger) primary(group string) bool {
	g, exists := m.live.Groups()[group]
	for name, u := range m.live.Users() {
		if exists && u.GID == g.GID && !m.leaves(name) && !m.edited(name, 3) {
			return true
		}
	}
	return false
}

// leaves reports whether the delta removes the account.
func (m *merger) leaves(user string) bool {
	return slices.ContainsFunc(m.Delta.Files[Passwd].Steps, func(s Step) bool {
		return s.After == nil && s.Key == Key{Entry: true, Text: user}
	})
}

func (m *merger) edited(user string, field int) bool {
	return slices.ContainsFunc(m.Delta.Files[Passwd].Edits, func(e Edit) bool {
		return e.Key == Key{Entry: true, Text: user} &&
			slices.ContainsFunc(e.Fields, func(f FieldEdit) bool { return f.Field == field })
	})
}

// put inserts a new or a lifted line after its former predecessor, or else at the
// end, before NIS's lines, which stay last.
func (m *merger) put(s Step, moved map[Key]line) {
	l, lifted := moved[s.Key]
	switch existing := m.find(s.Key); {
	case s.Before != nil && !lifted:
		return // others removed it
	case !lifted && existing >= 0:
		if !m.Inverse && m.lines[existing].text != s.Line {
			m.fail("%q was made by others too", s.Key.Text)
		}
		return
	case !lifted:
		l = line{s.Key, s.Line}
		m.checkID(s, l)
	}
	at := m.end()
	if s.After.Prev == nil {
		at = 0
	} else if i := m.find(*s.After.Prev); i >= 0 {
		at = i + 1
	}
	m.lines = slices.Insert(m.lines, at, l)
}

// checkID refuses to give an id to a second name.
func (m *merger) checkID(s Step, l line) {
	id := entryID(m.path, l)
	if id == "" || s.Shared {
		return
	}
	for _, o := range m.lines {
		if entryID(m.path, o) == id {
			m.fail("id %s of %q is now %q's", id, s.Key.Text, o.key.Text)
		}
	}
}

func (m *merger) find(k Key) int {
	return slices.IndexFunc(m.lines, func(l line) bool { return l.key == k })
}

func (m *merger) end() int {
	end := len(m.lines)
	for end > 0 && strings.HasPrefix(m.lines[end-1].text, "+") {
		end--
	}
	return end
}

func (m *merger) edit(e Edit) {
	i := m.find(e.Key)
	if i < 0 {
		if !m.Inverse {
			m.fail("%q was removed by others", e.Key.Text)
		}
		return
	}
	fields := strings.Split(m.lines[i].text, ":")
	for _, c := range e.Fields {
		switch now := fields[c.Field]; {
		case now == c.Before:
			fields[c.Field] = c.After
		case now == c.After:
		case isList(m.path, c.Field):
			fields[c.Field] = mergeList(now, c)
		case m.Inverse || isUsers(m.path, c.Field):
			// Others changed it last, mostly the user with passwd(1).
		default:
			m.fail("field %d of %q was changed by others, from %q to %q", c.Field+1, e.Key.Text, c.Before, now)
		}
	}
	m.lines[i].text = strings.Join(fields, ":")
}

// mergeList removes from the live members those that the edit removed, and adds
// those that it added.
func mergeList(now string, c FieldEdit) string {
	before, after := list(c.Before), list(c.After)
	out := slices.DeleteFunc(list(now), func(name string) bool {
		return slices.Contains(before, name) && !slices.Contains(after, name)
	})
	for _, name := range after {
		if !slices.Contains(before, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}

package option

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Merged is the result of all definitions of one option.
type Merged struct {
	Value    cty.Value
	Defined  bool             // false: nothing defines it, Value is null
	Elements map[string]*Part // what added each string of a list or set, each key of a map
}

type merger struct {
	diags    hcl.Diagnostics
	elements map[string]*Part
	path     Path
	trail    *trail // only for Trace
	misspelt bool   // an attribute is unknown: it may be a misspelt missing one
}

// Merge makes one value of the definitions of the option at path (language rules 10
// to 12). It checks and converts values element by element, never by cty's
// collection conversions, which change data silently (language rule 8).
func Merge(at Path, t Type, parts []*Part) (Merged, hcl.Diagnostics) {
	m := &merger{elements: map[string]*Part{}, path: at}
	slices.SortStableFunc(parts, order)
	v, defined := m.merge(t, parts, 0)
	return Merged{Value: v, Defined: defined, Elements: m.elements}, m.diags
}

func (m *merger) fail(p *Part, summary, format string, args ...any) {
	m.diags = append(m.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: p.Range.Ptr(),
	})
}

// warn warns of what a user can fix, and not of what the library writes.
func (m *merger) warn(p *Part, summary, detail string) {
	if p.Def.Source.Layer == Library {
		return
	}
	m.diags = append(m.diags, &hcl.Diagnostic{
		Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: p.Range.Ptr(),
	})
}

func (m *merger) merge(t Type, parts []*Part, depth int) (cty.Value, bool) {
	switch t.Kind {
	case Optional:
		return m.merge(*t.Elem, parts, depth)
	case List, Set, Lines:
		return m.list(t, parts, depth)
	case Map, Object:
		return m.keyed(t, parts, depth)
	case Data:
		return m.data(parts, depth)
	case OneOf:
		return m.oneOf(t, parts, depth)
	}
	return m.scalar(t, parts)
}

// live drops parts without a value (null), and what a force(null) beats.
func (m *merger) live(parts []*Part) []*Part {
	var out []*Part
	var gone *Part
	for _, p := range parts {
		if !p.Remove && p.Literal == Whole && p.Value.IsNull() {
			if p.Priority == Force && (gone == nil || gone.Def.Source.Layer <= p.Def.Source.Layer) {
				gone = p
			}
			continue
		}
		out = append(out, p)
	}
	if gone == nil {
		return out
	}
	gone.Def.Wins = true
	m.trail.decide(m.path, gone)
	return slices.DeleteFunc(out, func(p *Part) bool { return p.below(gone) })
}

func (m *merger) scalar(t Type, parts []*Part) (cty.Value, bool) {
	var checked []*Part
	for _, p := range m.live(parts) {
		if p.Remove {
			m.fail(p, "Nothing to remove", "without() removes elements from a list, a set or a map; %s is %s.", m.path, article(t))
			continue
		}
		if m.misplaced(p, article(t)) {
			continue
		}
		v, err := m.value(t, p)
		if err != nil {
			m.fail(p, "Wrong type", "%s: %s", m.path, ended(err.Error()))
			continue
		}
		checked = append(checked, p.with(v))
	}
	win := m.strongest(checked)
	if win == nil {
		return cty.NullVal(t.Cty()), false
	}
	return win.Value, true
}

// misplaced reports a before() or after() around something that is not a list.
func (m *merger) misplaced(p *Part, what string) bool {
	if p.Place == Middle {
		return false
	}
	name := map[Place]string{Before: "before", After: "after"}[p.Place]
	m.fail(p, "Misplaced "+name, "%s() says where in a list its elements go; %s is %s. Leave it out; default(...) and force(...) decide which of several definitions counts.", name, m.path, what)
	return true
}

// ended ends a sentence with a full stop, unless it has an end.
func ended(s string) string {
	if strings.HasSuffix(s, "?") || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// value checks one scalar, whose literal form may still be in pieces.
func (m *merger) value(t Type, p *Part) (cty.Value, error) {
	v, marks := plain(p).Unmark()
	if v.ContainsMarked() {
		return v, fmt.Errorf("expected %s, got %s", article(t), Describe(v))
	}
	if t.Kind == OneOf {
		for _, alt := range t.Alts {
			if c, err := checkScalar(alt, v); err == nil {
				return c.WithMarks(marks), nil
			}
		}
		return v, fmt.Errorf("expected %s, got %s", article(t), Describe(v))
	}
	c, err := checkScalar(t, v)
	if err != nil {
		return v, err
	}
	if t.Kind == FilePath {
		c = located(c, p.Def.Source.Dir)
	}
	return c.WithMarks(marks), nil
}

// located resolves a path that starts with ./ or ../ against the module that
// wrote it, so that it means the same file everywhere.
func located(v cty.Value, dir string) cty.Value {
	s := v.AsString()
	if strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		return cty.StringVal(path.Join(dir, s))
	}
	return v
}

// strongest picks by priority, layer and imports. Equal values agree; different
// ones are a conflict, which shows both places.
func (m *merger) strongest(parts []*Part) *Part {
	var best []*Part
	for _, p := range parts {
		switch {
		case len(best) == 0 || outranks(p, best[0]):
			best = []*Part{p}
		case !outranks(best[0], p):
			best = append(best, p)
		}
	}
	best = slices.DeleteFunc(slices.Clone(best), func(p *Part) bool {
		return slices.ContainsFunc(best, func(q *Part) bool { return q.Def.Source.Over(p.Def.Source) })
	})
	if len(best) == 0 {
		return nil
	}
	m.conflict(best)
	for _, p := range best {
		p.Def.Wins = true
	}
	m.trail.decide(m.path, best...)
	return best[0]
}

func outranks(a, b *Part) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	return a.Def.Source.Layer > b.Def.Source.Layer
}

// Others are the other places of a mistake that several places make together. A
// diagnostic has them as its Extra.
type Others []hcl.Range

// conflict reports parts of equal strength whose values differ, at the last of
// them.
func (m *merger) conflict(parts []*Part) {
	var differing []*Part
	for _, p := range parts {
		if !slices.ContainsFunc(differing, func(q *Part) bool { return plain(p).RawEquals(plain(q)) }) {
			differing = append(differing, p)
		}
	}
	if len(differing) < 2 {
		return
	}
	last := differing[len(differing)-1]
	detail := fmt.Sprintf("%s is %s here", m.path, Describe(plain(last)))
	var others Others
	for _, p := range differing[:len(differing)-1] {
		detail += fmt.Sprintf(" and %s at %s", Describe(plain(p)), At(p.Range))
		others = append(others, p.Range)
	}
	m.diags = append(m.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Conflicting definitions",
		Detail:   detail + Rivals(last.Def.Source.Layer, last.Priority),
		Subject:  last.Range.Ptr(),
		Extra:    others,
	})
}

// Rivals ends the report of a conflict: why none of the definitions wins, and
// what to do.
func Rivals(l Layer, p Priority) string {
	switch p {
	case OptionDefault:
		return "."
	case Force:
		return fmt.Sprintf(", all in force(...) in the %s layer, so none wins. Remove force(...) from all but one.", l)
	case Default:
		return fmt.Sprintf(", all in default(...) in the %s layer, so none wins. Keep one, or remove default(...) from the one that should win.", l)
	}
	return fmt.Sprintf(", all in the %s layer, so none wins. Keep one, or write force(...) around the one that should win.", l)
}

// At is a range as people write it, file:line.
func At(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }

// plain is the value of a part whose literal form has no modifiers that still
// matter.
func plain(p *Part) cty.Value {
	switch p.Literal {
	case ListLiteral:
		var vals []cty.Value
		for i := range p.Items {
			vals = append(vals, plain(&p.Items[i]))
		}
		return cty.TupleVal(vals)
	case ObjectLiteral:
		vals := map[string]cty.Value{}
		for k, f := range p.Fields {
			vals[k] = plain(f)
		}
		return cty.ObjectVal(vals)
	}
	return p.Value
}

func (m *merger) oneOf(t Type, parts []*Part, depth int) (cty.Value, bool) {
	live := m.live(parts)
	for _, alt := range t.Alts {
		if !collection(alt) || len(live) == 0 {
			continue
		}
		if !slices.ContainsFunc(live, func(p *Part) bool { return !fits(alt, p) }) {
			return m.merge(alt, parts, depth)
		}
	}
	return m.scalar(t, parts)
}

func collection(t Type) bool {
	switch t.Kind {
	case List, Set, Map, Object, Data:
		return true
	}
	return false
}

func fits(t Type, p *Part) bool {
	v := plain(p)
	switch t.Kind {
	case List, Set:
		return isList(v) || p.Remove
	case Map, Object:
		return isMap(v) || p.Remove
	}
	return true
}

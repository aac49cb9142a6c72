package option

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// list merges lists, sets and lines. The elements of the highest priority count,
// from all layers, weakest first (language rule 10). A removal is not a definition;
// it removes equal elements of weaker layers and of the default (language rule 7).
func (m *merger) list(t Type, parts []*Part, depth int) (cty.Value, bool) {
	var elems, removals, empty []*Part
	defined := false
	best := OptionDefault
	for _, p := range m.live(parts) {
		got, taken, says := m.split(t, p)
		elems, removals = append(elems, got...), append(removals, taken...)
		if says {
			defined = true
			best = max(best, p.strength(got))
			if len(got) == 0 {
				empty = append(empty, p)
			}
		}
	}
	for _, p := range empty {
		if p.Priority == best {
			p.Def.Wins = true
			m.trail.decide(m.path, p)
		}
	}
	all := slices.Clone(elems)
	elems = m.standing(elems, best)
	elems = m.remove(elems, removals, all)
	slices.SortStableFunc(elems, order)
	m.trail.keep(m.path, t.Kind, elems)
	for _, e := range elems {
		e.Def.Wins = true
		if s, ok := KeyString(e.Value); ok && depth == 0 {
			if old := m.elements[s]; old == nil || old.Def.Source.Layer < e.Def.Source.Layer {
				m.elements[s] = e
			}
		}
	}
	m.warnEmpty(parts, elems)
	if t.Kind == Lines {
		return joinLines(elems, defined)
	}
	return m.assemble(t, elems, defined)
}

// standing are the elements that none of a higher priority beats.
func (m *merger) standing(elems []*Part, best Priority) []*Part {
	beaten := func(e *Part) bool { return e.Priority < best }
	if !slices.ContainsFunc(elems, beaten) {
		return elems
	}
	strongest := map[*Definition]*Part{}
	for _, e := range elems {
		if s := strongest[e.Def]; s == nil || e.Priority > s.Priority {
			strongest[e.Def] = e
		}
	}
	for _, e := range elems {
		if beaten(e) {
			m.warnBeaten(e, strongest[e.Def])
		}
	}
	return slices.DeleteFunc(elems, beaten)
}

// strength is the priority at which a part defines its list.
func (p *Part) strength(elems []*Part) Priority {
	best := p.Priority
	for _, e := range elems {
		best = max(best, e.Priority)
	}
	return best
}

// split breaks a part of a list into pieces and checks each. says is false if the
// part only removes.
func (m *merger) split(t Type, p *Part) (elems, removals []*Part, says bool) {
	elem := Type{Kind: String}
	if t.Elem != nil {
		elem = *t.Elem
	}
	pieces, ok := m.pieces(t, p)
	if !ok {
		return nil, nil, false
	}
	says = !p.Remove && (len(pieces) == 0 || p.Literal == Whole)
	for _, e := range pieces {
		if e.Literal == Whole && e.Value.IsNull() {
			says = says || !e.Remove
			continue
		}
		checked, fine := m.check(elem, e)
		if !fine {
			continue
		}
		if e.Remove {
			removals = append(removals, checked)
			continue
		}
		if t.Kind == Lines && p.Literal == Whole && checked.Value.RawEquals(cty.StringVal("")) {
			continue // as the empty list
		}
		elems, says = append(elems, checked), true
	}
	return elems, removals, says
}

func (m *merger) pieces(t Type, p *Part) ([]*Part, bool) {
	var out []*Part
	if p.Literal == ListLiteral {
		for i := range p.Items {
			item := &p.Items[i]
			if v := plain(item); item.Remove && !v.IsNull() && isList(v) {
				inner, _ := m.pieces(t, item)
				out = append(out, inner...)
				continue
			}
			out = append(out, item)
		}
		return out, true
	}
	v, marks := plain(p).Unmark()
	if t.Kind == Lines || p.Remove && !isList(v) {
		return []*Part{p}, true
	}
	if !isList(v) {
		hint := ""
		if _, one := KeyString(v); one {
			hint = fmt.Sprintf(" Write a list of one: [%s].", Text(v))
			if v.Type() == cty.String {
				if parts := separated(*t.Elem, v.AsString()); len(parts) > 1 {
					hint = fmt.Sprintf(" Write each element separately: [%s].", eachQuoted(parts))
				}
			}
		}
		m.fail(p, "Wrong type", "%s: expected %s, got %s.%s", m.path, article(t), Describe(v), hint)
		return nil, false
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out = append(out, p.with(e.WithMarks(marks)))
	}
	return out, true
}

// separated splits a text at what separates several elements: no name contains a
// blank.
func separated(elem Type, s string) []string {
	between := ",;"
	switch elem.Kind {
	case UserName, GroupName, PackageName, UnitName, HostName, PackageRef:
		between = ",; "
	}
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(between, r) })
}

// eachQuoted writes these parts of a text as the elements of a list.
func eachQuoted(parts []string) string {
	var out []string
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, fmt.Sprintf("%q", part))
		}
	}
	return strings.Join(out, ", ")
}

// check merges a single element, which checks and converts it.
func (m *merger) check(t Type, p *Part) (*Part, bool) {
	own := &merger{elements: map[string]*Part{}, path: m.path}
	wins := p.Def.Wins
	v, ok := own.merge(t, []*Part{p.kept()}, 1)
	p.Def.Wins = wins
	m.diags = append(m.diags, own.diags...)
	return p.with(v), ok && !own.diags.HasErrors()
}

// remove removes elements. all also has those that the force() of another file
// beats: removing one of them is not a mistake.
func (m *merger) remove(elems, removals, all []*Part) []*Part {
	if len(removals) == 0 {
		return elems
	}
	alike := map[string][]*Part{}
	for _, e := range all {
		alike[likeness(e)] = append(alike[likeness(e)], e)
	}
	there := map[*Part]bool{}
	for _, e := range elems {
		there[e] = true
	}
	for _, r := range removals {
		found := false
		for _, e := range alike[likeness(r)] {
			if !e.weaker(r) || !e.Value.RawEquals(r.Value) {
				continue
			}
			found = true
			if there[e] {
				r.Def.Wins = true
				m.trail.take(m.path, "", e, r)
				delete(there, e)
			}
		}
		if !found {
			m.warn(r, "Nothing to remove", fmt.Sprintf("No weaker layer adds %s to %s.", Describe(r.Value), m.path))
		}
	}
	return slices.DeleteFunc(elems, func(e *Part) bool { return !there[e] })
}

// likeness is the same for parts of equal value.
func likeness(p *Part) string {
	s, _ := KeyString(p.Value)
	return s
}

func (m *merger) warnEmpty(parts, elems []*Part) {
	for _, p := range parts {
		empty := p.Literal == ListLiteral && len(p.Items) == 0 && p.Priority == Plain
		if empty && len(elems) > 0 {
			m.warn(p, "Adds nothing", fmt.Sprintf("An empty list adds nothing to %s; force([]) empties it.", m.path))
		}
	}
}

// warnBeaten: force() around an element acts as force() around its list, which the
// other elements are not part of.
func (m *merger) warnBeaten(e, by *Part) {
	if by.Priority > e.Priority {
		m.warn(e, "Beaten in its own list", fmt.Sprintf("%s: %s does not count, because the same list contains %s with %s. Write force([...]) around the whole list, or remove one of the two.",
			m.path, Describe(e.Value), Describe(by.Value), map[Priority]string{Plain: "no default(...) around it", Force: "force(...) around it"}[by.Priority]))
	}
}

func joinLines(elems []*Part, defined bool) (cty.Value, bool) {
	if !defined {
		return cty.NullVal(cty.String), false
	}
	var b strings.Builder
	marks := cty.ValueMarks{}
	for _, e := range elems {
		v, own := e.Value.Unmark()
		for k := range own {
			marks[k] = struct{}{}
		}
		b.WriteString(strings.TrimSuffix(v.AsString(), "\n") + "\n")
	}
	return cty.StringVal(b.String()).WithMarks(marks), true
}

func (m *merger) assemble(t Type, elems []*Part, defined bool) (cty.Value, bool) {
	if !defined {
		return cty.NullVal(t.Cty()), false
	}
	var vals []cty.Value
	for _, e := range elems {
		vals = append(vals, e.Value)
	}
	if t.Kind == Set {
		vals = SortedSet(vals)
	}
	ty := t.Elem.Cty()
	switch {
	case ty.HasDynamicTypes():
		return cty.TupleVal(vals), true
	case len(vals) == 0:
		return cty.ListValEmpty(ty), true
	}
	return cty.ListVal(vals), true
}

// SortedSet drops equal values and sorts: numbers by size, before strings.
func SortedSet(vals []cty.Value) []cty.Value {
	slices.SortStableFunc(vals, compareValues)
	return slices.CompactFunc(vals, func(a, b cty.Value) bool { return a.RawEquals(b) })
}

func compareValues(a, b cty.Value) int {
	a, _ = a.UnmarkDeep()
	b, _ = b.UnmarkDeep()
	if a.Type() == cty.Number && b.Type() == cty.Number {
		return a.AsBigFloat().Cmp(b.AsBigFloat())
	}
	if a.Type() == cty.String && b.Type() == cty.String {
		return strings.Compare(a.AsString(), b.AsString())
	}
	return cmp.Or(cmp.Compare(a.Type().GoString(), b.Type().GoString()), strings.Compare(a.GoString(), b.GoString()))
}

package option

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// keyed merges maps and objects key by key. force(map) forces each key and
// drops every other key of weaker definitions; without() removes keys.
func (m *merger) keyed(t Type, parts []*Part, depth int) (cty.Value, bool) {
	fields := map[string][]*Part{}
	forced := map[*Part]map[string]*Part{}
	var removals []*Part
	defined := false
	for _, p := range m.live(parts) {
		if p.Remove {
			removals = append(removals, p)
			continue
		}
		own, ok := m.fields(t, p)
		if !ok {
			continue
		}
		defined = true
		if p.Priority == Force {
			forced[p] = own
		}
		if len(own) == 0 {
			p.Def.Wins = true
			m.trail.decide(m.path, p)
		}
		for k, f := range own {
			fields[k] = append(fields[k], f)
		}
	}
	all := map[string][]*Part{}
	for k, own := range fields {
		all[k] = slices.Clone(own)
	}
	m.trail.say(m.path, all)
	exclusive(forced, fields)
	m.removeKeys(removals, fields, all)
	out := map[string]cty.Value{}
	for _, key := range sortedKeys(fields) {
		slices.SortStableFunc(fields[key], order)
		before := len(m.diags)
		v, ok := m.attribute(t, key, fields[key], depth)
		if m.diags[before:].HasErrors() {
			v, ok = cty.DynamicVal, true // it exists, even if wrong
		}
		if ok {
			out[key] = v
			m.credit(key, fields[key], depth)
		}
	}
	if !defined {
		return cty.NullVal(t.Cty()), false
	}
	return m.build(t, out, parts)
}

func (m *merger) credit(key string, parts []*Part, depth int) {
	if depth > 0 {
		return
	}
	for _, p := range parts {
		if old := m.elements[key]; p.Def.Wins && (old == nil || old.Def.Source.Layer < p.Def.Source.Layer) {
			m.elements[key] = p
		}
	}
}

func (m *merger) attribute(t Type, key string, parts []*Part, depth int) (cty.Value, bool) {
	path := m.path
	m.path = path.With(key)
	defer func() { m.path = path }()
	switch t.Kind {
	case Map:
		return m.merge(*t.Elem, parts, depth+1)
	case Object:
		return m.merge(t.Attrs[key], parts, depth+1)
	}
	return m.data(parts, depth+1)
}

func (m *merger) fields(t Type, p *Part) (map[string]*Part, bool) {
	out := map[string]*Part{}
	if p.Literal == ObjectLiteral {
		out = p.Fields
	} else {
		v, marks := plain(p).Unmark()
		if !isMap(v) {
			m.fail(p, "Wrong type", "%s: expected %s, got %s.", m.path, article(t), Describe(v))
			return nil, false
		}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			k, _ = k.Unmark()
			out[k.AsString()] = p.with(e.WithMarks(marks))
		}
	}
	if t.Kind != Object {
		return out, true
	}
	known := map[string]*Part{}
	for _, k := range sortedKeys(out) {
		if _, ok := t.Attrs[k]; !ok {
			m.misspelt = true
			m.fail(out[k], "Unknown attribute", "%s takes no attribute %q.%s", m.path, k, DidYouMean(k, sortedKeys(t.Attrs)))
			continue
		}
		known[k] = out[k]
	}
	return known, true
}

// exclusive drops, for each force(map), the keys of weaker definitions that it
// does not have.
func exclusive(forced map[*Part]map[string]*Part, fields map[string][]*Part) {
	for by, has := range forced {
		for k, own := range fields {
			if has[k] != nil {
				continue
			}
			own = slices.DeleteFunc(own, func(p *Part) bool { return p.below(by) })
			if fields[k] = own; len(own) == 0 {
				delete(fields, k)
			}
		}
	}
}

// removeKeys removes keys from fields. all also has those that a force() of
// another file drops: removing one of them is not a mistake.
func (m *merger) removeKeys(removals []*Part, fields, all map[string][]*Part) {
	for _, r := range removals {
		weaker := func(p *Part) bool { return p.weaker(r) }
		for _, key := range removedKeys(r) {
			if !slices.ContainsFunc(all[key], weaker) {
				m.warn(r, "Nothing to remove", fmt.Sprintf("No weaker layer defines %s.", m.path.With(key)))
			}
			before := len(fields[key])
			fields[key] = slices.DeleteFunc(fields[key], func(p *Part) bool {
				if weaker(p) {
					m.trail.take(m.path, key, p, r)
				}
				return weaker(p)
			})
			r.Def.Wins = r.Def.Wins || len(fields[key]) < before
			if len(fields[key]) == 0 {
				delete(fields, key)
			}
		}
	}
}

// removedKeys are the keys that a without() names: one, or a list.
func removedKeys(r *Part) []string {
	v, _ := plain(r).UnmarkDeep()
	if s, ok := KeyString(v); ok {
		return []string{s}
	}
	var out []string
	if !isList(v) {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if s, ok := KeyString(e); ok {
			out = append(out, s)
		}
	}
	return out
}

func (m *merger) build(t Type, out map[string]cty.Value, parts []*Part) (cty.Value, bool) {
	switch t.Kind {
	case Object:
		for _, name := range sortedKeys(t.Attrs) {
			if _, ok := out[name]; ok {
				continue
			}
			attr := t.Attrs[name]
			out[name] = cty.NullVal(attr.Cty())
			if attr.Kind != Optional && !m.misspelt {
				m.fail(parts[len(parts)-1], "Missing attribute", "%s needs %s: %s.", m.path, name, article(attr))
			}
		}
	case Map:
		if ty := t.Elem.Cty(); !ty.HasDynamicTypes() && !m.diags.HasErrors() {
			if len(out) == 0 {
				return cty.MapValEmpty(ty), true
			}
			return cty.MapVal(out), true
		}
	}
	return cty.ObjectVal(out), true
}

// data merges values of type any: objects deeply, lists end to end, and for
// scalars the strongest wins. It converts no leaf. In data null is a value.
func (m *merger) data(parts []*Part, depth int) (cty.Value, bool) {
	var lead *Part
	for _, p := range parts {
		if !p.Remove && (lead == nil || outranks(p, lead)) {
			lead = p
		}
	}
	if lead == nil {
		return cty.NullVal(cty.DynamicPseudoType), false
	}
	shape := m.shape(lead)
	var same []*Part
	for _, p := range parts {
		if p.Remove || m.shape(p) == shape {
			same = append(same, p)
		} else if !outranks(lead, p) {
			m.conflict([]*Part{lead.with(plain(lead)), p.with(plain(p))})
		}
	}
	switch shape {
	case Map:
		return m.keyed(Type{Kind: Data}, same, depth)
	case List:
		return m.list(Type{Kind: List, Elem: &Type{Kind: Data}}, same, depth)
	}
	for i, p := range same {
		same[i] = p.with(plain(p))
		m.misplaced(p, "one value")
	}
	win := m.strongest(slices.DeleteFunc(same, func(p *Part) bool { return p.Remove }))
	return win.Value, true
}

func (m *merger) shape(p *Part) Kind {
	v, _ := plain(p).Unmark()
	switch {
	case v.IsNull():
		return String
	case isMap(v):
		return Map
	case isList(v):
		return List
	}
	return String
}

// Text is a value as an explanation shows it.
func Text(v cty.Value) string {
	v, _ = v.UnmarkDeep()
	switch {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "(unknown)"
	case v.Type() == cty.String:
		return fmt.Sprintf("%q", v.AsString())
	case v.Type() == cty.Number:
		return numberText(v)
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	case isList(v):
		var out []string
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			out = append(out, Text(e))
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		key := k.AsString()
		if !identifier(key) {
			key = fmt.Sprintf("%q", key)
		}
		out = append(out, key+" = "+Text(e))
	}
	if len(out) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(out, ", ") + " }"
}

package option

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Element is an element of a list or a set, a piece of lines, or the value of a
// map's key, with the parts that define it and whether they count.
type Element struct {
	Step   string    // the end of its path: [0], ["git"] or .key; "" for a piece of lines
	Index  int       // its place in a list or a set; -1 elsewhere, and if it is gone
	Name   string    // its key, or the text of a string or a number in a list
	Value  cty.Value // even if it is gone; NilVal if nothing gives it one
	Gone   bool      // it is not in the result
	Counts []*Part   // what decides about it
	Beaten []*Part   // what does not count
	Taker  *Part     // the without() that removed what is in Beaten
	Below  []Element
}

// trail records what a merger does at each path.
type trail struct {
	pieces map[string]pieces             // of lists, sets and lines
	keys   map[string]map[string][]*Part // the definitions of each key of a map
	won    map[string][]*Part            // what decides about a value as a whole
	taken  map[string][]theft
}

type pieces struct {
	kind  Kind
	parts []*Part
}

// theft is an element of a list or a key of a map that a without() removes.
type theft struct {
	key      string
	part, by *Part
}

// Trace says where each element of the value that Merge makes of the same parts
// comes from. Removed elements come last.
func Trace(at Path, t Type, parts []*Part) []Element {
	m := &merger{elements: map[string]*Part{}, path: at, trail: &trail{
		pieces: map[string]pieces{}, keys: map[string]map[string][]*Part{}, won: map[string][]*Part{}, taken: map[string][]theft{},
	}}
	slices.SortStableFunc(parts, order)
	v, _ := m.merge(t, parts, 0)
	return m.trail.elements(at, v)
}

func (t *trail) keep(at Path, kind Kind, parts []*Part) {
	if t != nil {
		t.pieces[at.Key()] = pieces{kind, parts}
	}
}

func (t *trail) decide(at Path, parts ...*Part) {
	if t != nil {
		t.won[at.Key()] = append(t.won[at.Key()], parts...)
	}
}

// say records the definitions of a map's keys, before any is dropped.
func (t *trail) say(at Path, all map[string][]*Part) {
	if t != nil {
		t.keys[at.Key()] = all
	}
}

// take records a part that by removes.
func (t *trail) take(at Path, key string, gone, by *Part) {
	if t != nil {
		t.taken[at.Key()] = append(t.taken[at.Key()], theft{key, gone, by})
	}
}

func (t *trail) elements(at Path, v cty.Value) []Element {
	if said := t.keys[at.Key()]; said != nil {
		return t.ofMap(at, v, said)
	}
	made, ok := t.pieces[at.Key()]
	if !ok {
		return nil
	}
	var out []Element
	if made.kind == Lines {
		for _, p := range made.parts {
			out = append(out, Element{Index: -1, Value: p.Value, Counts: []*Part{p}})
		}
	} else {
		out = ofList(v, made)
	}
	for _, gone := range t.taken[at.Key()] {
		x := Element{Index: -1, Value: gone.part.Value, Gone: true, Beaten: []*Part{gone.part}, Taker: gone.by}
		if made.kind != Lines {
			x.named()
		}
		out = append(out, x)
	}
	return out
}

// named gives an element of a list its name, if it has one.
func (x *Element) named() {
	if name, ok := KeyString(x.Value); ok {
		x.Name, x.Step = name, fmt.Sprintf("[%q]", name)
	}
}

// ofList are the elements of a list, or of a set, where equal parts are one
// element.
func ofList(v cty.Value, made pieces) []Element {
	if !known(v) {
		return nil
	}
	parts := slices.Clone(made.parts)
	if made.kind == Set {
		slices.SortStableFunc(parts, func(a, b *Part) int { return compareValues(a.Value, b.Value) })
	}
	var out []Element
	for i, e := range v.AsValueSlice() {
		x := Element{Index: i, Value: e}
		x.named()
		if made.kind != Set || x.Step == "" {
			x.Step = fmt.Sprintf("[%d]", i)
		}
		for len(parts) > 0 && (len(x.Counts) == 0 || made.kind == Set && parts[0].Value.RawEquals(e)) {
			x.Counts, parts = append(x.Counts, parts[0]), parts[1:]
		}
		x.Below = inside(e, x.Counts)
		out = append(out, x)
	}
	return out
}

// inside are the elements of a value that comes from parts as a whole.
func inside(v cty.Value, parts []*Part) []Element {
	if !known(v) || !v.CanIterateElements() {
		return nil
	}
	v, _ = v.Unmark()
	var out []Element
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		x := Element{Index: -1, Value: e, Counts: parts, Below: inside(e, parts)}
		if isMap(v) {
			x.Name, _ = KeyString(k)
			x.Step = keyStep(x.Name)
		} else {
			x.named()
			x.Index, x.Step = len(out), fmt.Sprintf("[%d]", len(out))
		}
		out = append(out, x)
	}
	return out
}

func known(v cty.Value) bool { return v != cty.NilVal && v.IsKnown() && !v.IsNull() }

func keyStep(key string) string {
	if hclsyntax.ValidIdentifier(key) {
		return "." + key
	}
	return fmt.Sprintf("[%q]", key)
}

func (t *trail) ofMap(at Path, v cty.Value, said map[string][]*Part) []Element {
	keys, has := map[string]bool{}, map[string]cty.Value{}
	if v != cty.NilVal {
		if v, _ = v.Unmark(); known(v) && isMap(v) {
			has = v.AsValueMap()
		}
	}
	for key := range has {
		keys[key] = true
	}
	for key := range said {
		keys[key] = true
	}
	takers := map[string]*Part{}
	for _, gone := range t.taken[at.Key()] {
		takers[gone.key] = gone.by
	}
	var out, gone []Element
	for _, key := range sortedKeys(keys) {
		value, there := has[key]
		x := Element{Index: -1, Name: key, Step: keyStep(key), Value: value, Gone: !there, Taker: takers[key], Below: t.elements(at.With(key), value)}
		counts := t.deciding(at.With(key), x.Below)
		for _, p := range said[key] {
			if counts[p.Def] {
				x.Counts = append(x.Counts, p)
			} else {
				x.Beaten = append(x.Beaten, p)
			}
		}
		if there {
			out = append(out, x)
		} else {
			gone = append(gone, x)
		}
	}
	return append(out, gone...)
}

// deciding are the definitions that a value, or a part of it, comes from.
func (t *trail) deciding(at Path, below []Element) map[*Definition]bool {
	out := map[*Definition]bool{}
	for _, p := range t.won[at.Key()] {
		out[p.Def] = true
	}
	for _, x := range below {
		for _, p := range x.Counts {
			out[p.Def] = true
		}
		if x.Taker != nil {
			out[x.Taker.Def] = true
		}
	}
	return out
}

// Find is the element that a path leads to, and the rest of the path after it. It
// finds list elements with the same name as one.
func Find(elems []Element, rest string) (x Element, after string, ok bool) {
	best := ""
	var found []Element
	for _, e := range elems {
		for _, form := range e.forms() {
			tail, fits := strings.CutPrefix(rest, form)
			switch {
			case !fits || form == "" || tail != "" && tail[0] != '.' && tail[0] != '[':
			case len(form) > len(best):
				best, found, after = form, []Element{e}, tail
			case form == best && e.Name == found[0].Name:
				found = append(found, e)
			}
		}
	}
	if len(found) == 0 {
		return x, "", false
	}
	x = found[0]
	if len(found) > 1 {
		x.Step = fmt.Sprintf("[%q]", x.Name)
	}
	for _, e := range found[1:] {
		x.Counts = append(slices.Clip(x.Counts), e.Counts...)
		x.Beaten = append(slices.Clip(x.Beaten), e.Beaten...)
		if x.Taker == nil {
			x.Taker = e.Taker
		}
	}
	return x, after, true
}

// forms are the different ways to write the step to an element.
func (x Element) forms() []string {
	forms := []string{x.Step}
	if index := fmt.Sprintf("[%d]", x.Index); x.Index >= 0 && index != x.Step {
		forms = append(forms, index)
	}
	if x.Name == "" {
		return forms
	}
	for _, form := range []string{"." + x.Name, fmt.Sprintf("[%q]", x.Name)} {
		if form != x.Step {
			forms = append(forms, form)
		}
	}
	if strings.Trim(x.Name, "0123456789") != "" {
		forms = append(forms, "["+x.Name+"]") // a shell removed the quotes; digits are a place
	}
	return forms
}

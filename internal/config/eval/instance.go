package eval

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
)

// instance is a block for one element of its for_each and of those around it.
type instance struct {
	block   *block
	parent  *instance
	key     string      // of the entry, where the block makes one
	path    option.Path // of the innermost entry, nil outside any
	entry   *option.Node
	each    bool
	eachKey string
	seq     int
	gate    gateState
	kids    map[*block]*siblings
	elems   map[*block]map[string]cty.Value // of the for_each of blocks below, once known
}

// siblings are the instances of one block below one parent.
type siblings struct {
	all   []*instance
	byKey map[string][]*instance // where the block makes entries
}

// called lists those that keys do not rule out.
func (s *siblings) called(b *block, keys []string) []*instance {
	if b.entry == nil || b.depth >= len(keys) {
		return s.all
	}
	return s.byKey[keys[b.depth]]
}

type gateState int

const (
	unasked gateState = iota
	open
	closed
	broken
)

// instances lists those of b whose gates are open. keys narrows them to entries of
// these keys, from the outermost map inwards: the gates of entries with other
// labels are not evaluated (language rule 14).
func (e *evaluator) instances(b *block, keys []string) ([]*instance, bool) {
	for at := b; at != nil; at = at.parent {
		if at.fixed() && at.depth < len(keys) && at.label != keys[at.depth] {
			return nil, true
		}
	}
	return e.expand(b, keys)
}

func (b *block) fixed() bool { return b.entry != nil && b.name == nil && b.forEach == nil }

func (e *evaluator) expand(b *block, keys []string) ([]*instance, bool) {
	if b.parent == nil {
		return []*instance{{block: b, gate: open}}, true
	}
	parents, ok := e.parents(b.parent, keys)
	if !ok {
		return nil, false
	}
	var out []*instance
	for _, p := range parents {
		kids, ok := e.children(p, b)
		if !ok {
			return nil, false
		}
		for _, k := range kids.called(b, keys) {
			isOpen, ok := e.isOpen(k)
			if !ok {
				return nil, false
			}
			if isOpen {
				out = append(out, k)
			}
		}
	}
	return out, true
}

// parents keeps one root instance per module, so that its children are found only
// once.
func (e *evaluator) parents(b *block, keys []string) ([]*instance, bool) {
	if b.parent != nil {
		return e.expand(b, keys)
	}
	if b.mod.rootInstance == nil {
		b.mod.rootInstance = &instance{block: b, gate: open}
	}
	return []*instance{b.mod.rootInstance}, true
}

// children are the instances of b below p, with their gates not evaluated, except
// that a when without each is evaluated before for_each.
func (e *evaluator) children(p *instance, b *block) (*siblings, bool) {
	if kids, ok := p.kids[b]; ok {
		return kids, true
	}
	kids := []*instance{}
	switch {
	case b.forEach == nil:
		k := &instance{block: b, parent: p, path: p.path, entry: p.entry, seq: p.seq}
		if !e.nameEntry(k) {
			return nil, false
		}
		kids = append(kids, k)
	default:
		var ok bool
		if kids, ok = e.repeat(p, b); !ok {
			return nil, false
		}
	}
	if p.kids == nil {
		p.kids = map[*block]*siblings{}
	}
	known := &siblings{all: kids}
	if b.entry != nil {
		known.byKey = make(map[string][]*instance, len(kids))
		for _, k := range kids {
			known.byKey[k.key] = append(known.byKey[k.key], k)
		}
	}
	p.kids[b] = known
	return known, true
}

func (e *evaluator) repeat(p *instance, b *block) ([]*instance, bool) {
	if b.when != nil && !mentions(b.when, "each") {
		probe := &instance{block: b, parent: p, path: p.path, entry: p.entry}
		if isOpen, ok := e.isOpen(probe); !ok || !isOpen {
			return nil, ok
		}
	}
	elems, ok := e.forEach(p, b)
	if !ok {
		return nil, false
	}
	var out []*instance
	for i, key := range elems {
		k := &instance{block: b, parent: p, path: p.path, entry: p.entry, each: true, eachKey: key, seq: i}
		if !e.nameEntry(k) {
			return nil, false
		}
		out = append(out, k)
	}
	return out, true
}

// forEach returns the sorted keys of a for_each. Its values may still be unknown.
func (e *evaluator) forEach(p *instance, b *block) ([]string, bool) {
	sc := &scope{mod: b.mod, inst: p}
	v, ok := e.until(b.forEach, sc, func(v cty.Value) bool {
		v, _ = v.Unmark()
		if v.Type().IsObjectType() || v.Type().IsMapType() {
			return v.IsKnown()
		}
		return v.IsWhollyKnown()
	})
	if !ok {
		return nil, false
	}
	elems, err := eachElements(v)
	if err != nil {
		e.fail(b.forEach.Range().Ptr(), "Invalid for_each", report.Sentence(err))
		return nil, false
	}
	if v.IsWhollyKnown() {
		p.keepElements(b, elems)
	}
	return sortedKeys(elems), true
}

// keepElements records each.value for the instances of b below p.
func (p *instance) keepElements(b *block, elems map[string]cty.Value) {
	if p.elems == nil {
		p.elems = map[*block]map[string]cty.Value{}
	}
	p.elems[b] = elems
}

func keyOfSecret(name string) error {
	return fmt.Errorf("a key of for_each would be the placeholder of secret %q, which hostctl replaces only in the content of files", name)
}

func eachElements(v cty.Value) (map[string]cty.Value, error) {
	v, marks := v.Unmark()
	out := map[string]cty.Value{}
	if s := function.SecretsIn(cty.True.WithMarks(marks)); len(s) > 0 {
		return nil, keyOfSecret(s[0])
	}
	if v.IsNull() {
		return out, nil
	}
	t := v.Type()
	isMap := t.IsObjectType() || t.IsMapType()
	if !isMap && !t.IsSetType() && !t.IsTupleType() && !t.IsListType() {
		return nil, fmt.Errorf("for_each takes a map, or a set of strings, not %s", t.FriendlyName())
	}
	for it := v.ElementIterator(); it.Next(); {
		k, elem := it.Element()
		if !isMap {
			k = elem
		}
		if s := function.SecretsIn(k); len(s) > 0 {
			return nil, keyOfSecret(s[0])
		}
		key, ok := option.KeyString(k)
		if !ok {
			return nil, fmt.Errorf("for_each takes a map, or a set of strings; turn it into a map with { for x in LIST : KEY => x }")
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("for_each has %q twice", key)
		}
		out[key] = elem
	}
	return out, nil
}

// nameEntry finds the key of an instance that makes an entry (language rule 4).
func (e *evaluator) nameEntry(k *instance) bool {
	b := k.block
	if b.entry == nil {
		return true
	}
	switch {
	case b.name != nil:
		v, ok := e.value(b.name, &scope{mod: b.mod, inst: k})
		if !ok {
			return false
		}
		key, isKey := option.KeyString(v)
		if !isKey {
			e.fail(b.name.Range().Ptr(), "Invalid name", fmt.Sprintf("The name of an entry is a string, not %s.", option.Describe(v)))
			return false
		}
		k.key = key
	case b.forEach != nil:
		k.key = k.eachKey
	default:
		k.key = b.label
	}
	k.path = concrete(b.entry.Path, append(k.parent.keys(), k.key))
	k.entry = b.entry
	return true
}

// around is the innermost for_each instance around k, or nil.
func (k *instance) around() *instance {
	for k != nil && !k.each {
		k = k.parent
	}
	return k
}

// keys are the keys of the entries around the instance, outermost first.
func (k *instance) keys() []string {
	if k == nil {
		return nil
	}
	keys := k.parent.keys()
	if k.block.entry != nil && k.entry == k.block.entry {
		return append(keys, k.key)
	}
	return keys
}

// concrete replaces the stars of a declared path with keys.
func concrete(p option.Path, keys []string) option.Path {
	out := slices.Clone(p)
	for i, s := range out {
		if s == option.Any && len(keys) > 0 {
			out[i], keys = keys[0], keys[1:]
		}
	}
	return out
}

// keysOf are the keys in a concrete path of node n's shape.
func keysOf(n *option.Node, p option.Path) []string {
	var keys []string
	for i, s := range n.Path {
		if s == option.Any && i < len(p) {
			keys = append(keys, p[i])
		}
	}
	return keys
}

func (e *evaluator) isOpen(k *instance) (isOpen, ok bool) {
	if k.block.when == nil {
		return true, true
	}
	if k.gate == unasked {
		k.gate = e.askGate(k)
	}
	return k.gate == open, k.gate != broken
}

func (e *evaluator) askGate(k *instance) gateState {
	when := k.block.when
	e.stack = append(e.stack, frame{gate: true, rng: when.Range()})
	defer func() { e.stack = e.stack[:len(e.stack)-1] }()
	v, ok := e.value(when, &scope{mod: k.block.mod, inst: k})
	if !ok {
		return broken
	}
	if v.IsNull() {
		return closed
	}
	isTrue, ok := e.truth(v, when, "A when")
	switch {
	case !ok:
		return broken
	case isTrue:
		return open
	}
	return closed
}

// mentions reports whether an expression refers to the root called name.
func mentions(expr hcl.Expression, name string) bool {
	return slices.ContainsFunc(meter.Traversals(expr), func(t hcl.Traversal) bool { return t.RootName() == name })
}

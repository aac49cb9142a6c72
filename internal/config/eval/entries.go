package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// maker is one definition of an entry. Cuts decide whether it counts.
type maker struct {
	key string
	def *option.Definition
}

// resolveKeys lists the keys of a map. It evaluates every when, for_each and name,
// and no option.
func (e *evaluator) resolveKeys(c *cell) {
	makers, ok := e.makers(c.node, c.path, nil)
	c.bad = c.bad || !ok
	cuts, ok := e.cutsOf(c.node, c.path)
	c.bad = c.bad || !ok
	seen := map[string]bool{}
	for _, m := range makers {
		if !seen[m.key] && !cut(cuts, m.key, m.def, m.def.Priority) {
			seen[m.key] = true
			c.keys = append(c.keys, m.key)
		}
	}
	slices.Sort(c.keys)
}

// resolveEntry evaluates only what may make this one entry (language rule 14).
func (e *evaluator) resolveEntry(c *cell) {
	outer := c.path[:len(c.path)-1]
	makers, ok := e.makers(c.node, outer, &c.key)
	c.bad = c.bad || !ok
	cuts, ok := e.cutsOf(c.node, outer)
	c.bad = c.bad || !ok
	c.exists = slices.ContainsFunc(makers, func(m maker) bool {
		return m.key == c.key && !cut(cuts, m.key, m.def, m.def.Priority)
	})
}

// makers are the definitions of entries of the map n at p; of one key if only is
// given.
func (e *evaluator) makers(n *option.Node, p option.Path, only *string) ([]maker, bool) {
	keys := keysOf(n, p)
	fine := true
	var out []maker
	narrowed := keys
	if only != nil {
		narrowed = append(slices.Clip(keys), *only)
	}
	blocks := slices.Values(e.entries[n].list())
	if only != nil {
		blocks = e.entries[n].about(narrowed, (*block).itself)
	}
	for b := range blocks {
		insts, ok := e.instances(b, narrowed)
		fine = fine && ok
		for _, inst := range insts {
			def := &option.Definition{Source: b.mod.source, Range: b.rng, Priority: option.Plain, Seq: inst.seq, Site: &site{inst: inst}}
			out = append(out, maker{key: inst.key, def: def})
		}
	}
	for i := 0; i <= len(p); i++ {
		at, _ := e.root.Find(p[:i])
		for _, d := range e.dynamic[at] {
			insts, ok := e.instances(d.block, keysOf(at, p))
			fine = fine && ok
			for _, inst := range insts {
				v, ok := e.dynamicValue(d, inst)
				fine = fine && ok
				out = append(out, e.makersIn(v, ok, p[i:], d, inst)...)
			}
		}
	}
	return out, fine
}

func (e *evaluator) makersIn(v cty.Value, ok bool, rest option.Path, d *rawDef, inst *instance) []maker {
	if !ok {
		return nil
	}
	for _, key := range rest {
		v = attribute(v, key)
	}
	if v == cty.NilVal || v.IsNull() {
		return nil
	}
	v, _ = v.Unmark()
	if !v.CanIterateElements() {
		return nil
	}
	var out []maker
	for it := v.ElementIterator(); it.Next(); {
		k, elem := it.Element()
		if key, isKey := option.KeyString(k); isKey && !elem.IsNull() {
			out = append(out, maker{key: key, def: e.newDefinition(d, inst)})
		}
	}
	return out
}

// cutting removes entries from a map: those of without(), or all but those of
// force().
type cutting struct {
	keys   []string
	except bool
	source *option.Source
	force  bool
	at     hcl.Range
}

func (e *evaluator) cutsOf(n *option.Node, p option.Path) ([]cutting, bool) {
	var out []cutting
	for _, d := range e.cuts[n] {
		insts, ok := e.instances(d.block, keysOf(n, p))
		if !ok {
			return nil, false
		}
		for _, inst := range insts {
			v, ok := e.value(d.expr, &scope{mod: d.block.mod, inst: inst})
			if !ok {
				return nil, false
			}
			out = append(out, cutting{keys: namedKeys(v), except: !d.mod.remove, source: d.block.mod.source, force: d.mod.priority == option.Force, at: d.expr.Range()})
		}
	}
	return out, true
}

// namedKeys are the keys of a map, the elements of a list, or a single string.
func namedKeys(v cty.Value) []string {
	v, _ = v.UnmarkDeep()
	if key, ok := option.KeyString(v); ok {
		return []string{key}
	}
	if v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	isMap := v.Type().IsObjectType() || v.Type().IsMapType()
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		k, elem := it.Element()
		if !isMap {
			k = elem
		}
		if key, ok := option.KeyString(k); ok {
			out = append(out, key)
		}
	}
	return out
}

func cut(cuts []cutting, key string, def *option.Definition, priority option.Priority) bool {
	return slices.ContainsFunc(cuts, func(c cutting) bool {
		weaker := priority == option.OptionDefault || def.Source.Layer < c.source.Layer
		if c.force {
			weaker = weaker || priority < option.Force
		}
		return weaker && slices.Contains(c.keys, key) != c.except
	})
}

// cutAway reports whether a definition belongs to an entry that a stronger
// definition removes from its map.
func (e *evaluator) cutAway(c *cell, p *option.Part) bool {
	for i := 1; i < len(c.path); i++ {
		n, _ := e.root.Find(c.path[:i])
		if n.Entry == nil || len(e.cuts[n]) == 0 {
			continue
		}
		cuts, ok := e.cutsOf(n, c.path[:i])
		c.bad = c.bad || !ok
		if cut(cuts, c.path[i], p.Def, p.Priority) {
			return true
		}
	}
	return false
}

// keysOfMap are the known keys of a map, for did-you-mean: those that blocks
// name, evaluated or not.
func (e *evaluator) keysOfMap(n *option.Node, p option.Path) []string {
	if c := e.keysCell(n, p); c.state == resolved {
		return c.keys
	}
	var out []string
	for _, b := range e.entries[n].list() {
		if b.fixed() {
			out = append(out, b.label)
		}
	}
	return out
}

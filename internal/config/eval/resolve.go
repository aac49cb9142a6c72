package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/option"
)

// cell is one thing that evaluation can resolve: the value of an option, the keys
// of a map, or whether a map has a key.
type cell struct {
	sort  cellSort
	node  *option.Node
	path  option.Path
	key   string // of entry cells
	state cellState
	bad   bool

	merged  option.Merged
	defs    []*option.Definition
	keys    []string  // of keys cells, sorted
	names   cty.Value // the map of them, once something read only its keys
	exists  bool
	certain bool // an entry that a block without conditions makes
}

type cellSort int

const (
	leafSort cellSort = iota
	keysSort
	entrySort
)

type cellState int

const (
	fresh cellState = iota
	busy
	resolved
)

// frame is one step of the current resolution, for the report of a cycle.
type frame struct {
	cell *cell
	gate bool
	rng  hcl.Range // of the read that asked
}

func (e *evaluator) leafCell(n *option.Node, p option.Path) *cell {
	return e.cellFor("=", &cell{sort: leafSort, node: n, path: p})
}

func (e *evaluator) keysCell(n *option.Node, p option.Path) *cell {
	return e.cellFor("*", &cell{sort: keysSort, node: n, path: p})
}

func (e *evaluator) entryCell(n *option.Node, p option.Path, key string) *cell {
	c := e.cellFor("?", &cell{sort: entrySort, node: n, path: p.With(key), key: key})
	if c.state == fresh && !c.certain && len(e.cuts[n]) == 0 {
		keys := keysOf(n.Entry, c.path)
		for b := range e.entries[n].about(keys, (*block).itself) {
			c.certain = c.certain || b.makes(keys)
		}
	}
	return c
}

// makes reports whether b makes the entry of these keys in any case.
func (b *block) makes(keys []string) bool {
	for at := b; at != nil; at = at.parent {
		if at.when != nil || at.forEach != nil || at.entry != nil && (at.name != nil || at.label != keys[at.depth]) {
			return false
		}
	}
	return true
}

func (e *evaluator) cellFor(sort string, c *cell) *cell {
	key := sort + c.path.Key()
	if old := e.cells[key]; old != nil {
		return old
	}
	c.path = slices.Clone(c.path)
	e.cells[key] = c
	return c
}

// resolve resolves a cell. It is false if the cell is already being resolved: a
// cycle, which it reports.
func (e *evaluator) resolve(c *cell, at hcl.Range) bool {
	switch c.state {
	case resolved:
		return true
	case busy:
		e.cycle(c, at)
		return false
	}
	c.state = busy
	e.stack = append(e.stack, frame{cell: c, rng: at})
	switch c.sort {
	case leafSort:
		e.resolveLeaf(c)
	case keysSort:
		e.resolveKeys(c)
	case entrySort:
		e.resolveEntry(c)
	}
	e.stack = e.stack[:len(e.stack)-1]
	c.state = resolved
	return true
}

// cycle reports the steps that lead from c back to c, each with the
// expression that asked for the next.
func (e *evaluator) cycle(c *cell, at hcl.Range) {
	start := slices.IndexFunc(e.stack, func(f frame) bool { return f.cell == c })
	steps := e.stack[start:]
	var b strings.Builder
	gated := false
	for i, f := range steps {
		asked := at
		if i+1 < len(steps) {
			asked = steps[i+1].rng
		}
		gated = gated || f.gate
		if !f.gate {
			fmt.Fprintf(&b, "  %s needs, at %s,\n", f.cell.path, option.At(asked))
		}
	}
	detail := fmt.Sprintf("The value of %s depends on itself:\n%s  %s.", c.path, b.String(), c.path)
	if gated {
		detail += " A when reads what its own block defines: move that definition out of the block."
	}
	if !gated {
		detail += " Give one of them a value that does not come from the others."
	}
	e.fail(&at, "Cycle", detail)
	for _, f := range steps {
		if f.cell != nil {
			f.cell.bad = true
		}
	}
}

// site is what a definition remembers about its place.
type site struct {
	inst *instance
	raw  *rawDef
}

func (e *evaluator) resolveLeaf(c *cell) {
	decl := e.declaration(c.node)
	var parts []*option.Part
	if decl.Default != nil {
		if p, ok := e.defaultPart(c, decl); ok {
			parts = append(parts, p)
			c.defs = append(c.defs, p.Def)
		} else {
			c.bad = true
		}
	}
	parts = append(parts, e.definitions(c)...)
	if c.bad {
		return
	}
	merged, diags := option.Merge(c.path, decl.Type, parts)
	e.report(diags)
	c.merged, c.bad = merged, diags.HasErrors()
	if decl.ReadOnly && len(c.defs) > 1 {
		e.fail(c.defs[1].Range.Ptr(), "Read-only option", fmt.Sprintf("%s is computed from other options and cannot be set.", c.path))
	}
	if !c.bad {
		e.checkKeys(c, decl)
		e.checkPackages(c, decl.Type, c.merged.Value)
		e.validate(c, decl)
	}
}

func (e *evaluator) defaultPart(c *cell, decl *option.Declaration) (*option.Part, bool) {
	home := e.homes[c.node]
	entry, self := e.entryAround(c.node, c.path)
	def := &option.Definition{Source: home.source, Range: decl.Default.Range(), Priority: option.OptionDefault}
	return e.part(decl.Default, &scope{mod: home, self: self, entry: entry}, option.Part{Def: def, Priority: option.OptionDefault})
}

// entryAround is the innermost map entry that an option at p belongs to.
func (e *evaluator) entryAround(n *option.Node, p option.Path) (*option.Node, option.Path) {
	for i := len(n.Path) - 1; i >= 0; i-- {
		if n.Path[i] == option.Any {
			entry, _ := e.root.Find(p[:i+1])
			return entry, p[:i+1]
		}
	}
	return nil, nil
}

// definitions collects what all blocks and maps say about an option. If one of
// them failed, the cell turns bad.
func (e *evaluator) definitions(c *cell) []*option.Part {
	var parts []*option.Part
	add := func(p *option.Part) {
		if !e.cutAway(c, p) {
			parts = append(parts, p)
		}
		c.defs = append(c.defs, p.Def)
	}
	keys := keysOf(c.node, c.path)
	for d := range e.defs[c.node].about(keys, (*rawDef).within) {
		insts, ok := e.instances(d.block, keys)
		if !ok {
			c.bad = true
		}
		for _, inst := range insts {
			if p, ok := e.definition(d, inst); ok {
				add(p)
			} else {
				c.bad = true
			}
		}
	}
	for i := range c.path {
		n, _ := e.root.Find(c.path[:i])
		for _, d := range e.dynamic[n] {
			for _, p := range e.dynamicParts(c, d, n, c.path[i:]) {
				add(p)
			}
		}
	}
	return parts
}

func (e *evaluator) newDefinition(d *rawDef, inst *instance) *option.Definition {
	return &option.Definition{
		Source: d.block.mod.source, Range: d.rng, Priority: d.mod.priority, Seq: inst.seq, Site: &site{inst: inst, raw: d},
	}
}

func (e *evaluator) definition(d *rawDef, inst *instance) (*option.Part, bool) {
	def := e.newDefinition(d, inst)
	start := option.Part{Def: def, Range: d.rng, Priority: d.mod.priority, Place: d.mod.place, Remove: d.mod.remove}
	var p *option.Part
	if d.expr == nil {
		start.Value = cty.EmptyObjectVal
		p = &start
	} else {
		var ok bool
		if p, ok = e.part(d.expr, &scope{mod: d.block.mod, inst: inst}, start); !ok {
			return nil, false
		}
	}
	def.Priority = p.Priority
	for _, key := range slices.Backward(d.sub) {
		outer := start
		outer.Literal, outer.Fields, outer.Value = option.ObjectLiteral, map[string]*option.Part{key: p}, cty.NilVal
		p = &outer
	}
	return p, true
}

// dynamicParts looks up what a computed map says about an option.
func (e *evaluator) dynamicParts(c *cell, d *rawDef, n *option.Node, rest option.Path) []*option.Part {
	insts, ok := e.instances(d.block, keysOf(n, c.path))
	c.bad = c.bad || !ok
	var parts []*option.Part
	for _, inst := range insts {
		v, ok := e.dynamicValue(d, inst)
		if !ok {
			c.bad = true
			continue
		}
		for _, key := range rest {
			v = attribute(v, key)
		}
		if v == cty.NilVal {
			continue
		}
		def := e.newDefinition(d, inst)
		parts = append(parts, &option.Part{Def: def, Range: d.rng, Priority: d.mod.priority, Place: d.mod.place, Value: v})
	}
	return parts
}

// attribute is v[key], or NilVal if v has none.
func attribute(v cty.Value, key string) cty.Value {
	if v == cty.NilVal || v.IsNull() {
		return cty.NilVal
	}
	v, _ = v.Unmark()
	switch {
	case v.Type().IsObjectType() && v.Type().HasAttribute(key):
		return v.GetAttr(key)
	case v.Type().IsMapType() && v.HasIndex(cty.StringVal(key)).True():
		return v.Index(cty.StringVal(key))
	}
	return cty.NilVal
}

func (e *evaluator) dynamicValue(d *rawDef, inst *instance) (cty.Value, bool) {
	v, ok := e.value(d.expr, &scope{mod: d.block.mod, inst: inst})
	if !ok {
		return v, false
	}
	if !v.IsNull() && !v.Type().IsObjectType() && !v.Type().IsMapType() {
		e.fail(d.expr.Range().Ptr(), "Wrong type", takesEntries(d.node, v))
		return v, false
	}
	e.knownKeys(d.node, v, d.expr.Range())
	return v, true
}

func takesEntries(n *option.Node, v cty.Value) string {
	if n.Entry == nil {
		return fmt.Sprintf("Expected an entry with its options, { NAME = VALUE }, got %s.", option.Describe(v))
	}
	return fmt.Sprintf("%s is a map of entries, got %s. Write %s \"NAME\" { ... } for each.", n.Path, option.Describe(v), n.Path[len(n.Path)-1])
}

// knownKeys reports attributes of a computed map that are not options.
func (e *evaluator) knownKeys(n *option.Node, v cty.Value, rng hcl.Range) {
	v, _ = v.Unmark()
	if n.IsOption() || v.IsNull() || !v.CanIterateElements() || e.incomplete {
		return
	}
	for it := v.ElementIterator(); it.Next(); {
		k, elem := it.Element()
		key, _ := option.KeyString(k)
		switch {
		case n.Entry != nil:
			e.knownKeys(n.Entry, elem, rng)
		case n.Children[key] != nil:
			e.touched[n.Children[key]] = true
			e.knownKeys(n.Children[key], elem, rng)
		case e.renamedKey(n, key, rng):
		default:
			e.fail(&rng, "Unknown option", n.Unknown(e.root, n.Path, key))
		}
	}
}

func (e *evaluator) validate(c *cell, decl *option.Declaration) {
	if len(decl.Validations) == 0 || !c.merged.Defined {
		return
	}
	entry, self := e.entryAround(c.node, c.path)
	sc := &scope{mod: e.homes[c.node], self: self, entry: entry, value: c.merged.Value}
	for _, check := range decl.Validations {
		v, ok := e.value(check.Condition, sc)
		depends := function.SecretsIn(v)
		v, _ = v.Unmark()
		if holds := v.Type() == cty.Bool && !v.IsNull() && v.True(); !ok || holds && len(depends) == 0 {
			continue
		}
		at := decl.Range
		for _, d := range c.defs {
			if d.Wins {
				at = d.Range
			}
		}
		c.bad = true
		// can() hides on what its answer depends.
		if names := append(depends, function.SecretsIn(c.merged.Value)...); len(names) > 0 {
			e.fail(&at, "Misplaced secret", fmt.Sprintf("%s: its validation at %s cannot check secret %q: what it holds is known only on the host, when it activates.", c.path, option.At(check.Condition.Range()), names[0]))
			continue
		}
		message, _ := e.value(check.Message, sc)
		e.fail(&at, "Invalid value", fmt.Sprintf("%s: %s", c.path, plainText(message)))
	}
}

func plainText(v cty.Value) string {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		return v.AsString()
	}
	return option.Text(v)
}

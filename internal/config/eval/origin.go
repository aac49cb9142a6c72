package eval

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

type debianInput = flake.DebianInput

// maxSteps is the number of library definitions through which a cause is
// followed.
const maxSteps = 8

// cause is the line that something comes from: the user's, or if there is none,
// that of the library module that asked for it.
type cause struct {
	def *option.Definition
	at  hcl.Range
}

func (c *cause) byUser() bool { return c != nil && c.def.Source.Layer != option.Library }

func (c *cause) origin() spec.Origin {
	return spec.Origin{File: c.at.Filename, Line: c.at.Start.Line, Layer: c.def.Source.Layer.String()}
}

// stronger picks the cause of the stronger layer; within a layer that of the file
// that imports the other; of equals the first.
func stronger(a, b *cause) *cause {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	x, y := a.def.Source, b.def.Source
	if y.Layer > x.Layer || y.Layer == x.Layer && y.Over(x) {
		return b
	}
	return a
}

// entryOrigin is the line that made an entry: a library line only if no line of
// the user's did.
func (e *evaluator) entryOrigin(n *option.Node, p option.Path, key string) spec.Origin {
	if c := e.entryCause(n, p, key, 0); c != nil {
		return c.origin()
	}
	makers, _ := e.makers(n, p, &key)
	for _, m := range makers {
		if m.key == key {
			return (&cause{def: m.def, at: m.def.Range}).origin()
		}
	}
	return spec.Origin{}
}

// elementOrigin is the line that put an element into a list, or a key into a map.
func (e *evaluator) elementOrigin(key string, p *option.Part) spec.Origin {
	c := e.cause(p.Def, p.Range, key, 0)
	if c == nil {
		c = &cause{def: p.Def, at: p.Range}
	}
	return c.origin()
}

// entryRange is the place of an entry, for an error about all of it.
func (e *evaluator) entryRange(p option.Path) *hcl.Range {
	outer := p[:len(p)-1]
	n, _ := e.root.Find(outer)
	key := p[len(p)-1]
	if c := e.entryCause(n, outer, key, 0); c != nil {
		return &c.at
	}
	makers, _ := e.makers(n, outer, &key)
	for _, m := range makers {
		if m.key == key {
			return m.def.Range.Ptr()
		}
	}
	return nil
}

// decidedAt is the place to report a wrong option of the entry at p: the user's
// line that decides it, or else the line that makes the entry.
func (e *evaluator) decidedAt(c *cell, p option.Path) *hcl.Range {
	if d := c.winner(); d != nil {
		if why := e.cause(d, d.Range, "", 0); why.byUser() {
			return &why.at
		}
	}
	if at := e.entryRange(p); at != nil {
		return at
	}
	return c.strongest()
}

// entryCause is the user's strongest definition that makes an entry, or that made
// the library make it.
func (e *evaluator) entryCause(n *option.Node, p option.Path, key string, depth int) *cause {
	makers, _ := e.makers(n, p, &key)
	var best *cause
	for _, m := range makers {
		if m.key == key && m.def.Source.Layer != option.Library {
			best = stronger(best, &cause{def: m.def, at: m.def.Range})
		}
	}
	if best != nil {
		return best
	}
	for _, m := range makers {
		if m.key == key {
			best = stronger(best, e.cause(m.def, m.def.Range, key, depth))
		}
	}
	return best
}

// cause follows a library definition to the user's line that caused it: the source
// of its element called key, the element of the for_each around it, the option
// that a when reads, or, without any of these, what its value is made of. It is
// nil if it finds nothing: a line that may be unrelated is worse than the
// definition's own.
func (e *evaluator) cause(d *option.Definition, at hcl.Range, key string, depth int) *cause {
	if d.Source.Layer != option.Library {
		return &cause{def: d, at: at}
	}
	s, ok := d.Site.(*site)
	if !ok || depth > maxSteps {
		return nil
	}
	t := &tracer{e: e, mod: s.inst.block.mod, inst: s.inst, names: e.names(s.inst, key), depth: depth}
	var best *cause
	for _, way := range s.ways(key) {
		if best = stronger(best, t.follow(way.expr, way.accept)); best.byUser() {
			return best
		}
	}
	if s.raw == nil {
		best = stronger(best, t.body())
	}
	return best
}

// way is an expression in which a cause may be found.
type way struct {
	expr   hcl.Expression
	accept relation
}

// ways are those of a definition, the most specific first.
func (s *site) ways(key string) []way {
	var out []way
	value := s.raw != nil && s.raw.expr != nil
	if value {
		out = append(out, way{s.raw.expr, named})
	}
	for inst := s.inst; inst != nil; inst = inst.parent {
		if inst.each {
			out = append(out, way{inst.block.forEach, scalars})
		}
		if inst.block.when != nil {
			out = append(out, way{inst.block.when, anything})
		}
	}
	if value && key == "" {
		out = append(out, way{s.raw.expr, anything})
	}
	return out
}

// names are the words that identify what a definition makes: its key, and each.key
// and the strings in each.value of the loops around it.
func (e *evaluator) names(inst *instance, key string) map[string]bool {
	names := map[string]bool{key: true}
	for ; inst != nil; inst = inst.parent {
		if !inst.each {
			continue
		}
		names[inst.eachKey] = true
		r := &reading{e: e}
		v, _ := r.element(inst).UnmarkDeep()
		if name, ok := option.KeyString(v); ok {
			names[name] = true
		}
		if !v.IsKnown() || v.IsNull() || !v.Type().IsObjectType() {
			continue
		}
		for _, part := range v.AsValueMap() {
			if name, ok := option.KeyString(part); ok {
				names[name] = true
			}
		}
	}
	delete(names, "")
	return names
}

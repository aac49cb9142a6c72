package eval

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

type debianInput = flake.DebianInput

// entryOrigin is the definition that brought an entry about: the strongest
// of those that make it.
func (e *evaluator) entryOrigin(n *option.Node, p option.Path, key string) spec.Origin {
	makers, _ := e.makers(n, p, &key)
	var best *option.Definition
	for _, m := range makers {
		if m.key == key && (best == nil || best.Source.Layer < m.def.Source.Layer) {
			best = m.def
		}
	}
	if best == nil {
		return spec.Origin{}
	}
	return e.origin(best)
}

// entryRange is the place of an entry, for an error about the whole of it.
func (e *evaluator) entryRange(p option.Path) *hcl.Range {
	outer := p[:len(p)-1]
	n, _ := e.root.Find(outer)
	key := p[len(p)-1]
	makers, _ := e.makers(n, outer, &key)
	for _, m := range makers {
		if m.key == key {
			return m.def.Range.Ptr()
		}
	}
	return nil
}

// origin is where a definition stands. For one in the library it is rather
// the line of the user's that made it happen: the element of the for_each, or
// the definition of the option that the when asks for.
func (e *evaluator) origin(d *option.Definition) spec.Origin {
	if user := e.cause(d, 0); user != nil {
		d = user
	}
	return spec.Origin{File: d.Range.Filename, Line: d.Range.Start.Line, Layer: d.Source.Layer.String()}
}

// cause follows a library definition to a user's; nil where there is none
// within a few steps.
func (e *evaluator) cause(d *option.Definition, depth int) *option.Definition {
	if d.Source.Layer != option.Library {
		return d
	}
	s, ok := d.Site.(*site)
	if !ok || depth > 8 {
		return nil
	}
	for inst := s.inst; inst != nil; inst = inst.parent {
		if inst.each {
			if u := e.causeOf(inst.block.forEach, inst.eachKey, depth); u != nil {
				return u
			}
		}
		if inst.block.when != nil {
			if u := e.causeOf(inst.block.when, "", depth); u != nil {
				return u
			}
		}
	}
	return nil
}

// causeOf looks at the options that an expression reads, for the element
// called key first.
func (e *evaluator) causeOf(expr hcl.Expression, key string, depth int) *option.Definition {
	for _, t := range expr.Variables() {
		if t.RootName() != "config" {
			continue
		}
		p := option.Steps(t)[1:]
		n, taken := e.root.Find(p)
		if n.IsOption() {
			c := e.leafCell(n, p[:taken])
			if u := e.causeIn(c, key, depth); u != nil {
				return u
			}
			continue
		}
		if n.Entry != nil && taken == len(p) && key != "" {
			makers, _ := e.makers(n, p, &key)
			for _, m := range makers {
				if u := e.cause(m.def, depth+1); m.key == key && u != nil {
					return u
				}
			}
		}
	}
	return nil
}

func (e *evaluator) causeIn(c *cell, key string, depth int) *option.Definition {
	if c.state != resolved {
		return nil
	}
	if d := c.merged.Elements[key]; d != nil {
		if u := e.cause(d, depth+1); u != nil {
			return u
		}
	}
	for _, d := range c.defs {
		if d.Wins {
			if u := e.cause(d, depth+1); u != nil {
				return u
			}
		}
	}
	return nil
}

package lsp

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// traversal offers what may follow config., args., input. and the others.
func (c *completion) traversal(steps []string) {
	switch steps[0] {
	case "config":
		s := reading(c.result, steps[1:])
		c.below(s)
	case "args":
		c.members(c.result.Args(), steps[1:])
	case "input":
		c.input(steps[1:])
	case "local":
		if len(steps) == 1 {
			c.words(kindVariable, "local", slices.Sorted(maps.Keys(localsOf(c.text.src)))...)
		}
	case "host":
		c.words(kindVariable, "", "name", "system", "template")
	case "each":
		c.words(kindVariable, "", "key", "value", "parent")
	case "self":
		c.self(steps[1:])
	}
}

// below offers the options below a spot, or the keys of its entries.
func (c *completion) below(s spot) {
	if s.node == nil {
		return
	}
	for _, key := range c.result.Keys(s.path) {
		if hclsyntax.ValidIdentifier(key) {
			c.words(kindVariable, "", key)
		}
	}
	for _, name := range s.node.Names() {
		item := completionItem{Label: name, Kind: kindModule, Detail: c.kindOf(s.node.Children[name])}
		if d := c.result.Declaration(s.node.Children[name]); d != nil {
			item.Kind, item.Detail, item.Documentation = kindProperty, d.Type.String(), markdown(c.declared(d))
		}
		c.add(item, name)
	}
	if n := len(s.path); n > 0 && s.node.Path[len(s.node.Path)-1] == option.Any && !s.node.IsOption() {
		c.words(kindVariable, "the entry's key", "name")
	}
	if s.typ != nil && s.typ.Kind == option.Object {
		c.words(kindField, "", slices.Sorted(maps.Keys(s.typ.Attrs))...)
	}
}

// self is the innermost entry around the cursor.
func (c *completion) self(steps []string) {
	in := *c.cursor
	for len(in.levels) > 1 {
		s := spotAt(c.result, &in, false)
		if s.node != nil && len(s.node.Path) > 0 && s.node.Path[len(s.node.Path)-1] == option.Any {
			for _, name := range steps {
				s.enter(c.result, name)
			}
			c.below(s)
			return
		}
		in.levels = in.levels[:len(in.levels)-1]
	}
}

// members offers the attributes of a known value.
func (c *completion) members(v cty.Value, steps []string) {
	for _, name := range steps {
		v = member(v, name)
	}
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v.AsValueMap())) {
		c.add(completionItem{Label: name, Kind: kindVariable, Detail: option.Text(member(v, name))}, name)
	}
}

func member(v cty.Value, name string) cty.Value {
	if v == cty.NilVal {
		return v
	}
	v, _ = v.UnmarkDeep()
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return cty.NilVal
	}
	return v.GetAttr(name)
}

func (c *completion) input(steps []string) {
	if len(steps) == 0 {
		c.words(kindVariable, "input", c.flake.InputNames()...)
		return
	}
	in := c.flake.Input(steps[0])
	if in == nil {
		return
	}
	if len(steps) == 1 {
		if in.Debian != nil {
			c.words(kindVariable, "", "name", "suite", "url")
			return
		}
		c.words(kindVariable, "", "modules", "name", "packages", "path", "rev", "templates", "url")
		return
	}
	c.words(kindVariable, "", slices.Sorted(maps.Keys(c.exports(steps[0], steps[1])))...)
}

// exports are an input's exports of one kind; none if it cannot be opened, which a
// diagnostic reports.
func (q *request) exports(input, kind string) map[string]string {
	in := q.flake.Input(input)
	if in == nil || in.Open(q.server.ctx) != nil {
		return nil
	}
	f, _ := in.Flake()
	if f == nil {
		return nil
	}
	switch kind {
	case "modules":
		return f.Exports.Modules
	case "templates":
		return f.Exports.Templates
	case "packages":
		return f.Exports.Packages
	}
	return nil
}

package lsp

import (
	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/option"
)

// spot is the part of the option tree that a place in a module is about.
type spot struct {
	node  *option.Node // nil: not in the tree
	path  option.Path  // of node; * for a computed key
	typ   *option.Type // at and below an option
	block string       // option, locals, assert, ...: one of the language's own blocks
}

// spotAt follows the nesting around a cursor through the option tree. With value,
// it goes on to what the item at the cursor defines.
func spotAt(r *eval.Result, c *cursor, value bool) spot {
	s := spot{node: r.Options()}
	for i, l := range c.levels[1:] {
		outer := c.levels[i]
		if l.kind == body {
			s.enterBlock(r, &l, i == 0)
			continue
		}
		if outer.kind == body || outer.kind == object {
			if !outer.value {
				continue // the label of a block
			}
			s.enter(r, outer.key)
		}
		s.enterValue(&l)
	}
	if t := c.top(); value && t.value && (t.kind == body || t.kind == object) {
		s.enter(r, t.key)
	}
	return s
}

// enterBlock goes into NAME "label" { }.
func (s *spot) enterBlock(r *eval.Result, l *level, top bool) {
	if top && option.Reserved(l.name, true) {
		if l.name != "config" {
			*s = spot{block: l.name}
		}
		return
	}
	if s.block != "" {
		s.block += "." + l.name
		return
	}
	s.enter(r, l.name)
	if s.node == nil {
		return
	}
	keys := l.labels
	if s.node.Entry != nil && len(keys) == 0 {
		keys = []string{option.Any}
	}
	for _, k := range keys {
		s.enter(r, k)
	}
}

// enter goes to the child of s called name.
func (s *spot) enter(r *eval.Result, name string) {
	switch {
	case s.node == nil || name == "":
		s.node, s.typ = nil, nil
		return
	case s.typ != nil:
		s.typ = attributeType(*s.typ, name)
		return
	case s.node.Entry != nil:
		s.node = s.node.Entry
	default:
		s.node = s.node.Children[name]
	}
	if s.node == nil {
		return
	}
	s.path = s.path.With(name)
	if d := r.Declaration(s.node); d != nil {
		s.typ = &d.Type
	}
}

// enterValue goes into a bracket of a value.
func (s *spot) enterValue(l *level) {
	switch {
	case l.kind == list && s.typ != nil:
		s.typ = elementType(*s.typ)
	case l.kind != object && l.kind != quote && !transparent(l):
		*s = spot{}
	}
}

// transparent are the modifiers: their argument is the value.
func transparent(l *level) bool {
	if l.kind != call {
		return l.kind == paren
	}
	for _, m := range modifiers() {
		if l.name == m {
			return true
		}
	}
	return false
}

func modifiers() []string { return []string{"default", "force", "before", "after", "without"} }

// attributeType is the type of the attribute name in a value of type t, or nil.
func attributeType(t option.Type, name string) *option.Type {
	switch t.Kind {
	case option.Object:
		if a, ok := t.Attrs[name]; ok {
			return &a
		}
	case option.Map:
		return t.Elem
	case option.Optional:
		return attributeType(*t.Elem, name)
	case option.OneOf:
		for _, alt := range t.Alts {
			if a := attributeType(alt, name); a != nil {
				return a
			}
		}
	}
	return nil
}

func elementType(t option.Type) *option.Type {
	switch t.Kind {
	case option.List, option.Set:
		return t.Elem
	case option.Optional:
		return elementType(*t.Elem)
	case option.OneOf:
		for _, alt := range t.Alts {
			if e := elementType(alt); e != nil {
				return e
			}
		}
	}
	return nil
}

// reading follows a traversal below config to what it names.
func reading(r *eval.Result, steps []string) spot {
	s := spot{node: r.Options()}
	for _, name := range steps {
		s.enter(r, name)
	}
	return s
}

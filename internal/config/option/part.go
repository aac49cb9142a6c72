package option

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Layer says how near to the host a module is; the nearer wins.
type Layer int

// The layers, weakest first.
const (
	Library Layer = iota
	Flake
	Template
	Host
)

func (l Layer) String() string { return [...]string{"library", "flake", "template", "host"}[l] }

// Priority is compared before the layer.
type Priority int

// The priorities, weakest first.
const (
	OptionDefault Priority = iota
	Default
	Plain
	Force
)

func (p Priority) String() string {
	return [...]string{"option default", "default", "plain", "force"}[p]
}

// Place orders list elements among definitions that all count.
type Place int

// The places of before(), of no modifier, and of after().
const (
	Before Place = iota - 1
	Middle
	After
)

// Source is the file of a definition.
type Source struct {
	Layer Layer
	Dir   string // its folder as expressions see it
	Index int    // load order

	imports []*Source
	reach   map[*Source]bool // what it imports, directly or not; computed on demand
}

// Import records that s imports t.
func (s *Source) Import(t *Source) {
	if s != t {
		s.imports, s.reach = append(s.imports, t), nil
	}
}

// Reach is everything that s imports, directly or not; while files are still
// loading, what is known so far.
func (s *Source) Reach() map[*Source]bool {
	if s.reach == nil && len(s.imports) > 0 {
		s.reach = map[*Source]bool{}
		for todo := slices.Clone(s.imports); len(todo) > 0; {
			t := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !s.reach[t] {
				s.reach[t] = true
				todo = append(todo, t.imports...)
			}
		}
	}
	return s.reach
}

// Over reports whether s beats t because it imports t. Two files that import each
// other are equal.
func (s *Source) Over(t *Source) bool { return s != t && s.Reach()[t] && !t.Reach()[s] }

// Definition is one line of a configuration that sets an option. Merge fills in
// whether it counts.
type Definition struct {
	Source   *Source
	Range    hcl.Range
	Priority Priority
	Seq      int // instances of a for_each, in order of their keys
	Site     any // for the evaluator: the block instance that contains it
	Wins     bool
}

// Outranks reports whether d beats o: by priority, layer, and the imports
// between their files.
func (d *Definition) Outranks(o *Definition) bool {
	switch {
	case d.Priority != o.Priority:
		return d.Priority > o.Priority
	case d.Source.Layer != o.Source.Layer:
		return d.Source.Layer > o.Source.Layer
	}
	return d.Source.Over(o.Source)
}

// Part is what a definition, or an element of one, contributes to an option: a
// value, or syntax with modifiers inside it.
type Part struct {
	Def      *Definition
	Range    hcl.Range
	Priority Priority
	Place    Place
	Remove   bool // without(...)
	Value    cty.Value
	Items    []Part           // of a list literal
	Fields   map[string]*Part // of an object literal
	Literal  Shape
}

// Shape says which of Value, Items and Fields of a Part counts.
type Shape int

// The shapes of a Part.
const (
	Whole Shape = iota
	ListLiteral
	ObjectLiteral
)

func (p *Part) with(v cty.Value) *Part {
	q := *p
	q.Value, q.Literal, q.Items, q.Fields = v, Whole, nil, nil
	return &q
}

// order sorts parts as a list shows them: by place, then by layer from the
// weakest, then by load order, then by position in the file.
func order(a, b *Part) int {
	return cmp.Or(
		cmp.Compare(a.Place, b.Place),
		cmp.Compare(a.Def.Source.Layer, b.Def.Source.Layer),
		cmp.Compare(a.Def.Source.Index, b.Def.Source.Index),
		cmp.Compare(a.Def.Range.Start.Byte, b.Def.Range.Start.Byte),
		cmp.Compare(a.Def.Seq, b.Def.Seq),
	)
}

func (p *Part) weaker(q *Part) bool {
	return p.Priority == OptionDefault || p.Def.Source.Layer < q.Def.Source.Layer
}

// below reports whether q beats p: by priority, layer, and imports.
func (p *Part) below(q *Part) bool {
	switch {
	case p.Priority != q.Priority:
		return p.Priority < q.Priority
	case p.Def.Source.Layer != q.Def.Source.Layer:
		return p.Def.Source.Layer < q.Def.Source.Layer
	}
	return q.Def.Source.Over(p.Def.Source)
}

// kept is p as a plain value, even if it removes something or says where in its
// list it goes.
func (p *Part) kept() *Part {
	q := *p
	q.Remove, q.Place = false, Middle
	if q.Fields != nil {
		q.Fields = map[string]*Part{}
		for k, f := range p.Fields {
			q.Fields[k] = f.kept()
		}
	}
	if q.Items != nil {
		q.Items = nil
		for i := range p.Items {
			q.Items = append(q.Items, *p.Items[i].kept())
		}
	}
	return &q
}

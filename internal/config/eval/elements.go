package eval

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Element is an element of a list or a set, a piece of lines, or a key of a map:
// one that is in the value of an option, or that a without() removed.
type Element struct {
	Path        string          `json:"path"` // that of the option for a piece of lines
	Step        string          `json:"-"`    // the end of Path, after the option's
	Value       string          `json:"-"`    // as HCL
	JSON        json.RawMessage `json:"value"`
	Gone        bool            `json:"gone,omitempty"`
	Definitions []Definition    `json:"definitions"`
}

// elements are those that a listing shows. Beaten ones are in the list of
// definitions.
func (r *Result) elements(of string, elems []option.Element) []Element {
	var out []Element
	for _, x := range elems {
		if x.Gone && x.Taker == nil {
			continue
		}
		text, data := shown(x)
		out = append(out, Element{
			Path: of + x.Step, Step: x.Step, Value: text, JSON: data, Gone: x.Gone, Definitions: r.said(x),
		})
	}
	return out
}

// shown is the value of an element as HCL and as JSON.
func shown(x option.Element) (string, json.RawMessage) {
	if x.Value == cty.NilVal {
		return "null", json.RawMessage("null")
	}
	return option.Text(x.Value), asJSON(x.Value)
}

// said lists the definitions of an element, the deciding one first.
func (r *Result) said(x option.Element) []Definition {
	out := []Definition{}
	if x.Taker != nil {
		d := r.definition(x.Taker.Def, x.Taker.Range, x.Taker.Priority, true)
		d.Removes = true
		out = append(out, d)
	}
	for i, parts := range [][]*option.Part{x.Counts, x.Beaten} {
		for _, p := range slices.Backward(parts) {
			out = append(out, r.definition(p.Def, p.Range, p.Priority, i == 0))
		}
	}
	return out
}

// trace says where the elements of an option's value come from. It merges the
// option's definitions once more and records each step.
func (e *evaluator) trace(c *cell, t option.Type) []option.Element {
	if !composed(t) {
		return nil
	}
	before := e.log.Count()
	defer func() { e.log.Forget(before) }()
	again := &cell{sort: leafSort, node: c.node, path: c.path}
	var parts []*option.Part
	if decl := e.declaration(c.node); decl.Default != nil {
		if p, ok := e.defaultPart(again, decl); ok {
			parts = append(parts, p)
		}
	}
	return option.Trace(c.path, t, append(parts, e.definitions(again)...))
}

// composed reports whether a value of the type may have elements.
func composed(t option.Type) bool {
	switch t.Kind {
	case option.Optional:
		return composed(*t.Elem)
	case option.OneOf:
		return slices.ContainsFunc(t.Alts, composed)
	case option.List, option.Set, option.Lines, option.Map, option.Object, option.Data:
		return true
	}
	return false
}

// elementType is the type of an element.
func elementType(t option.Type, x option.Element) option.Type {
	switch t.Kind {
	case option.Optional:
		return elementType(*t.Elem, x)
	case option.OneOf:
		if i := slices.IndexFunc(t.Alts, composed); i >= 0 {
			return elementType(t.Alts[i], x)
		}
	case option.List, option.Set, option.Map:
		return *t.Elem
	case option.Object:
		return t.Attrs[x.Name]
	}
	return t
}

// found is an element that a path leads to.
type found struct {
	option.Element
	path string
	t    option.Type
}

// element follows a path into the value of an option.
func (e *evaluator) element(at place) (found, hcl.Diagnostics) {
	x := found{path: at.path.String(), t: e.declaration(at.node).Type}
	c := e.leafAt(at.path)
	if c == nil || c.bad {
		return x, slices.Clone(e.log.All())
	}
	x.Below = e.trace(c, x.t)
	for rest := at.rest; rest != ""; {
		next, after, ok := option.Find(x.Below, rest)
		if !ok {
			return x, notFound(noElement(x, rest))
		}
		x, rest = found{next, x.path + next.Step, elementType(x.t, next)}, after
	}
	return x, nil
}

// noElement says what a value has, if a path asks for something that it lacks.
func noElement(x found, rest string) string {
	var names, steps []string
	last := -1
	for _, b := range x.Below {
		if !b.Gone && b.Step != "" {
			steps, last = append(steps, b.Step), b.Index
			if b.Name != "" {
				names = append(names, b.Name)
			}
		}
	}
	name := firstKey(rest)
	switch {
	case len(steps) == 0:
		return fmt.Sprintf("%s has no elements; there is no %s%s.", x.path, x.path, rest)
	case strings.HasPrefix(rest, "[") && !strings.Contains(rest, "]"):
		return fmt.Sprintf("%s%s has no closing bracket.", x.path, rest)
	case last >= 0 && strings.HasPrefix(rest, "[") && !strings.HasPrefix(rest, `["`) && !slices.Contains(names, name):
		return fmt.Sprintf("The last element of %s is [%d]; there is no [%s].", x.path, last, name)
	case strings.HasPrefix(rest, "["+name+"]"):
		return fmt.Sprintf("%s has no %s. Write %s[%q] for the element that is %s.", x.path, rest, x.path, name, name)
	}
	asked, hint := fmt.Sprintf("%q", name), option.DidYouMean(name, names)
	if slices.Contains(names, name) {
		asked, hint = rest, "" // more follows it
	}
	if hint == "" && len(steps) <= 8 {
		hint = " It has: " + strings.Join(steps, ", ") + "."
	}
	return fmt.Sprintf("%s has no %s.%s", x.path, asked, hint)
}

// explainElement turns the explanation of an option into that of the element that
// a path leads to.
func (r *Result) explainElement(x *Explanation, at place) (*Explanation, hcl.Diagnostics) {
	elem, diags := r.eval.element(at)
	if diags.HasErrors() {
		return nil, diags
	}
	x.Path, x.Type, x.Gone = elem.path, elem.t.String(), elem.Gone
	x.Value, x.JSON = shown(elem.Element)
	x.Definitions, x.Elements = r.said(elem.Element), r.elements(elem.path, elem.Below)
	return x, nil
}

// elementValue is the value of an element, or the reason why there is none.
func (r *Result) elementValue(at place) (cty.Value, hcl.Diagnostics) {
	x, diags := r.eval.element(at)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	if x.Gone {
		return cty.NilVal, notFound(fmt.Sprintf("%s is not in the result; 'hostctl explain' says why.", x.path))
	}
	v, _ := x.Value.UnmarkDeep()
	return v, nil
}

// undeclared says that a map has no entry of this name, and what removed it.
func (e *evaluator) undeclared(at place, name string, names []string) string {
	makers, _ := e.makers(at.node, at.path, &name)
	cuts, _ := e.cutsOf(at.node, at.path)
	for _, m := range makers {
		for _, c := range cuts {
			if m.key == name && cut([]cutting{c}, name, m.def, m.def.Priority) {
				return fmt.Sprintf("%s is declared at %s, and %s removes it.", at.path.With(name), option.At(m.def.Range), option.At(c.at))
			}
		}
	}
	return fmt.Sprintf("Nothing declares %s.%s", at.path.With(name), option.DidYouMean(name, names))
}

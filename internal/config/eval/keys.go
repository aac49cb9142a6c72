package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// checkKeys checks the keys of a map against the keys argument of its option, and
// reports each where it is defined.
func (e *evaluator) checkKeys(c *cell, decl *option.Declaration) {
	if decl.Keys == nil || !c.merged.Defined || len(c.merged.Elements) == 0 {
		return
	}
	known, ok := e.allowedKeys(c.node, decl)
	if !ok {
		c.bad = true
		return
	}
	few := ""
	if len(known) <= 8 {
		few = fmt.Sprintf(" It takes %s.", strings.Join(known, ", "))
	}
	for _, key := range sortedKeys(c.merged.Elements) {
		if slices.Contains(known, key) {
			continue
		}
		c.bad = true
		part := c.merged.Elements[key]
		e.report(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Unknown key", Subject: part.Range.Ptr(),
			Detail: fmt.Sprintf("%s has no key %q.%s", c.path, key, cmp.Or(option.DidYouMean(key, known), few)),
		}})
	}
}

// allowedKeys is the value of an option's keys argument. It is false if that
// failed, which it reports.
func (e *evaluator) allowedKeys(n *option.Node, decl *option.Declaration) ([]string, bool) {
	v, ok := e.value(decl.Keys, &scope{mod: e.homes[n]})
	if !ok {
		return nil, false
	}
	v, _ = v.Unmark()
	if v.IsNull() || !v.CanIterateElements() {
		e.fail(decl.Keys.Range().Ptr(), "Wrong type", fmt.Sprintf("keys of option %s takes a list of strings.", decl.Path))
		return nil, false
	}
	var known []string
	for it := v.ElementIterator(); it.Next(); {
		_, name := it.Element()
		if s, ok := option.KeyString(name); ok {
			known = append(known, s)
		}
	}
	return known, true
}

// checkPackages checks every package_ref in a value against the inputs that
// packages come from.
func (e *evaluator) checkPackages(c *cell, t option.Type, v cty.Value) {
	if !t.Holds(option.PackageRef) {
		return
	}
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return
	}
	switch t.Kind {
	case option.PackageRef:
		name := v.AsString()
		if !slices.ContainsFunc(e.flake.Debian(), func(in debianInput) bool { return in.Name == name }) {
			c.bad = true
			e.fail(c.strongest(), "Unknown input", fmt.Sprintf("%s: flake.hcl has no debian input %q.%s", c.path, name, option.DidYouMean(name, e.flake.InputNames())))
		}
	case option.Optional:
		e.checkPackages(c, *t.Elem, v)
	case option.List, option.Set, option.Map:
		for it := v.ElementIterator(); it.Next(); {
			_, elem := it.Element()
			e.checkPackages(c, *t.Elem, elem)
		}
	case option.Object:
		for _, name := range sortedKeys(t.Attrs) {
			e.checkPackages(c, t.Attrs[name], v.GetAttr(name))
		}
	}
}

package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// direct is the value of an expression that is only a path, such as config.a.b,
// config.user[each.key].home or each.value.x: most are. hcl evaluates all others,
// and those that fail, in objects made for them with what the expression names.
func (r *reading) direct(expr hcl.Expression, sc *scope) (cty.Value, bool) {
	if v, ok := r.eachPath(expr, sc); ok {
		return v, true
	}
	c, at, ok := r.configPath(expr, sc)
	switch {
	case !ok:
		return cty.NilVal, false
	case c.sort == entrySort:
		return r.wait(c, cty.DynamicPseudoType, at), true
	}
	return r.leaf(c, at), true
}

// eachPath is each.key, or a path below each.value.
func (r *reading) eachPath(expr hcl.Expression, sc *scope) (cty.Value, bool) {
	x, ok := expr.(*hclsyntax.ScopeTraversalExpr)
	if !ok || len(x.Traversal) < 2 || x.Traversal.RootName() != "each" {
		return cty.NilVal, false
	}
	inst := sc.inst.around()
	attr, ok := x.Traversal[1].(hcl.TraverseAttr)
	if !ok || inst == nil {
		return cty.NilVal, false
	}
	var v cty.Value
	switch attr.Name {
	case "key":
		v = cty.StringVal(inst.eachKey)
	case "value":
		v = r.element(inst)
	default:
		return cty.NilVal, false
	}
	v, diags := x.Traversal[2:].TraverseRel(v)
	return v, !diags.HasErrors()
}

// configPath is the option that an expression reads and nothing else, or the
// entry on the way to it that is not resolved yet.
func (r *reading) configPath(expr hcl.Expression, sc *scope) (c *cell, at hcl.Range, ok bool) {
	switch expr.(type) {
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
	default:
		return nil, at, false
	}
	var path *use
	for _, of := range r.e.fleet.references(expr).byRoot {
		if of[0].root == "config" && len(of) == 1 && of[0].rng == expr.Range() {
			path = &of[0]
		}
	}
	if path == nil || path.inexact || sc.fixed {
		return nil, at, false
	}
	settled := r.settled(*path, sc)
	if settled.marked {
		return nil, at, false
	}
	n, p := r.e.root, make(option.Path, 0, len(path.steps))
	for _, s := range settled.steps {
		switch {
		case s.any || n.IsOption():
			return nil, at, false
		case n.Entry != nil:
			has := r.e.entryCell(n, p, s.name)
			if has.state != resolved && !has.certain {
				return has, path.rng, true
			}
			if has.bad || !has.certain && !has.exists {
				return nil, at, false
			}
			n = n.Entry
		case n.Former || n.Children[s.name] == nil:
			return nil, at, false
		default:
			n = n.Children[s.name]
		}
		p = append(p, s.name)
	}
	if !n.IsOption() {
		return nil, at, false
	}
	return r.e.leafCell(n, p), path.rng, true
}

package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// modifier reads force, default, before, after and without, which are syntax
// wherever a value is defined (language rule 2).
func (e *evaluator) modifier(call *hclsyntax.FunctionCallExpr, on modifiers) (hcl.Expression, modifiers, bool) {
	m := on
	switch call.Name {
	case "force":
		m.priority = option.Force
	case "default":
		m.priority = option.Default
	case "before":
		m.place = option.Before
	case "after":
		m.place = option.After
	case "without":
		m.remove = true
	default:
		return nil, on, false
	}
	if len(call.Args) != 1 {
		e.fail(call.NameRange.Ptr(), "Wrong number of arguments", fmt.Sprintf("%s takes one value.", call.Name))
		return &hclsyntax.LiteralValueExpr{Val: cty.NullVal(cty.DynamicPseudoType), SrcRange: call.Range()}, on, true
	}
	if inner, ok := call.Args[0].(*hclsyntax.FunctionCallExpr); ok {
		if _, _, twice := e.modifier(inner, plainly()); twice && (priority(call.Name) == priority(inner.Name) || m.remove || inner.Name == "without") {
			e.fail(inner.NameRange.Ptr(), "Modifiers exclude each other", fmt.Sprintf("%s inside %s has no meaning: keep one of the two.", inner.Name, call.Name))
		}
	}
	return call.Args[0], m, true
}

func priority(name string) bool { return name == "force" || name == "default" }

// part evaluates a definition. It keeps the modifiers inside literal lists and
// objects apart, and evaluates only the chosen branch of a ?:.
func (e *evaluator) part(expr hcl.Expression, sc *scope, start option.Part) (*option.Part, bool) {
	p := start
	p.Range = expr.Range()
	switch x := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return e.part(x.Expression, sc, start)
	case *hclsyntax.FunctionCallExpr:
		on := modifiers{priority: p.Priority, place: p.Place, remove: p.Remove}
		if inner, m, ok := e.modifier(x, on); ok {
			start.Priority, start.Place, start.Remove = m.priority, m.place, m.remove
			return e.part(inner, sc, start)
		}
	case *hclsyntax.ConditionalExpr:
		cond, ok := e.condition(x, sc)
		if !ok {
			return nil, false
		}
		if cond {
			return e.part(x.TrueResult, sc, start)
		}
		return e.part(x.FalseResult, sc, start)
	case *hclsyntax.TupleConsExpr:
		return e.listPart(x, sc, p)
	case *hclsyntax.ObjectConsExpr:
		return e.objectPart(x, sc, p)
	}
	v, ok := e.value(expr, sc)
	if !ok {
		return nil, false
	}
	p.Value = v
	return &p, true
}

func (e *evaluator) condition(x *hclsyntax.ConditionalExpr, sc *scope) (bool, bool) {
	v, ok := e.value(x.Condition, sc)
	if !ok {
		return false, false
	}
	return e.truth(v, x.Condition, "The condition of ?:")
}

func (e *evaluator) listPart(x *hclsyntax.TupleConsExpr, sc *scope, p option.Part) (*option.Part, bool) {
	fine := true
	p.Literal = option.ListLiteral
	p.Items = []option.Part{}
	for _, expr := range x.Exprs {
		start := p
		start.Literal, start.Items = option.Whole, nil
		item, ok := e.part(expr, sc, start)
		if !ok {
			fine = false
			continue
		}
		p.Items = append(p.Items, *item)
	}
	return &p, fine
}

func (e *evaluator) objectPart(x *hclsyntax.ObjectConsExpr, sc *scope, p option.Part) (*option.Part, bool) {
	fine := true
	p.Literal = option.ObjectLiteral
	p.Fields = map[string]*option.Part{}
	for _, item := range x.Items {
		v, ok := e.value(item.KeyExpr, sc)
		if !ok {
			fine = false
			continue
		}
		key, isKey := option.KeyString(v)
		if !isKey {
			e.fail(item.KeyExpr.Range().Ptr(), "Invalid key", fmt.Sprintf("A key must be a string, not %s.", option.Describe(v)))
			fine = false
			continue
		}
		if p.Fields[key] != nil {
			e.givenTwice(item.KeyExpr, key)
			fine = false
		}
		start := p
		start.Literal, start.Fields = option.Whole, nil
		field, ok := e.part(item.ValueExpr, sc, start)
		if !ok {
			fine = false
			continue
		}
		p.Fields[key] = field
	}
	return &p, fine
}

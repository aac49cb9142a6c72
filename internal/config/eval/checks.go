package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
)

// checkAll resolves every option that anything defines, so that a mistake shows
// even if no resource depends on it.
func (e *evaluator) checkAll(n *option.Node, p option.Path) {
	switch {
	case n.IsOption():
		if e.touched[n] || e.defs[n] != nil || n.Decl != nil && n.Library == "" && n.Decl.Default != nil {
			e.resolve(e.leafCell(n, p), hcl.Range{})
		}
	case n.Entry != nil:
		e.checkCuts(n, p)
		if !e.touched[n] && len(e.dynamic[n]) == 0 {
			return
		}
		keys := e.keysCell(n, p)
		e.resolve(keys, hcl.Range{})
		for _, k := range keys.keys {
			e.checkAll(n.Entry, p.With(k))
		}
	default:
		for _, name := range n.Names() {
			e.checkAll(n.Children[name], p.With(name))
		}
	}
}

// checkCuts warns of each key that without() removes from a map although no weaker
// layer adds it (language rule 7).
func (e *evaluator) checkCuts(n *option.Node, p option.Path) {
	cuts, ok := e.cutsOf(n, p)
	if !ok || len(cuts) == 0 {
		return
	}
	cuts = slices.DeleteFunc(slices.Clone(cuts), func(c cutting) bool { return c.source.Layer == option.Library })
	makers, ok := e.makers(n, p, nil)
	if !ok || e.incomplete {
		return
	}
	for _, c := range cuts {
		for _, key := range c.keys {
			there := slices.ContainsFunc(makers, func(m maker) bool {
				return m.key == key && (m.def.Source.Layer < c.source.Layer || c.force && m.def.Priority < option.Force)
			})
			if !c.except && !there {
				e.report(hcl.Diagnostics{{
					Severity: hcl.DiagWarning, Summary: "Nothing to remove", Subject: c.at.Ptr(),
					Detail: fmt.Sprintf("No weaker layer defines %s.", p.With(key)),
				}})
			}
		}
	}
}

// truth is the value of a condition.
func (e *evaluator) truth(v cty.Value, expr hcl.Expression, what string) (isTrue, ok bool) {
	if names := function.SecretsIn(v); len(names) > 0 {
		e.fail(expr.Range().Ptr(), "Misplaced secret", fmt.Sprintf("%s cannot depend on secret %q: its value is known only on the host, at activation.", what, names[0]))
		return false, false
	}
	v, _ = v.Unmark()
	if v.IsNull() || v.Type() != cty.Bool {
		e.fail(expr.Range().Ptr(), "Wrong type", fmt.Sprintf("%s must be true or false, not %s.", what, option.Describe(v)))
		return false, false
	}
	return v.True(), true
}

// runChecks evaluates assert and warn blocks.
func (e *evaluator) runChecks() {
	for _, c := range e.checks {
		insts, _ := e.instances(c.block, nil)
		for _, inst := range insts {
			sc := &scope{mod: c.block.mod, inst: inst}
			v, ok := e.value(c.cond, sc)
			if !ok {
				continue
			}
			isTrue, ok := e.truth(v, c.cond, "The condition of "+c.name)
			if !ok || isTrue {
				continue
			}
			message, ok := e.value(c.message, sc)
			if !ok {
				continue
			}
			summary := fmt.Sprintf("Assertion %q failed", c.name)
			if c.severity == hcl.DiagWarning {
				summary = c.name
			}
			d := &hcl.Diagnostic{Severity: c.severity, Summary: summary, Detail: plainText(message), Subject: c.cond.Range().Ptr()}
			if at := e.madeFail(c, inst); at != nil {
				d.Subject, d.Extra = at, option.Others{c.cond.Range()}
			}
			e.report(hcl.Diagnostics{d})
		}
	}
}

// madeFail is the user's line that a check of the library is about: the one that
// the values in its condition come from, or else the host as a whole.
func (e *evaluator) madeFail(c *check, inst *instance) *hcl.Range {
	if c.block.mod.flake != nil {
		return nil
	}
	t := &tracer{e: e, mod: c.block.mod, inst: inst, names: e.names(inst, "")}
	for _, expr := range []hcl.Expression{c.cond, c.block.when, c.block.forEach} {
		if expr == nil {
			continue
		}
		if why := t.follow(expr, anything); why.byUser() {
			return &why.at
		}
	}
	return &e.host.Range
}

// checkUses checks every reference in a user's module against the declared
// options, even in a branch that is not taken (language rule 20).
func (e *evaluator) checkUses(m *module) {
	// The visitor reports by itself.
	_ = hclsyntax.VisitAll(m.body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch x := meter.WrittenNode(n).(type) {
		case *hclsyntax.Attribute:
			for _, u := range e.fleet.references(x.Expr).all {
				if u.root == "config" {
					e.checkUse(e.root, nil, u, 0)
				}
			}
		case *hclsyntax.ObjectConsExpr:
			e.checkObject(x)
		}
		return nil
	})
	for _, b := range m.body.Blocks {
		if n, entry := e.declaredBy(b); entry != nil && n.Decl != nil {
			exprs := []hcl.Expression{n.Decl.Default}
			for _, v := range n.Decl.Validations {
				exprs = append(exprs, v.Condition, v.Message)
			}
			for _, x := range exprs {
				e.checkSelf(x, entry)
			}
		}
	}
}

// declaredBy is the option of an entry that a block declares, and the entry.
func (e *evaluator) declaredBy(b *hclsyntax.Block) (n, entry *option.Node) {
	if b.Type != "option" || len(b.Labels) != 1 || !strings.Contains(b.Labels[0], option.Any) {
		return nil, nil
	}
	p, err := option.Declared(b.Labels[0])
	if err != nil {
		return nil, nil
	}
	n, _ = e.root.Find(p)
	if around := starred(p); around > 0 && slices.Equal(n.Path, p) {
		entry, _ = e.root.Find(p[:around])
	}
	return n, entry
}

// checkObject: hcl silently keeps the last of two values of one key (language rule 6).
func (e *evaluator) checkObject(x *hclsyntax.ObjectConsExpr) {
	seen := map[string]bool{}
	for _, item := range x.Items {
		key, literal := literalKey(item.KeyExpr)
		if literal && seen[key] {
			e.givenTwice(item.KeyExpr, key)
		}
		seen[key] = literal
	}
}

func (e *evaluator) givenTwice(at hcl.Expression, key string) {
	e.fail(at.Range().Ptr(), "Given twice", fmt.Sprintf("The key %q is given twice in one object: remove one.", key))
}

// checkSelf checks the reads of self in an expression against the options of the
// entry that it is in.
func (e *evaluator) checkSelf(x hcl.Expression, entry *option.Node) {
	if x == nil || entry == nil {
		return
	}
	for _, uses := range e.fleet.references(x).byRoot {
		for _, u := range uses {
			if u.root != "self" {
				break
			}
			at, i := entry, 0
			for at != nil && i < len(u.steps) && u.steps[i].name == "parent" && at.Children["parent"] == nil {
				at, _ = e.enclosing(at, at.Path)
				i++
			}
			if at != nil {
				e.checkUse(at, at.Path, u, i)
			}
		}
	}
}

// checkUse follows a reference from its i-th step on, below n.
func (e *evaluator) checkUse(n *option.Node, at option.Path, u use, i int) {
	if e.incomplete {
		return
	}
	for ; i < len(u.steps); i++ {
		s := u.steps[i]
		switch {
		case n.IsOption():
			return
		case n.Entry != nil:
			n = n.Entry
		case s.any || s.name == "name" && len(at) > 0 && n.Path[len(n.Path)-1] == option.Any:
			return
		case n.Former || n.Children[s.name] == nil:
			t, ok := e.follow(n, s.name, u.rng, u.written(n, i), true)
			if !ok {
				e.fail(&u.rng, "Unknown option", n.Unknown(e.root, at, s.name))
			}
			if t == nil {
				return
			}
			n = t
		default:
			n = n.Children[s.name]
		}
		at = at.With(s.name)
	}
}

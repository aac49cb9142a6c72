package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// checkAll resolves every option that anything defines, so that a mistake
// shows although no resource comes of it.
func (e *evaluator) checkAll(n *option.Node, p option.Path) {
	switch {
	case n.IsOption():
		if e.touched[n] || len(e.defs[n]) > 0 {
			e.resolve(e.leafCell(n, p), hcl.Range{})
		}
	case n.Entry != nil:
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
			v, _ = v.Unmark()
			if v.Type() == cty.Bool && !v.IsNull() && v.True() {
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
			e.report(hcl.Diagnostics{{Severity: c.severity, Summary: summary, Detail: plainText(message), Subject: c.cond.Range().Ptr()}})
		}
	}
}

// checkUses holds every reference of a user's module against the declared
// options, also where it stands in a branch that is not taken (rule 20).
func (e *evaluator) checkUses(m *module) {
	// The visitor reports by itself.
	_ = hclsyntax.VisitAll(m.body, func(n hclsyntax.Node) hcl.Diagnostics {
		if a, ok := n.(*hclsyntax.Attribute); ok {
			for _, u := range usesOf(a.Expr, nil) {
				e.checkUse(u)
			}
		}
		return nil
	})
}

func (e *evaluator) checkUse(u use) {
	if u.root != "config" || e.incomplete {
		return
	}
	n := e.root
	var at option.Path
	for i, s := range u.steps {
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

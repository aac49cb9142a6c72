package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
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
				summary = fmt.Sprintf("Warning %q", c.name)
			}
			e.report(hcl.Diagnostics{{Severity: c.severity, Summary: summary, Detail: plainText(message), Subject: c.cond.Range().Ptr()}})
		}
	}
}

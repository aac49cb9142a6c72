package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
)

// move is a moved block: an option, group or map has a new path, or is gone.
type move struct {
	from, to option.Path // to is nil if it is gone
	message  string
	rng      *hcl.Range // nil: the library's index
}

// moves are the old paths, in a tree of their own, so that no list of options
// shows them.
type moves struct {
	root option.Node
	at   map[string]*move // by the key of from
	made []*renaming
}

// renaming is a place where an old path is written.
type renaming struct {
	move  *move
	at    hcl.Range
	names []hcl.Range // of the elements of from after its last *, outermost first; nil: not known
	read  bool        // in an expression, where the names are one text
}

func (e *evaluator) addMoves() {
	e.moves.at = map[string]*move{}
	e.moves.root.Former = true
	for _, l := range e.fleet.moved {
		e.addMove(l.From, l.To, l.Message, nil)
	}
}

// readMove reads a moved block.
func (e *evaluator) readMove(b *hclsyntax.Block) {
	at := b.DefRange()
	text := map[string]string{}
	for _, a := range sortedAttributes(b.Body) {
		v, diags := a.Expr.Value(nil)
		switch {
		case a.Name != "from" && a.Name != "to" && a.Name != "message":
			e.fail(a.NameRange.Ptr(), "Unknown argument", fmt.Sprintf("A moved block takes from, to and message, not %q.", a.Name))
		case diags.HasErrors(): // as if it were not there
		case v.IsNull() || v.Type() != cty.String:
			e.fail(a.Expr.Range().Ptr(), "Wrong type", fmt.Sprintf("%s must be a string, in quotes.", a.Name))
		default:
			text[a.Name] = v.AsString()
		}
	}
	if len(b.Labels) > 0 || len(b.Body.Blocks) > 0 || text["from"] == "" || (text["to"] == "") == (text["message"] == "") {
		e.fail(&at, "Invalid moved block", `A moved block takes from and to, two option paths in quotes; or, for an option that is gone, from and message.`)
		return
	}
	e.addMove(text["from"], text["to"], text["message"], &at)
}

func (e *evaluator) addMove(from, to, message string, at *hcl.Range) {
	m := &move{message: message, rng: at}
	var err error
	if m.from, err = option.Declared(from); err == nil && to != "" {
		m.to, err = option.Declared(to)
	}
	if err == nil && m.to != nil && !slices.Equal(m.from[:starred(m.from)], m.to[:starred(m.to)]) {
		err = fmt.Errorf("cannot move %s to %s: an option stays within its map, so the parts before the last * must be the same", from, to)
	}
	if err == nil && e.moves.at[m.from.Key()] != nil {
		err = fmt.Errorf("cannot move %s: it already has a moved block", from)
	}
	if err == nil {
		_, err = e.moves.root.Declare(m.from)
	}
	if err != nil {
		e.fail(at, "Invalid moved block", report.Sentence(err))
		return
	}
	e.moves.at[m.from.Key()] = m
}

// starred is the number of elements of a path up to and including its last *.
func starred(p option.Path) int {
	for i := len(p); i > 0; i-- {
		if p[i-1] == option.Any {
			return i
		}
	}
	return 0
}

// checkMoves checks moved blocks when every declaration is known.
func (e *evaluator) checkMoves() {
	for _, key := range sortedKeys(e.moves.at) {
		m := e.moves.at[key]
		if m.rng == nil || e.incomplete {
			continue
		}
		if n, taken := e.root.Find(m.from); taken == len(m.from) {
			e.fail(m.rng, "Invalid moved block", fmt.Sprintf("%s is still declared; remove its option block, or this one.", n.Path))
			continue
		}
		if m.to != nil {
			_ = e.target(m)
		}
	}
}

// target is where a move leads in the end. It is nil if that is nowhere, which
// target reports.
func (e *evaluator) target(m *move) *option.Node {
	for range len(e.moves.at) + 1 {
		n, taken := e.root.Find(m.to)
		if taken == len(m.to) {
			return n
		}
		next := e.moves.at[m.to.Key()]
		if next == nil {
			e.fail(m.rng, "Invalid moved block", fmt.Sprintf("%s is moved to %s. %s", m.from, m.to, n.Unknown(e.root, m.to[:taken], m.to[taken])))
			return nil
		}
		if next.to == nil {
			return nil
		}
		m = &move{from: m.from, to: next.to, rng: m.rng}
	}
	e.fail(m.rng, "Invalid moved block", fmt.Sprintf("%s is moved in a circle.", m.from))
	return nil
}

// gone reports whether a move leads, maybe through others, to an option that is
// gone.
func (e *evaluator) gone(m *move) bool {
	for range len(e.moves.at) + 1 {
		if m == nil || m.to == nil {
			return m != nil
		}
		m = e.moves.at[m.to.Key()]
	}
	return false
}

// renamed replaces the child called name, which n does not have: it is the node
// with the new name, a group of old names, or nil for what is gone.
func (e *evaluator) renamed(n *option.Node, name string) (t *option.Node, m *move, ok bool) {
	if len(e.moves.at) == 0 {
		return nil, nil, false
	}
	p := n.Path.With(name)
	old, taken := e.moves.root.Find(p)
	if taken < len(p) {
		return nil, nil, false
	}
	if m = e.moves.at[old.Path.Key()]; m == nil {
		return old, nil, true
	}
	if m.to == nil {
		return nil, m, true
	}
	return e.target(m), m, true
}

// follow is renamed for a name that is written at a place, and warns about it.
// names are the places of the path's elements after its last *, as far as they are
// known; a read is one text.
func (e *evaluator) follow(n *option.Node, name string, at hcl.Range, names []hcl.Range, read bool) (*option.Node, bool) {
	t, m, ok := e.renamed(n, name)
	switch {
	case !ok || m == nil:
		return t, ok
	case t == nil && m.to != nil && !e.gone(m): // target has reported it
		return nil, true
	case t == nil:
		e.fail(&at, "Option removed", strings.TrimSuffix(fmt.Sprintf("%s is gone. %s", m.from, m.message), " "))
		return nil, true
	}
	e.report(hcl.Diagnostics{{
		Severity: hcl.DiagWarning, Summary: "Option renamed", Subject: &at,
		Detail: fmt.Sprintf("%s is now %s; 'hostctl fix' rewrites it, or says what to do by hand.", m.from, t.Path),
	}})
	r := &renaming{move: &move{from: m.from, to: t.Path}, at: at, read: read}
	if len(names) == len(m.from)-starred(m.from) {
		r.names = slices.Clone(names)
	}
	e.moves.made = append(e.moves.made, r)
	return t, true
}

// renamedKey reports a key of a computed map that is an old name. Nothing can
// follow it there, so it is an error that names the new one.
func (e *evaluator) renamedKey(n *option.Node, key string, at hcl.Range) bool {
	t, m, ok := e.renamed(n, key)
	switch {
	case !ok || m == nil:
		return false
	case t == nil && m.to != nil && !e.gone(m): // target has reported it
	case t == nil:
		e.fail(&at, "Option removed", strings.TrimSuffix(fmt.Sprintf("%s is gone. %s", m.from, m.message), " "))
	default:
		e.fail(&at, "Option renamed", fmt.Sprintf("%s is now %s, and a computed map must use the new name.", m.from, t.Path))
	}
	return true
}

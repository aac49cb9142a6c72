package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
)

// use is one reference in an expression: a root, and what is read below it. hcl's
// own Variables() returns config.user for every read of an entry by a computed key
// and for every loop; a use names the options of the entries.
type use struct {
	root  string
	steps []step
	rng   hcl.Range
	// shallow is a read of only a map's keys.
	shallow bool
	// inexact is a step that is neither name nor key, such as a splat.
	inexact bool
	// marked is a key whose marks the result carries too.
	marked bool
}

// step is one element of a path; any is a key that only evaluation knows.
type step struct {
	name string
	any  bool
	// key computes the name of an any from what is known before config:
	// each, args and host. A loop's variable is none of these.
	key hcl.Expression
	rng hcl.Range // the zero range if computed
}

// aliases are the loop variables in scope: what they stand for, or nil if that is
// not part of the configuration.
type aliases map[string]*use

func (a aliases) with(name string, u *use) aliases {
	if name == "" {
		return a
	}
	b := aliases{name: u}
	for k, v := range a {
		if k != name {
			b[k] = v
		}
	}
	return b
}

// usesOf lists every reference of an expression.
func usesOf(expr hcl.Expression, in aliases) []use {
	switch x := meter.Written(expr).(type) {
	case *hclsyntax.LiteralValueExpr:
		return nil
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr, *hclsyntax.IndexExpr:
		return pathUses(x.(hclsyntax.Expression), in)
	case *hclsyntax.ForExpr:
		return forUses(x, in)
	case *hclsyntax.FunctionCallExpr:
		return callUses(x, in)
	case *hclsyntax.ParenthesesExpr:
		return usesOf(x.Expression, in)
	case *hclsyntax.ConditionalExpr:
		return usesOfAll(in, x.Condition, x.TrueResult, x.FalseResult)
	case *hclsyntax.BinaryOpExpr:
		return usesOfAll(in, x.LHS, x.RHS)
	case *hclsyntax.UnaryOpExpr:
		return usesOf(x.Val, in)
	case *hclsyntax.TemplateExpr:
		return usesOfAll(in, x.Parts...)
	case *hclsyntax.TemplateWrapExpr:
		return usesOf(x.Wrapped, in)
	case *hclsyntax.TupleConsExpr:
		return usesOfAll(in, x.Exprs...)
	case *hclsyntax.ObjectConsExpr:
		var out []use
		for _, item := range x.Items {
			out = append(out, usesOfAll(in, item.KeyExpr, item.ValueExpr)...)
		}
		return out
	case *hclsyntax.ObjectConsKeyExpr:
		if len(meter.Traversals(x)) == 0 {
			return nil
		}
		return usesOf(x.Wrapped, in)
	}
	return otherUses(expr, in)
}

func usesOfAll(in aliases, exprs ...hclsyntax.Expression) []use {
	var out []use
	for _, x := range exprs {
		out = append(out, usesOf(x, in)...)
	}
	return out
}

// otherUses are the uses of any other expression, as hcl sees them.
func otherUses(expr hcl.Expression, in aliases) []use {
	var out []use
	for _, t := range meter.Traversals(expr) {
		u, ok := traversed(t, in)
		if ok {
			out = append(out, u)
		}
	}
	return out
}

func traversed(t hcl.Traversal, in aliases) (use, bool) {
	u := use{root: t.RootName(), rng: t.SourceRange()}
	if alias, local := in[u.root]; local {
		if alias == nil {
			return u, false
		}
		u.root, u.steps, u.inexact = alias.root, slices.Clip(alias.steps), alias.inexact
	}
	u.add(t[1:])
	return u, true
}

func (u *use) add(t hcl.Traversal) {
	for _, s := range t {
		key, ok := stepKey(s)
		if !ok || u.inexact {
			u.inexact = true
			return
		}
		u.steps = append(u.steps, step{name: key, rng: s.SourceRange()})
	}
}

// pathUses are the uses of config.a[key].b: the path itself, and what the keys in
// it read.
func pathUses(expr hclsyntax.Expression, in aliases) []use {
	u, ok, inner := pathOf(expr, in)
	if !ok {
		return inner
	}
	return append(inner, u)
}

// pathOf reads an expression as a path. inner are the uses of its keys, or of the
// whole expression if it is not a path.
func pathOf(expr hcl.Expression, in aliases) (u use, ok bool, inner []use) {
	switch x := meter.Written(expr).(type) {
	case *hclsyntax.ParenthesesExpr:
		return pathOf(x.Expression, in)
	case *hclsyntax.ScopeTraversalExpr:
		u, ok = traversed(x.Traversal, in)
		return u, ok, nil
	case *hclsyntax.RelativeTraversalExpr:
		u, ok, inner = pathOf(x.Source, in)
		u.add(x.Traversal)
		u.rng = x.Range()
		return u, ok, inner
	case *hclsyntax.IndexExpr:
		u, ok, inner = pathOf(x.Collection, in)
		u.rng = x.Range()
		if key, literal := literalKey(x.Key); literal {
			u.steps = append(u.steps, step{name: key, rng: x.Key.Range()})
		} else if !u.inexact {
			s := step{any: true}
			if early(x.Key, in) {
				s.key = x.Key
			}
			u.steps = append(u.steps, s)
			inner = append(inner, usesOf(x.Key, in)...)
		}
		return u, ok, inner
	}
	return use{}, false, usesOf(expr, in)
}

// early reports whether an expression reads only what is known before config is.
func early(expr hclsyntax.Expression, in aliases) bool {
	return !slices.ContainsFunc(meter.Traversals(expr), func(t hcl.Traversal) bool {
		_, local := in[t.RootName()]
		return local || !slices.Contains([]string{"each", "args", "host"}, t.RootName())
	})
}

func forUses(x *hclsyntax.ForExpr, in aliases) []use {
	coll, ok, out := pathOf(x.CollExpr, in)
	inside := in.with(x.KeyVar, nil).with(x.ValVar, nil)
	if ok && !coll.inexact && (coll.root == "config" || coll.root == "self") {
		elem := use{root: coll.root, steps: append(slices.Clip(coll.steps), step{any: true})}
		inside = in.with(x.KeyVar, nil).with(x.ValVar, &elem)
		coll.shallow = true
	}
	if ok {
		out = append(out, coll)
	}
	for _, e := range []hclsyntax.Expression{x.KeyExpr, x.ValExpr, x.CondExpr} {
		if e != nil {
			out = append(out, usesOf(e, inside)...)
		}
	}
	return out
}

// callUses: keys() and length() of a map read no option of its entries.
func callUses(x *hclsyntax.FunctionCallExpr, in aliases) []use {
	if (x.Name == "keys" || x.Name == "length") && len(x.Args) == 1 {
		u, ok, inner := pathOf(x.Args[0], in)
		if ok {
			u.shallow = true
			inner = append(inner, u)
		}
		return inner
	}
	return usesOfAll(in, x.Args...)
}

// want is the part of the configuration that an expression names.
type want struct {
	all  bool // everything below
	keys bool // the keys of a map
	at   hcl.Range
	each *want // of every entry of a map
	kids map[string]*want
}

func (w *want) child(key string, at hcl.Range) *want {
	if w.kids == nil {
		w.kids = map[string]*want{}
	}
	if w.kids[key] == nil {
		w.kids[key] = &want{at: at}
	}
	return w.kids[key]
}

// entry is the part wanted of the entry called key.
func (w *want) entry(key string) *want {
	own := w.kids[key]
	switch {
	case w.all:
		return &want{all: true, at: w.at}
	case own == nil && w.each == nil:
		return &want{at: w.at}
	case own == nil:
		return w.each
	case w.each == nil:
		return own
	}
	return own.union(w.each)
}

func (w *want) union(o *want) *want {
	if o == nil {
		return w
	}
	if w == nil {
		return o
	}
	u := &want{all: w.all || o.all, keys: w.keys || o.keys, at: w.at, each: w.each.union(o.each), kids: map[string]*want{}}
	for k, kid := range w.kids {
		u.kids[k] = kid.union(o.kids[k])
	}
	for k, kid := range o.kids {
		if u.kids[k] == nil {
			u.kids[k] = kid
		}
	}
	return u
}

// written lists where the path of what the i-th step names below n is written,
// element by element after its last *.
func (u *use) written(n *option.Node, i int) []hcl.Range {
	from := i - (len(n.Path) - starred(n.Path))
	if from < 0 {
		return nil
	}
	var out []hcl.Range
	for _, s := range u.steps[from : i+1] {
		out = append(out, s.rng)
	}
	return out
}

// demand adds to w what u names from its i-th step on, below node n.
func (r *reading) demand(w *want, n *option.Node, at option.Path, u use, i int) {
	for ; i < len(u.steps); i++ {
		s := u.steps[i]
		switch {
		case n.IsOption():
			return
		case n.Entry != nil && s.any:
			if w.each == nil {
				w.each = &want{at: u.rng}
			}
			w, n, at = w.each, n.Entry, at.With(option.Any)
			continue
		case n.Entry != nil:
			n = n.Entry
		case s.any:
			r.sick = true
			r.e.fail(&u.rng, "Computed option name", "The options that an expression reads must be known before evaluation: only a map takes a computed key.")
			return
		case n.Former || n.Children[s.name] == nil && s.name != "name":
			t, ok := r.e.follow(n, s.name, u.rng, u.written(n, i), true)
			if t != nil {
				n = t
				break
			}
			r.sick = true
			if !ok {
				r.unknown(n, at, s.name, u.rng)
			}
			w.child(s.name, u.rng)
			return
		case n.Children[s.name] == nil:
			if s.name != "name" || n.Path == nil || n.Path[len(n.Path)-1] != option.Any {
				r.unknown(n, at, s.name, u.rng)
			}
			w.child(s.name, u.rng)
			return
		default:
			n = n.Children[s.name]
		}
		at = at.With(s.name)
		w = w.child(s.name, u.rng)
	}
	if u.shallow && n.Entry != nil {
		w.keys = true
		return
	}
	w.all = true
}

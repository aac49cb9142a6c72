package eval

import (
	"fmt"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
)

func (r *reading) config(uses []use, sc *scope) cty.Value {
	w := &want{at: uses[0].rng}
	for _, u := range uses {
		r.demand(w, r.e.root, nil, r.settled(u, sc), 0)
	}
	return r.build(r.e.root, nil, w)
}

// settled computes the keys of a path that are known before config is, so that
// config.user[each.key] reads one user and not all.
func (r *reading) settled(u use, sc *scope) use {
	copied := false
	for i, s := range u.steps {
		if s.key == nil {
			continue
		}
		own := &reading{e: r.e}
		v := own.read(s.key, sc)
		key, ok := option.KeyString(v)
		if !ok || own.diags.HasErrors() {
			continue
		}
		u.marked = u.marked || v.IsMarked()
		if !copied {
			u.steps, copied = slices.Clone(u.steps), true
		}
		u.steps[i].name, u.steps[i].any = key, false
	}
	return u
}

func (r *reading) unknown(n *option.Node, at option.Path, key string, rng hcl.Range) {
	r.sick = true // reported here, once, inside try() as well (language rule 20)
	if r.e.incomplete {
		return
	}
	r.e.fail(&rng, "Unknown option", n.Unknown(r.e.root, at, key))
}

func stepKey(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		return option.KeyString(s.Key)
	}
	return "", false
}

// build makes the value of n at path p. What is not known yet becomes an unknown
// with the mark of its cell.
func (r *reading) build(n *option.Node, p option.Path, w *want) cty.Value {
	switch {
	case n.IsOption():
		return r.leaf(r.e.leafCell(n, p), w.at)
	case n.Entry != nil:
		return r.buildMap(n, p, w)
	}
	vals := map[string]cty.Value{}
	if len(p) > 0 && n.Path[len(n.Path)-1] == option.Any {
		vals["name"] = cty.StringVal(p[len(p)-1])
	}
	for name, c := range n.Children {
		if n.Former && w.all {
			vals[name] = r.former(n, p, name, w)
		} else if n.Former {
			continue
		} else if w.all {
			vals[name] = r.build(c, p.With(name), &want{all: true, at: w.at})
		} else if kid := w.kids[name]; kid != nil {
			vals[name] = r.build(c, p.With(name), kid)
		}
	}
	for name, kid := range w.kids {
		if _, ok := vals[name]; !ok {
			vals[name] = r.former(n, p, name, kid)
		}
	}
	return cty.ObjectVal(vals)
}

// former is the value of an old name: that of the option with the new name.
func (r *reading) former(n *option.Node, p option.Path, name string, w *want) cty.Value {
	t, m, _ := r.e.renamed(n, name)
	switch {
	case t == nil:
		return cty.DynamicVal.Mark(poison{})
	case m == nil:
		return r.build(t, p.With(name), w)
	}
	return r.build(t, concrete(t.Path, keysOf(n, p)), w)
}

func (r *reading) buildMap(n *option.Node, p option.Path, w *want) cty.Value {
	vals := map[string]cty.Value{}
	if w.all || w.keys || w.each != nil {
		keys := r.e.keysCell(n, p)
		if keys.state != resolved {
			return r.wait(keys, cty.DynamicPseudoType, w.at)
		}
		if keys.bad {
			return r.poisoned()
		}
		if w.keys && !w.all && w.each == nil && len(w.kids) == 0 {
			if keys.names == cty.NilVal {
				keys.names = namesOnly(keys.keys)
			}
			return keys.names
		}
		for _, k := range keys.keys {
			vals[k] = r.build(n.Entry, p.With(k), w.entry(k))
		}
		for key, kid := range w.kids {
			if _, ok := slices.BinarySearch(keys.keys, key); !ok {
				r.absent(n, p, key, kid.at)
			}
		}
		return cty.ObjectVal(vals)
	}
	for key, kid := range w.kids {
		has := r.e.entryCell(n, p, key)
		switch {
		case has.state != resolved && !has.certain:
			vals[key] = r.wait(has, cty.DynamicPseudoType, kid.at)
		case has.bad:
			vals[key] = r.poisoned()
		case has.certain || has.exists:
			vals[key] = r.build(n.Entry, p.With(key), kid)
		default:
			r.absent(n, p, key, kid.at)
		}
	}
	return cty.ObjectVal(vals)
}

// namesOnly is a map of which only the keys are read.
func namesOnly(keys []string) cty.Value {
	vals := map[string]cty.Value{}
	for _, k := range keys {
		vals[k] = cty.EmptyObjectVal
	}
	return cty.ObjectVal(vals)
}

// absent records a read of an entry that nothing defines. hcl reports it as an
// error, unless try() or can() catches it; the record only improves hcl's words.
func (r *reading) absent(n *option.Node, p option.Path, key string, rng hcl.Range) {
	if r.e.incomplete {
		r.sick = true
	}
	r.gone = append(r.gone, absence{node: n, path: p, key: key, rng: rng})
}

func (r *reading) wait(c *cell, t cty.Type, at hcl.Range) cty.Value {
	r.refs = append(r.refs, ref{cell: c, rng: at})
	return cty.UnknownVal(t).Mark(pathMark{c})
}

func (r *reading) poisoned() cty.Value {
	r.sick = true
	return cty.DynamicVal.Mark(poison{})
}

func (r *reading) leaf(c *cell, at hcl.Range) cty.Value {
	if c.state != resolved {
		t := cty.DynamicPseudoType
		if c.node.Decl != nil {
			t = c.node.Decl.Type.Cty()
		}
		return r.wait(c, t, at)
	}
	if c.bad {
		return r.poisoned()
	}
	if !c.merged.Defined && c.node.Decl.Type.Kind != option.Optional {
		r.unset = append(r.unset, c)
		return cty.UnknownVal(c.node.Decl.Type.Cty()).Mark(missing{c})
	}
	return c.merged.Value
}

// inputs makes input.NAME for the named inputs, and opens them.
func (r *reading) inputs(uses []use, sc *scope) cty.Value {
	f := sc.mod.flake
	vals := map[string]cty.Value{}
	if f == nil {
		return cty.EmptyObjectVal
	}
	for _, u := range uses {
		names := f.InputNames()
		if len(u.steps) > 0 && !u.steps[0].any {
			names = []string{u.steps[0].name}
		}
		for _, name := range names {
			in := f.Input(name)
			if in == nil {
				r.fail(u.rng, "Unknown input", fmt.Sprintf("flake.hcl has no input %q.%s", name, option.DidYouMean(name, f.InputNames())))
				vals[name] = cty.DynamicVal
				continue
			}
			vals[name] = r.input(in, u.rng)
		}
	}
	return cty.ObjectVal(vals)
}

func (r *reading) input(in *flake.Input, rng hcl.Range) cty.Value {
	vals := map[string]cty.Value{"name": cty.StringVal(in.Name), "url": cty.StringVal(in.URL)}
	if in.Debian != nil {
		vals["suite"] = cty.StringVal(in.Debian.Suite)
		return cty.ObjectVal(vals)
	}
	opened := r.e.fleet.open(r.e.ctx, in)
	if opened.err != nil {
		r.fail(rng, "Cannot open input", report.Sentence(opened.err))
		return cty.DynamicVal
	}
	r.e.mounts[in.Path()] = in
	vals["path"], vals["rev"] = cty.StringVal(in.Path()), cty.StringVal(in.Rev())
	for _, d := range opened.diags {
		if d.Severity == hcl.DiagWarning {
			r.e.report(hcl.Diagnostics{d}) // what a reading reports counts only if it fails
			continue
		}
		r.diags = append(r.diags, d)
	}
	if opened.diags.HasErrors() {
		return cty.DynamicVal // what it exports is not known
	}
	if f := opened.flake; f != nil {
		for name, exports := range map[string]map[string]string{"modules": f.Exports.Modules, "templates": f.Exports.Templates, "packages": f.Exports.Packages} {
			paths := map[string]cty.Value{}
			for k, p := range exports {
				paths[k] = cty.StringVal(path.Join(in.Path(), p))
			}
			vals[name] = cty.ObjectVal(paths)
		}
	}
	return cty.ObjectVal(vals)
}

// eachValue is each.key, each.value and each.parent of the innermost
// for_each around the expression.
func (r *reading) eachValue(uses []use, sc *scope) (cty.Value, bool) {
	inst := sc.inst.around()
	if inst == nil {
		return cty.NilVal, false
	}
	vals := map[string]cty.Value{"key": cty.StringVal(inst.eachKey)}
	var outer []use
	for _, u := range uses {
		switch {
		case len(u.steps) == 0:
		case u.steps[0].name == "value":
			vals["value"] = r.element(inst)
		case u.steps[0].name == "parent":
			outer = append(outer, use{root: u.root, steps: u.steps[1:], rng: u.rng})
		}
	}
	if len(outer) > 0 {
		if v, ok := r.eachValue(outer, &scope{inst: inst.parent}); ok {
			vals["parent"] = v
		}
	}
	return cty.ObjectVal(vals), true
}

// element is each.value of an instance. It may be known while other elements of
// the for_each are not.
func (r *reading) element(inst *instance) cty.Value {
	b := inst.block
	if elem, ok := inst.parent.elems[b][inst.eachKey]; ok {
		return elem
	}
	v := r.read(b.forEach, &scope{mod: b.mod, inst: inst.parent})
	elems, err := eachElements(v)
	elem, ok := elems[inst.eachKey]
	if !ok || err != nil {
		return r.poisoned()
	}
	if v.IsWhollyKnown() {
		inst.parent.keepElements(b, elems)
	}
	return elem
}

// selfValue is the innermost map entry around the expression (language rule 15).
func (r *reading) selfValue(uses []use, sc *scope) (cty.Value, bool) {
	entry, p := sc.entry, sc.self
	if entry == nil && sc.inst != nil {
		entry, p = sc.inst.entry, sc.inst.path
	}
	if entry == nil {
		return cty.NilVal, false
	}
	return r.selfAt(entry, p, uses, 0), true
}

func (r *reading) selfAt(entry *option.Node, p option.Path, uses []use, i int) cty.Value {
	w := &want{at: uses[0].rng}
	var parents []use
	for _, u := range uses {
		if len(u.steps) > i && u.steps[i].name == "parent" && entry.Children["parent"] == nil {
			parents = append(parents, u)
			continue
		}
		r.demand(w, entry, p, u, i)
	}
	v := r.build(entry, p, w)
	outer, outerPath := r.e.enclosing(entry, p)
	if len(parents) == 0 || outer == nil {
		return v
	}
	vals := v.AsValueMap()
	if vals == nil {
		vals = map[string]cty.Value{}
	}
	vals["parent"] = r.selfAt(outer, outerPath, parents, i+1)
	return cty.ObjectVal(vals)
}

// enclosing is the entry around the entry at p.
func (e *evaluator) enclosing(entry *option.Node, p option.Path) (*option.Node, option.Path) {
	for i := len(entry.Path) - 2; i >= 0; i-- {
		if entry.Path[i] == option.Any {
			n, _ := e.root.Find(p[:i+1])
			return n, p[:i+1]
		}
	}
	return nil, nil
}

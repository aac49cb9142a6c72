package eval

import (
	"path/filepath"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Options is the tree of every option of the host. Declaration reads what a
// library node does not contain yet.
func (r *Result) Options() *option.Node { return r.eval.root }

// Declaration is the option block of n, or nil if n is not an option.
func (r *Result) Declaration(n *option.Node) *option.Declaration {
	if !n.IsOption() || n.Decl == nil && n.Library == "" {
		return nil
	}
	return r.eval.declaration(n)
}

// Incomplete reports whether a file did not parse, so that what it imports,
// declares and defines is missing.
func (r *Result) Incomplete() bool { return r.eval.incomplete }

// Paths maps the files of the flake and its inputs that the host uses, by their
// names in diagnostics, to their paths on disk.
func (r *Result) Paths() map[string]string {
	paths := map[string]string{}
	for real, m := range r.eval.modules {
		if m.flake != nil {
			paths[m.name] = real
			paths[m.flake.Label+"flake.hcl"] = filepath.Join(m.flake.Dir, "flake.hcl")
		}
	}
	return paths
}

// Keys are the entries of the map of options at p, or the keys of the option's
// value there; nil if there are none.
func (r *Result) Keys(p option.Path) []string {
	n, taken := r.eval.root.Find(p)
	switch {
	case taken < len(p):
		return nil
	case n.Entry != nil:
		return below(r.eval, n, p)
	case n.IsOption():
		return r.eval.leafKeys(place{node: n, path: p})
	}
	return nil
}

// AllowedKeys are the only keys that the map in n may have; nil if it may have
// any.
func (r *Result) AllowedKeys(n *option.Node) []string {
	d := r.Declaration(n)
	if d == nil || d.Keys == nil {
		return nil
	}
	known, _ := r.eval.allowedKeys(n, d)
	return known
}

// Makers are the places that make the entry at p.
func (r *Result) Makers(p option.Path) []hcl.Range {
	if len(p) == 0 {
		return nil
	}
	outer, key := p[:len(p)-1], p[len(p)-1]
	n, taken := r.eval.root.Find(outer)
	if taken < len(outer) || n.Entry == nil {
		return nil
	}
	var out []hcl.Range
	makers, _ := r.eval.makers(n, outer, &key)
	for _, m := range makers {
		if m.key == key {
			out = append(out, m.def.Range)
		}
	}
	return out
}

// Args is the object that expressions see as args.
func (r *Result) Args() cty.Value { return r.eval.args }

// Functions are those that the file at a path on disk can call, including its
// own.
func (r *Result) Functions(path string) map[string]function.Function {
	m := r.eval.modules[path]
	if m == nil {
		m = r.eval.flakeModule()
	}
	out := map[string]function.Function{}
	for ctx := m.ctx; ctx != nil; ctx = ctx.Parent() {
		for name, f := range ctx.Functions {
			if _, hidden := out[name]; !hidden {
				out[name] = f
			}
		}
	}
	return out
}

// Text is a piece of a file that the host uses; "" if there is none.
func (r *Result) Text(at hcl.Range) string {
	text, _ := r.eval.fleet.text(at)
	return text
}

// SameSpec reports whether two results describe the same host, whatever files
// describe it.
func (r *Result) SameSpec(other *Result) bool {
	if r == nil || other == nil || r.Spec == nil || other.Spec == nil {
		return r == other
	}
	a, b := *r.Spec, *other.Spec
	a.Origins, b.Origins = nil, nil
	return reflect.DeepEqual(a, b)
}

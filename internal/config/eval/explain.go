package eval

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Explanation is how one option came to its value.
type Explanation struct {
	Path        string       `json:"path"`
	Type        string       `json:"type"`
	Description string       `json:"description,omitempty"`
	Value       string       `json:"value"`
	Declared    string       `json:"declared"` // file:line of the option block
	Definitions []Definition `json:"definitions"`
}

// Definition is one line that sets the option, strongest first.
type Definition struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Layer    string `json:"layer"`
	Priority string `json:"priority"`
	Text     string `json:"text"` // as it stands in the file
	Wins     bool   `json:"wins"` // its value, or a part of it, is in the result
}

// find follows a path to a group, a map, an entry or an option.
func (r *Result) find(path string) (*option.Node, option.Path, hcl.Diagnostics) {
	p, err := option.ParsePath(path)
	if err != nil {
		return nil, nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Invalid path", Detail: sentence(err)}}
	}
	e := r.eval
	n, taken := e.root.Find(p)
	if taken == len(p) {
		return n, p, nil
	}
	// Dots inside a key: sysctl.net.ipv4.ip_forward, file./etc/motd.
	return nil, nil, hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "Unknown option", Detail: n.Unknown(e.root, p[:taken], p[taken]),
	}}
}

// Explain says which definitions an option has, and which of them count.
func (r *Result) Explain(path string) (*Explanation, hcl.Diagnostics) {
	n, p, diags := r.find(path)
	if diags.HasErrors() {
		return nil, diags
	}
	if !n.IsOption() {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Not an option", Detail: fmt.Sprintf("%s holds options; name one of them: %v.", p, below(r.eval, n, p)),
		}}
	}
	c := r.eval.leafAt(p)
	if c == nil {
		return nil, r.eval.diags
	}
	decl := r.eval.declaration(n)
	x := &Explanation{Path: p.String(), Type: decl.Type.String(), Description: decl.Description, Declared: option.At(decl.Range), Value: "(failed)"}
	if !c.bad {
		x.Value = option.Text(c.merged.Value)
	}
	defs := slices.Clone(c.defs)
	slices.SortStableFunc(defs, func(a, b *option.Definition) int {
		return cmp.Or(compareBool(b.Wins, a.Wins), cmp.Compare(b.Priority, a.Priority), cmp.Compare(b.Source.Layer, a.Source.Layer), cmp.Compare(b.Source.Index, a.Source.Index))
	})
	for _, d := range defs {
		x.Definitions = append(x.Definitions, Definition{
			File: d.Range.Filename, Line: d.Range.Start.Line, Layer: d.Source.Layer.String(), Priority: d.Priority.String(),
			Text: r.source(d.Range), Wins: d.Wins,
		})
	}
	return x, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// below are the names of what a group, a map or an entry holds.
func below(e *evaluator, n *option.Node, p option.Path) []string {
	if n.Entry == nil {
		return n.Names()
	}
	keys := e.keysCell(n, p)
	e.resolve(keys, hcl.Range{})
	return keys.keys
}

func (r *Result) source(rng hcl.Range) string {
	f := r.Files[rng.Filename]
	if f == nil || rng.End.Byte > len(f.Bytes) {
		return ""
	}
	return string(f.Bytes[rng.Start.Byte:rng.End.Byte])
}

// Option is the value of an option, or of all options of a group, a map or
// an entry.
func (r *Result) Option(path string) (cty.Value, hcl.Diagnostics) {
	n, p, diags := r.find(path)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	before := len(r.eval.diags)
	v := r.eval.whole(n, p)
	return v, r.eval.diags[before:]
}

// whole is everything at and below n; what failed or is not defined is null.
func (e *evaluator) whole(n *option.Node, p option.Path) cty.Value {
	vals := map[string]cty.Value{}
	switch {
	case n.IsOption():
		c := e.leafAt(p)
		if c == nil || c.bad {
			return cty.NullVal(cty.DynamicPseudoType)
		}
		v, _ := c.merged.Value.UnmarkDeep()
		return v
	case n.Entry != nil:
		for _, k := range below(e, n, p) {
			vals[k] = e.whole(n.Entry, p.With(k))
		}
	default:
		for _, name := range n.Names() {
			vals[name] = e.whole(n.Children[name], p.With(name))
		}
	}
	return cty.ObjectVal(vals)
}

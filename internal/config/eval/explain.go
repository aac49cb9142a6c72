package eval

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Explanation says how an option, or an element of its value, got its value.
type Explanation struct {
	Path        string          `json:"path"`
	Type        string          `json:"type"`
	Description string          `json:"description,omitempty"`
	Value       string          `json:"-"` // as HCL; (failed) where it has an error
	JSON        json.RawMessage `json:"value"`
	Declared    string          `json:"declared"`       // file:line of the option block
	Gone        bool            `json:"gone,omitempty"` // an element that is defined and is not in the result
	Definitions []Definition    `json:"definitions"`
	Elements    []Element       `json:"elements,omitempty"`
}

// Definition is one line that sets the option, strongest first.
type Definition struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Layer    string `json:"layer"`
	Priority string `json:"priority"`
	Text     string `json:"text"`              // as written in the file
	Each     string `json:"each,omitempty"`    // each.key of the for_each around it
	Wins     bool   `json:"wins"`              // its value, or a part of it, is in the result
	Removes  bool   `json:"removes,omitempty"` // it is in without()
}

// place is what a path leads to: a node, and below an option a key.
type place struct {
	node *option.Node
	path option.Path
	rest string // the rest of the path, into an option's value
	name bool   // it is the name of the entry
}

// find follows a path as people type it: an HCL traversal, or with dots where
// only one key fits: sysctl.net.ipv4.ip_forward, file./etc/motd.mode.
func (r *Result) find(path string) (place, hcl.Diagnostics) {
	at := place{node: r.eval.root}
	rest := "." + path
	for rest != "" {
		if at.node.IsOption() {
			at.rest = rest
			return at, nil
		}
		if rest == ".name" && isEntry(at) && at.node.Children["name"] == nil {
			at.name = true
			return at, nil
		}
		if now, after, ok := r.eval.formerly(at, rest); ok {
			at, rest = now, after
			continue
		}
		names := below(r.eval, at.node, at.path)
		name, after, ok := oneKey(rest, names)
		if !ok {
			name = firstKey(rest)
			if at.node.Entry != nil {
				return at, notFound(r.eval.undeclared(at, name, names))
			}
			return at, notFound(r.unknown(at, name, path))
		}
		if at.node.Entry != nil {
			at.node = at.node.Entry
		} else {
			at.node = at.node.Children[name]
		}
		at.path, rest = at.path.With(name), after
	}
	return at, nil
}

// isEntry reports whether a place is an entry of a map.
func isEntry(at place) bool {
	return len(at.node.Path) > 0 && at.node.Path[len(at.node.Path)-1] == option.Any
}

// unknown explains that a path as people type it leads nowhere. It proposes only
// a similar name from which the rest of the path leads on.
func (r *Result) unknown(at place, name, path string) string {
	known := map[string]bool{}
	r.eval.root.Walk(func(n *option.Node) {
		for i := range n.Path {
			known[strings.Join(n.Path[:i+1], ".")] = true
		}
	})
	near := option.NearestPath(strings.Split(path, "."), sortedKeys(known))
	return at.node.Missing(at.path, name) + option.Meant(r.eval.root, name, near)
}

// formerly follows the next name of a path if a moved block renames it.
func (e *evaluator) formerly(at place, rest string) (now place, after string, ok bool) {
	name, after, more := strings.Cut(strings.TrimPrefix(rest, "."), ".")
	if at.node.Entry != nil || at.node.IsOption() || at.node.Children[name] != nil && !at.node.Former {
		return at, rest, false
	}
	t, m, ok := e.renamed(at.node, name)
	if !ok || t == nil {
		return at, rest, false
	}
	if more {
		after = "." + after
	}
	if m == nil {
		return place{node: t, path: at.path.With(name)}, after, true
	}
	return place{node: t, path: concrete(t.Path, keysOf(at.node, at.path))}, after, true
}

func notFound(detail string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Unknown option", Detail: detail}}
}

// firstKey is the next key of a path that leads nowhere.
func firstKey(rest string) string {
	if quoted, ok := strings.CutPrefix(rest, `["`); ok {
		name, _, _ := strings.Cut(quoted, `"]`)
		return strings.TrimSuffix(name, `"`)
	}
	rest = strings.TrimLeft(rest, ".[")
	if i := strings.IndexAny(rest, ".[]"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// oneKey removes .KEY or ["KEY"] from the front of a path: the longest of names
// that fits. A shell may have removed the quotes: [KEY].
func oneKey(rest string, names []string) (key, after string, ok bool) {
	for _, name := range names {
		for _, form := range []string{"." + name, fmt.Sprintf("[%q]", name), "[" + name + "]"} {
			tail, fits := strings.CutPrefix(rest, form)
			if fits && (tail == "" || tail[0] == '.' || tail[0] == '[') && (!ok || len(name) > len(key)) {
				key, after, ok = name, tail, true
			}
		}
	}
	return key, after, ok
}

// leafKeys are the keys of an option whose value is a map.
func (e *evaluator) leafKeys(at place) []string {
	c := e.leafAt(at.path)
	if c == nil || c.bad || c.merged.Value.IsNull() {
		return nil
	}
	v, _ := c.merged.Value.Unmark()
	if !v.Type().IsMapType() && !v.Type().IsObjectType() {
		return nil
	}
	return sortedKeys(v.AsValueMap())
}

// Explain lists the definitions of an option, and says which of them count.
func (r *Result) Explain(path string) (*Explanation, hcl.Diagnostics) {
	at, diags := r.find(path)
	if diags.HasErrors() {
		return nil, diags
	}
	n, p := at.node, at.path
	if !n.IsOption() {
		if at.name {
			return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Not an option", Detail: fmt.Sprintf("The name of an entry is its key: %q.", p[len(p)-1])}}
		}
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Not an option", Detail: notAnOption(p, below(r.eval, n, p)),
		}}
	}
	c := r.eval.leafAt(p)
	if c == nil {
		return nil, r.eval.log.All()
	}
	decl := r.eval.declaration(n)
	x := &Explanation{
		Path: p.String(), Type: decl.Type.String(), Description: decl.Description, Declared: option.At(decl.Range),
		Value: "(failed)", JSON: json.RawMessage("null"), Definitions: []Definition{},
	}
	if !c.bad {
		x.Value, x.JSON = option.Text(c.merged.Value), asJSON(c.merged.Value)
		if at.rest != "" {
			return r.explainElement(x, at)
		}
		x.Elements = r.elements(p.String(), r.eval.trace(c, decl.Type))
	}
	defs := slices.Clone(c.defs)
	slices.SortStableFunc(defs, func(a, b *option.Definition) int {
		return cmp.Or(compareBool(b.Wins, a.Wins), cmp.Compare(b.Priority, a.Priority), cmp.Compare(b.Source.Layer, a.Source.Layer), cmp.Compare(b.Source.Index, a.Source.Index))
	})
	for _, d := range defs {
		x.Definitions = append(x.Definitions, r.definition(d, d.Range, d.Priority, d.Wins))
	}
	return x, nil
}

func (r *Result) definition(d *option.Definition, at hcl.Range, p option.Priority, wins bool) Definition {
	return Definition{
		File: at.Filename, Line: at.Start.Line, Layer: d.Source.Layer.String(), Priority: p.String(),
		Text: r.Text(at), Each: eachOf(d), Wins: wins,
	}
}

// asJSON is a value as plain JSON: for a null of any type, ctyjson would add the
// type. Secrets are references in it.
func asJSON(v cty.Value) json.RawMessage {
	v, _ = v.UnmarkDeep()
	if v.IsNull() || !v.IsKnown() {
		return json.RawMessage("null")
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return json.RawMessage("null") // part of it is not known
	}
	return b
}

// eachOf is the each.key that a definition applies to.
func eachOf(d *option.Definition) string {
	if s, ok := d.Site.(*site); ok {
		for inst := s.inst; inst != nil; inst = inst.parent {
			if inst.each {
				return inst.eachKey
			}
		}
	}
	return ""
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

// notAnOption explains a path that leads to a group, a map or an entry.
func notAnOption(p option.Path, below []string) string {
	if len(below) == 0 {
		return fmt.Sprintf("%s contains entries, and this host declares none.", p)
	}
	return fmt.Sprintf("%s contains options; name one of them: %s.", p, strings.Join(below, ", "))
}

// below lists the names in a group, a map or an entry.
func below(e *evaluator, n *option.Node, p option.Path) []string {
	if n.Entry == nil {
		return n.Names()
	}
	keys := e.keysCell(n, p)
	e.resolve(keys, hcl.Range{})
	return keys.keys
}

// Option is the value of an option, or of all options of a group, a map or
// an entry.
func (r *Result) Option(path string) (cty.Value, hcl.Diagnostics) {
	at, diags := r.find(path)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	if at.name {
		return cty.StringVal(at.path[len(at.path)-1]), nil
	}
	before := r.eval.log.Count()
	if at.rest != "" {
		return r.elementValue(at)
	}
	v := r.eval.whole(at.node, at.path)
	return v, r.eval.log.Since(before)
}

// whole is everything at and below n. What failed or is not defined is null.
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

package eval

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Inventory is a host in outline: what it has, and what its applications are
// for.
type Inventory struct {
	Hardware     string // hardware.description; "" if not set
	Disks        bool   // it declares disks
	Secrets      bool
	Persistence  bool
	Home         bool // it declares something in a home folder
	Applications []Application
}

// Application is an entry of the option `application`.
type Application struct {
	Name       string
	Functions  []string // sorted
	Missing    string   // why the host lacks it; "" if it does not
	ByTemplate bool     // the host's template asks for it, even if others do too
}

// Inventory is the outline of the evaluated host.
func (r *Result) Inventory() *Inventory {
	e := r.eval
	has := func(name string) bool {
		n := e.root.Children[name]
		return n != nil && n.Entry != nil && len(below(e, n, option.Path{name})) > 0
	}
	inv := &Inventory{
		Hardware: e.text(option.Path{"hardware", "description"}),
		Disks:    has("disk"), Secrets: has("secret"), Persistence: has("persistence"), Home: has("home"),
	}
	at := option.Path{"application"}
	n, _ := e.root.Find(at)
	for _, name := range below(e, n, at) {
		layers := e.layers(n, at, name)
		inv.Applications = append(inv.Applications, Application{
			Name: name, Functions: e.texts(at.With(name).With("function")), Missing: e.text(at.With(name).With("missing")),
			ByTemplate: slices.Contains(layers, option.Template),
		})
	}
	return inv
}

// layers are those of all lines that make an entry. A library line counts as the
// user's line that caused it.
func (e *evaluator) layers(n *option.Node, at option.Path, key string) []option.Layer {
	makers, _ := e.makers(n, at, &key)
	var out []option.Layer
	for _, m := range makers {
		if m.key != key {
			continue
		}
		layer := m.def.Source.Layer
		if c := e.cause(m.def, m.def.Range, key, 0); c != nil {
			layer = c.def.Source.Layer
		}
		out = append(out, layer)
	}
	return out
}

// texts is the value of an option that is a string or a set of strings.
func (e *evaluator) texts(p option.Path) []string {
	c := e.leafAt(p)
	if c == nil || c.bad || !c.merged.Defined {
		return nil
	}
	v, _ := c.merged.Value.Unmark()
	if v.IsNull() || !v.Type().IsSetType() && !v.Type().IsListType() && !v.Type().IsTupleType() {
		return []string{e.text(p)}
	}
	var out []string
	for _, s := range v.AsValueSlice() {
		out = append(out, s.AsString())
	}
	return out
}

// text is the value of an option that is a string; "" if it has none.
func (e *evaluator) text(p option.Path) string {
	c := e.leafAt(p)
	if c == nil || c.bad || !c.merged.Defined {
		return ""
	}
	v, _ := c.merged.Value.Unmark()
	if v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

package lsp

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/syntax"
)

// mention is a place where a file names something.
type mention struct {
	of    thing
	path  string // of the file
	at    hcl.Range
	write bool // it makes or sets it
}

// thing is something with a name: an option by its declared path, a group or an
// entry of a map by its path, a local or a function by its file and name.
type thing struct{ kind, file, name string }

const (
	thingOption   = "option"
	thingGroup    = "group"
	thingEntry    = "entry"
	thingLocal    = "local"
	thingArgument = "argument"
	thingFunction = "function"
	thingHost     = "host"
	thingTemplate = "template"
	thingInput    = "input"
)

// last is the part of its name that a mention shows.
func (t thing) last() string {
	if t.kind == thingOption || t.kind == thingGroup {
		return t.name[strings.LastIndex(t.name, ".")+1:]
	}
	if t.kind == thingEntry {
		return t.name[strings.LastIndex(t.name, "\x00")+1:]
	}
	return t.name
}

// mentions collects those of one file.
type mentions struct {
	path      string
	src       []byte
	host      *eval.Result // a host that uses the file
	functions map[string]*hclsyntax.Block
	out       []mention
}

// mentionsIn lists what a file names, each place once; nothing if the file does
// not parse.
func mentionsIn(path string, src []byte, host *eval.Result) []mention {
	file, diags := syntax.Parse(path, src)
	if diags.HasErrors() || file == nil || host == nil {
		return nil
	}
	m := &mentions{path: path, src: src, host: host, functions: functionsOf(src)}
	top := file.Body.(*hclsyntax.Body)
	if strings.HasSuffix(path, "/flake.hcl") {
		m.flakeFile(top)
	} else {
		m.body(top, spot{node: host.Options()}, nil, true)
	}
	slices.SortStableFunc(m.out, func(a, b mention) int { return a.at.Start.Byte - b.at.Start.Byte })
	return slices.CompactFunc(m.out, func(a, b mention) bool { return a.of == b.of && a.at == b.at })
}

// add records a mention; at may contain more than the name, such as a dot, quotes
// or the path before it.
func (m *mentions) add(of thing, at hcl.Range, write bool) {
	if !at.CanSliceBytes(m.src) || at.Empty() {
		return
	}
	name := of.last()
	i := strings.LastIndex(string(at.SliceBytes(m.src)), name)
	if i < 0 {
		return // it is written differently
	}
	at.Start.Byte += i
	at.End.Byte = at.Start.Byte + len(name)
	m.out = append(m.out, mention{of: of, path: m.path, at: at, write: write})
}

// enter goes to the child of s called name and records that it is named at a
// place.
func (m *mentions) enter(s *spot, name string, at hcl.Range, write bool) {
	inside := s.typ != nil
	s.enter(m.host, name)
	if inside || s.node == nil {
		return
	}
	switch {
	case s.node.IsOption():
		m.add(thing{kind: thingOption, name: s.node.Path.String()}, at, write)
	case s.path[len(s.path)-1] == option.Any:
	case s.node.Path[len(s.node.Path)-1] == option.Any:
		m.add(thing{kind: thingEntry, name: s.path.Key()}, at, write)
	default:
		m.add(thing{kind: thingGroup, name: s.node.Path.String()}, at, write)
	}
}

// body records what a body names. self is its entry.
func (m *mentions) body(b *hclsyntax.Body, s spot, self *spot, top bool) {
	for name, a := range b.Attributes {
		in := s
		switch {
		case s.block == "locals":
			m.add(thing{thingLocal, m.path, name}, a.NameRange, true)
		case s.block == "moved":
			m.optionNamed(a.Expr)
		case s.block == "" && s.node != nil && !option.Reserved(name, top):
			m.enter(&in, name, a.NameRange, true)
			m.value(a.Expr, in)
		}
		m.reads(a.Expr, self)
	}
	for _, blk := range b.Blocks {
		in, own := s, self
		if top && option.Reserved(blk.Type, true) {
			m.languageBlock(blk)
			if blk.Type != "config" {
				in = spot{block: blk.Type}
			}
		} else if s.block != "" {
			in.block += "." + blk.Type
		} else if s.node != nil {
			m.enter(&in, blk.Type, blk.TypeRange, true)
			labels := blk.Labels
			if in.node != nil && in.node.Entry != nil && len(labels) == 0 {
				in.enter(m.host, option.Any)
			}
			for i, label := range labels {
				m.enter(&in, label, blk.LabelRanges[i], true)
			}
			if in.node != nil && len(in.node.Path) > 0 && in.node.Path[len(in.node.Path)-1] == option.Any {
				entry := in
				own = &entry
			}
		}
		m.body(blk.Body, in, own, false)
	}
}

// languageBlock records what the label of one of the language's own blocks names.
func (m *mentions) languageBlock(b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		return
	}
	switch b.Type {
	case "option":
		m.add(thing{kind: thingOption, name: b.Labels[0]}, b.LabelRanges[0], true)
	case "function":
		m.add(thing{thingFunction, m.path, b.Labels[0]}, b.LabelRanges[0], true)
	}
}

// optionNamed records an option whose path is a text.
func (m *mentions) optionNamed(x hclsyntax.Expression) {
	v, diags := x.Value(nil)
	if !diags.HasErrors() && v.Type() == cty.String && !v.IsNull() {
		m.add(thing{kind: thingOption, name: v.AsString()}, x.Range(), false)
	}
}

// value records the options that the keys of an object name, also inside
// modifiers.
func (m *mentions) value(x hclsyntax.Expression, s spot) {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		m.value(x.Expression, s)
	case *hclsyntax.FunctionCallExpr:
		if slices.Contains(modifiers(), x.Name) && len(x.Args) > 0 {
			m.value(x.Args[0], s)
		}
	case *hclsyntax.ObjectConsExpr:
		for _, item := range x.Items {
			in := s
			if key, diags := item.KeyExpr.Value(nil); !diags.HasErrors() && key.Type() == cty.String && !key.IsNull() {
				m.enter(&in, key.AsString(), item.KeyExpr.Range(), true)
			} else {
				in.enter(m.host, option.Any)
			}
			if in.node != nil {
				m.value(item.ValueExpr, in)
			}
		}
	}
}

// reads records what an expression reads.
func (m *mentions) reads(x hclsyntax.Expression, self *spot) {
	for _, r := range eval.Reads(x) {
		if len(r.Path) == 0 {
			continue
		}
		switch r.Root {
		case "config":
			m.follow(spot{node: m.host.Options()}, r)
		case "self":
			if self != nil {
				m.follow(*self, r)
			}
		case "local":
			m.add(thing{thingLocal, m.path, r.Path[0]}, r.Names[0], false)
		case "args":
			m.add(thing{kind: thingArgument, name: r.Path[0]}, r.Names[0], false)
		case "input":
			m.add(thing{kind: thingInput, name: r.Path[0]}, r.Names[0], false)
		}
	}
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && m.functions[call.Name] != nil {
			m.add(thing{thingFunction, m.path, call.Name}, call.NameRange, false)
		}
		return nil
	})
}

func (m *mentions) follow(s spot, r eval.Read) {
	for i, name := range r.Path {
		m.enter(&s, name, r.Names[i], false)
		if s.node == nil {
			return
		}
	}
}

// flakeFile records what flake.hcl names.
func (m *mentions) flakeFile(b *hclsyntax.Body) {
	for name, a := range b.Attributes {
		if name == "template" {
			if v, diags := a.Expr.Value(nil); !diags.HasErrors() && v.Type() == cty.String && !v.IsNull() {
				m.add(thing{kind: thingTemplate, name: v.AsString()}, a.Expr.Range(), false)
			}
		}
		m.reads(a.Expr, nil)
	}
	for _, blk := range b.Blocks {
		switch blk.Type {
		case thingHost, thingTemplate, thingInput:
			if len(blk.Labels) == 1 {
				m.add(thing{kind: blk.Type, name: blk.Labels[0]}, blk.LabelRanges[0], true)
			}
		case "args":
			for name, a := range blk.Body.Attributes {
				m.add(thing{kind: thingArgument, name: name}, a.NameRange, true)
			}
		}
		m.flakeFile(blk.Body)
	}
}

package lsp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/option"
)

// pointed is the name or the quoted text at the cursor.
func (q *request) pointed() *cursor {
	return cursorAt(q.text.src, wordEnd(q.text.src, q.offset))
}

// meant is the option, group or entry that a cursor names. Its node is nil if it
// names none.
func (q *request) meant(r *eval.Result, c *cursor) spot {
	switch {
	case q.inFlake() && len(c.steps) == 0:
		return spot{}
	case len(c.steps) > 0 && c.steps[0] == "config":
		return reading(r, append(c.steps[1:len(c.steps):len(c.steps)], c.word))
	case c.naming() && c.word != "":
		s := spotAt(r, c, false)
		if len(c.levels) == 1 && option.Reserved(c.word, true) || option.Reserved(c.word, false) {
			return spot{}
		}
		s.enter(r, c.word)
		return s
	}
	if block, ok := c.labelling(); ok {
		outer := *c
		outer.levels = outer.levels[:len(outer.levels)-1]
		s := spotAt(r, &outer, false)
		if s.block == "" && block == "option" && len(outer.levels) == 1 {
			return reading(r, strings.Split(c.word, "."))
		}
		s.enter(r, block)
		s.enter(r, c.word)
		return s
	}
	return spot{}
}

func (q *request) hover() *hover {
	r := q.hostOf(q.path)
	if r == nil {
		return nil
	}
	c := q.pointed()
	s := q.meant(r, c)
	if s.node != nil && s.node.IsOption() {
		return &hover{Contents: markdown(q.describe(r, s))}
	}
	if s.node != nil && len(s.path) > 0 {
		return &hover{Contents: markdown(q.group(r, s))}
	}
	if f, ok := r.Functions(q.path)[c.word]; ok && !c.quoted() && len(c.steps) == 0 && c.top().value {
		return &hover{Contents: markdown("```hcl\n" + signature(c.word, f) + "\n```\n\n" + f.Description())}
	}
	if text := q.known(r, c); text != "" {
		return &hover{Contents: markdown(text)}
	}
	return nil
}

// known is the value of args.X and the source of local.X.
func (q *request) known(r *eval.Result, c *cursor) string {
	if len(c.steps) == 0 {
		return ""
	}
	switch c.steps[0] {
	case "args":
		v := r.Args()
		for _, name := range append(c.steps[1:len(c.steps):len(c.steps)], c.word) {
			v = member(v, name)
		}
		if v != cty.NilVal {
			return "```hcl\n" + option.Text(v) + "\n```"
		}
	case "local":
		if a := localsOf(q.text.src)[c.word]; a != nil && len(c.steps) == 1 {
			return "```hcl\n" + string(a.SrcRange.SliceBytes(q.text.src)) + "\n```"
		}
	}
	return ""
}

// describe is an option's documentation. If its path is not computed, it includes
// the values on the hosts that use the file.
func (q *request) describe(r *eval.Result, s spot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", option.Path(s.node.Path))
	d := r.Declaration(s.node)
	if d != nil {
		fmt.Fprintf(&b, " `%s`\n\n%s\n", d.Type, q.declared(d))
	}
	for _, p := range s.path {
		if p == option.Any {
			return b.String()
		}
	}
	path := s.path[:min(len(s.path), len(s.node.Path))]
	names := q.partOf(q.path)
	for _, name := range names {
		b.WriteString(q.valueOn(name, path))
	}
	if more := len(q.workspace.hosts(q.path)) - len(names); more > 0 {
		fmt.Fprintf(&b, "\nAnd %d more hosts\n", more)
	}
	if d := q.open[q.path]; d != nil && d.broken != nil {
		b.WriteString("\nThis file does not parse: these are the values from before the mistake.\n")
	}
	return b.String()
}

// valueOn is an option's value on a host, with the line that decides it.
func (q *request) valueOn(name string, path option.Path) string {
	r := q.view.host(q.workspace, name)
	if !slices.Contains(slices.Collect(maps.Values(r.Paths())), q.path) {
		return ""
	}
	x, diags := r.Explain(path.String())
	if diags.HasErrors() || x == nil {
		return ""
	}
	decided := ""
	if n := len(x.Definitions); n > 0 && x.Definitions[0].Wins {
		w := x.Definitions[0]
		decided = fmt.Sprintf(" (%s:%d, %s layer)", w.File, w.Line, w.Layer)
	}
	return fmt.Sprintf("\nOn %s: `%s`%s\n", name, oneLine(x.Value), decided)
}

// declared is the content of an option block.
func (q *request) declared(d *option.Declaration) string {
	var b strings.Builder
	b.WriteString(d.Description + "\n")
	if d.Default != nil {
		fmt.Fprintf(&b, "\nDefault: `%s`\n", oneLine(q.source(d.Default.Range())))
	}
	if d.Example != nil {
		fmt.Fprintf(&b, "\nExample: `%s`\n", oneLine(q.source(d.Example.Range())))
	}
	if d.Range.Filename != "" {
		fmt.Fprintf(&b, "\nDeclared in %s\n", option.At(d.Range))
	}
	return b.String()
}

// source is a piece of a file that was read.
func (q *request) source(at hcl.Range) string {
	for _, r := range q.loaded {
		return r.Text(at)
	}
	return ""
}

// group lists what a group, a map or an entry contains.
func (q *request) group(r *eval.Result, s spot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** ", s.path)
	if s.node.Entry != nil {
		fmt.Fprintf(&b, "map of options\n")
		if keys := r.Keys(s.path); len(keys) > 0 {
			fmt.Fprintf(&b, "\nEntries: %s\n", strings.Join(keys, ", "))
		}
		if s.node.Entry.Children == nil {
			return b.String()
		}
		s.node = s.node.Entry
	} else {
		fmt.Fprintf(&b, "group of options\n")
	}
	for _, name := range s.node.Names() {
		line := "\n- `" + name + "`"
		if d := r.Declaration(s.node.Children[name]); d != nil {
			first, _, _ := strings.Cut(d.Description, "\n")
			line += " " + d.Type.String() + ": " + first
		}
		b.WriteString(line)
	}
	return b.String()
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "..."
	}
	return s
}

func signature(name string, f function.Function) string {
	var args []string
	for _, p := range f.Params() {
		args = append(args, p.Name)
	}
	if v := f.VarParam(); v != nil {
		args = append(args, v.Name+"...")
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

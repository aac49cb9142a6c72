package lsp

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// define finds where the thing at the cursor is defined.
func (q *request) define() []location {
	c := q.pointed()
	r := q.hostOf(q.path)
	_, label := c.labelling()
	if c.quoted() && !label {
		if q.inFlake() && c.levels[len(c.levels)-2].key == "template" && q.view != nil {
			if t := q.flake.Template(c.word); t != nil {
				return q.at(&t.Range)
			}
			return nil
		}
		return q.file(c.word)
	}
	if len(c.steps) > 0 {
		switch c.steps[0] {
		case "local":
			if a := localsOf(q.text.src)[afterRoot(c)]; a != nil {
				return []location{{URI: uriOf(q.path), Range: q.text.span(a.NameRange)}}
			}
		case "args":
			return q.at(q.argument(afterRoot(c)))
		case "input":
			return q.inputAt(c)
		}
	}
	if b := functionsOf(q.text.src)[c.word]; b != nil && c.top().value && !c.quoted() && len(c.steps) == 0 {
		return []location{{URI: uriOf(q.path), Range: q.text.span(b.DefRange())}}
	}
	if r == nil {
		return nil
	}
	return q.declaration(r, c)
}

// afterRoot is X of local.X and local.X.y.z.
func afterRoot(c *cursor) string {
	if len(c.steps) > 1 {
		return c.steps[1]
	}
	return c.word
}

// declaration is the option block of an option, and the blocks that make an
// entry of a map.
func (q *request) declaration(r *eval.Result, c *cursor) []location {
	s := q.meant(r, c)
	if s.node == nil {
		return nil
	}
	if d := r.Declaration(s.node); d != nil && d.Range.Filename != "" {
		return q.at(&d.Range)
	}
	var out []location
	for _, rng := range r.Makers(s.path) {
		out = append(out, q.at(&rng)...)
	}
	return out
}

// at turns an hcl range into an editor location.
func (q *request) at(r *hcl.Range) []location {
	if r == nil {
		return nil
	}
	path := q.view.pathOf(q.workspace, r)
	src, err := q.view.content(q.workspace, path)
	if err != nil {
		return nil
	}
	return []location{{URI: uriOf(path), Range: newText(src).span(*r)}}
}

// file is the module or file that a path leads to.
func (q *request) file(name string) []location {
	if !strings.HasPrefix(name, "./") && !strings.HasPrefix(name, "../") {
		return nil
	}
	return existing(fileAt(q.workspace, filepath.Join(filepath.Dir(q.path), name)))
}

func existing(file tree.File) []location {
	isDir, err := file.IsDir()
	if isDir {
		file = file.Join("default.hcl")
		_, err = file.Stat()
	}
	if err != nil {
		return nil
	}
	return []location{{URI: uriOf(file.Path())}}
}

// inputAt is the file of input.X.modules.Y, or else the input block.
func (q *request) inputAt(c *cursor) []location {
	if q.view == nil {
		return nil
	}
	if len(c.steps) == 3 {
		if rel := q.exports(c.steps[1], c.steps[2])[c.word]; rel != "" {
			return existing(tree.File{Root: q.flake.Input(c.steps[1]).Dir(), Name: rel})
		}
	}
	if in := q.flake.Input(afterRoot(c)); in != nil {
		return q.at(&in.Range)
	}
	return nil
}

// argument is where args.X is set: by the flake, or else by any of its templates
// and hosts.
func (q *request) argument(name string) *hcl.Range {
	if q.view == nil {
		return nil
	}
	f := q.flake
	args := []map[string]hcl.Expression{f.Args}
	for _, t := range f.Templates() {
		args = append(args, f.Template(t).Args)
	}
	for _, h := range f.Hosts() {
		args = append(args, f.Host(h).Args)
	}
	for _, m := range args {
		if expr := m[name]; expr != nil {
			return expr.Range().Ptr()
		}
	}
	return nil
}

// localsOf are the locals of a file. If it does not parse, they are those before
// the mistake.
func localsOf(src []byte) map[string]*hclsyntax.Attribute {
	out := map[string]*hclsyntax.Attribute{}
	for _, b := range bodyOf(src).Blocks {
		if b.Type == "locals" {
			for name, a := range b.Body.Attributes {
				out[name] = a
			}
		}
	}
	return out
}

// functionsOf are the function blocks of a file, as localsOf are its locals.
func functionsOf(src []byte) map[string]*hclsyntax.Block {
	out := map[string]*hclsyntax.Block{}
	for _, b := range bodyOf(src).Blocks {
		if b.Type == "function" && len(b.Labels) == 1 {
			out[b.Labels[0]] = b
		}
	}
	return out
}

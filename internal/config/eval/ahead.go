package eval

import (
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/option"
)

// ahead parses the files of one host on all processors, before the evaluator
// needs them. It goes by what their text plainly says: the paths
// in modules and imports, and the options that blocks define. What it does
// not foresee, the evaluator parses; what it cannot read, it leaves for the
// evaluator to report.
type ahead struct {
	fleet   *Fleet
	running sync.WaitGroup
	slots   chan struct{}

	mu   sync.Mutex
	seen map[string]bool
}

// parseAhead returns a function that waits until all parsing is done.
func (s *Fleet) parseAhead(name string) (wait func()) {
	processors := runtime.GOMAXPROCS(0)
	host := s.flake.Host(name)
	if processors == 1 || host == nil {
		return func() {}
	}
	a := &ahead{fleet: s, slots: make(chan struct{}, processors), seen: map[string]bool{}}
	for _, name := range s.always {
		a.library(name)
	}
	lists := []hcl.Expression{s.flake.Modules, host.Modules}
	if t := s.flake.Template(host.Template); t != nil && host.TemplateFrom == nil {
		lists = append(lists, t.Modules)
	}
	for _, list := range lists {
		a.modules(list, s.flake.Dir)
	}
	return a.running.Wait
}

// once starts do, unless it was started for this key before.
func (a *ahead) once(key string, do func()) {
	a.mu.Lock()
	seen := a.seen[key]
	a.seen[key] = true
	a.mu.Unlock()
	if seen {
		return
	}
	a.running.Go(func() {
		a.slots <- struct{}{}
		do()
		<-a.slots
	})
}

func (a *ahead) library(name string) {
	a.once("library/"+name, func() { a.follow(a.fleet.parseLibrary(name), "") })
}

// modules follows the paths that a list in a file of dir, in the root flake,
// names outright.
func (a *ahead) modules(list hcl.Expression, dir string) {
	tuple, ok := list.(*hclsyntax.TupleConsExpr)
	if !ok {
		return
	}
	f := a.fleet.flake
	for _, elem := range tuple.Exprs {
		t, ok := elem.(*hclsyntax.TemplateExpr)
		if !ok || !t.IsStringLiteral() {
			continue
		}
		v, _ := t.Value(nil) // a literal has no errors
		if strings.HasPrefix(v.AsString(), "/") {
			continue
		}
		file, err := f.Real(dir, v.AsString(), nil)
		if err == nil {
			file, err = moduleFile(file)
		}
		if err != nil || filepath.Ext(file.Name) != ".hcl" {
			continue
		}
		a.once(file.Path(), func() {
			if p, err := a.fleet.parseModule(f, file); err == nil {
				a.follow(p, file.Dir().Path())
			}
		})
	}
}

// follow parses what a file names. dir is its folder, "" in the library.
func (a *ahead) follow(p *parsed, dir string) {
	if p.err != nil || p.diags.HasErrors() {
		return
	}
	body := p.file.Body.(*hclsyntax.Body)
	if imports := body.Attributes["imports"]; imports != nil && dir != "" {
		a.modules(imports.Expr, dir)
	}
	a.defines(body, a.fleet.shape)
}

// defines parses the library files whose options a body sets.
func (a *ahead) defines(body *hclsyntax.Body, at *option.Node) {
	for name := range body.Attributes {
		if n := at.Children[name]; n != nil && n.Library != "" {
			a.library(n.Library)
		}
	}
	for _, b := range body.Blocks {
		n := at.Children[b.Type]
		switch {
		case at == a.fleet.shape && b.Type == "config":
			n = at
		case n == nil:
			continue
		case n.Library != "":
			a.library(n.Library)
			continue
		case n.Entry != nil:
			n = n.Entry
		}
		a.defines(b.Body, n)
	}
}

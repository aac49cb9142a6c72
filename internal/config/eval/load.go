package eval

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// module is one file of the configuration or of the library.
type module struct {
	flake  *flake.Flake // nil: the library
	name   string       // in diagnostics
	dir    string       // on disk
	mount  string       // dir as expressions see it
	body   *hclsyntax.Body
	source *option.Source
	locals map[string]*local
	ctx    *hcl.EvalContext // its functions
	root   *block
	// rootInstance is what all blocks of the file hang below.
	rootInstance *instance
	counted      bool // its definitions are collected, or will be
}

type local struct {
	expr  hcl.Expression
	value cty.Value // once wholly known
}

// flakeModule stands for flake.hcl when its own expressions are evaluated.
func (e *evaluator) flakeModule() *module {
	return e.newModule(e.flake, "flake.hcl", filepath.Join(e.flake.Dir, "flake.hcl"), option.Host)
}

func (e *evaluator) newModule(f *flake.Flake, name, file string, layer option.Layer) *module {
	m := &module{
		flake: f, name: name, dir: filepath.Dir(file), locals: map[string]*local{},
		source: &option.Source{Layer: layer},
	}
	if f != nil {
		rel, err := filepath.Rel(f.Dir, m.dir)
		if err == nil {
			m.mount = path.Join(mountOf(f), filepath.ToSlash(rel))
		}
	}
	m.source.Dir = m.mount
	m.root = &block{mod: m}
	m.ctx = e.fleet.base.NewChild()
	m.ctx.Functions = e.functions(m)
	m.ctx.Variables = e.metering
	return m
}

// mountOf is the path of a flake's folder in the language. The root flake's has an
// empty name.
func mountOf(f *flake.Flake) string {
	if f.Mount == "" {
		return "/@"
	}
	return f.Mount
}

// loadList loads a modules list of flake.hcl. Modules of other flakes count as
// imports of the list: the flake's own beat them (language rule 11).
func (e *evaluator) loadList(layer option.Layer, list hcl.Expression) {
	if list == nil {
		return
	}
	var own, foreign []*module
	for _, m := range e.loadPaths(list, e.flakeModule(), layer) {
		if m.flake == e.flake {
			own = append(own, m)
		} else {
			foreign = append(foreign, m)
		}
	}
	if len(foreign) == 0 {
		return
	}
	for _, m := range own {
		for s := range m.source.Reach() {
			for _, f := range foreign {
				if !f.source.Reach()[s] {
					s.Import(f.source)
				}
			}
		}
		for _, f := range foreign {
			m.source.Import(f.source)
		}
	}
}

// loadPaths loads the paths of a list, in its order.
func (e *evaluator) loadPaths(list hcl.Expression, from *module, layer option.Layer) []*module {
	v, ok := e.value(list, &scope{mod: from, fixed: true})
	if !ok {
		return nil
	}
	if v.IsNull() || !v.Type().IsTupleType() && !v.Type().IsListType() {
		e.fail(list.Range().Ptr(), "Wrong type", fmt.Sprintf("Expected a list of paths such as [\"./a.hcl\"], got %s.", option.Describe(v)))
		return nil
	}
	var out []*module
	for it := v.ElementIterator(); it.Next(); {
		i, p := it.Element()
		at := elementRange(list, i)
		if p.IsNull() {
			continue
		}
		if p.Type() != cty.String {
			e.fail(&at, "Wrong type", fmt.Sprintf("Expected a path such as \"./a.hcl\", got %s.", option.Describe(p)))
			continue
		}
		if m := e.load(p.AsString(), from, layer, at); m != nil {
			out = append(out, m)
		}
	}
	return out
}

// elementRange is the place of the i-th element of a list.
func elementRange(list hcl.Expression, i cty.Value) hcl.Range {
	if t, ok := list.(*hclsyntax.TupleConsExpr); ok {
		if n, _ := i.AsBigFloat().Int64(); int(n) < len(t.Exprs) {
			return t.Exprs[n].Range()
		}
	}
	return list.Range()
}

// noModule explains why there is no module at a path.
func noModule(p string, file tree.File, err error) string {
	switch base := filepath.Base(file.Name); {
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("Cannot read %s: %v.", p, report.Underlying(err))
	case base == "default.hcl" && filepath.Base(p) != "default.hcl":
		return fmt.Sprintf("The folder %s has no default.hcl: name one of its files, or call its main file default.hcl.", p)
	}
	if strings.ContainsAny(p, "*?[") {
		return fmt.Sprintf("There is no %s: a path is not a pattern. Name each module, or a folder whose default.hcl imports them.", p)
	}
	return fmt.Sprintf("There is no %s.%s A module is a .hcl file, or a folder with a default.hcl.", p, nearFile(file))
}

// nearFile proposes a file in the folder of a missing one.
func nearFile(file tree.File) string {
	beside, err := file.Dir().Names()
	const most = 10_000 // each is compared letter by letter
	if err != nil || len(beside) > most {
		return ""
	}
	return option.DidYouMean(filepath.Base(file.Name), beside)
}

// load reads one module and, before it, its imports.
func (e *evaluator) load(p string, from *module, layer option.Layer, at hcl.Range) *module {
	found, err := from.flake.Real(from.dir, p, e.mounted)
	if err != nil {
		e.fail(&at, "Cannot load module", report.Sentence(err))
		return nil
	}
	if found, err = moduleFile(found); err != nil {
		e.fail(&at, "Cannot load module", noModule(p, found, err))
		return nil
	}
	real := found.Path()
	if filepath.Ext(real) != ".hcl" {
		e.fail(&at, "Cannot load module", fmt.Sprintf("%s is not a .hcl file. Read text of other formats with file(), or copy it with source.", p))
		return nil
	}
	if m := e.modules[real]; m != nil {
		return m
	}
	f := e.ownerOf(p, from)
	e.meter.Reads(path.Clean(e.inFlake(p)))
	file, err := e.fleet.parseModule(f, found)
	if err == nil {
		err = file.err
	}
	if err != nil {
		if file != nil {
			e.fleet.keep(file.name, &hcl.File{}) // validate need not report it again
		}
		e.fail(&at, "Cannot load module", noModule(p, found, err))
		return nil
	}
	e.fleet.use(file)
	m := e.newModule(f, file.name, real, layer)
	e.modules[real] = m
	e.read(m, file)
	e.imports(m, layer)
	m.source.Index = len(e.loaded)
	m.counted = true
	e.loaded = append(e.loaded, m)
	return m
}

// moduleFile is the file of the module that was found: for a folder, its
// default.hcl.
func moduleFile(found tree.File) (tree.File, error) {
	isDir, err := found.IsDir()
	if isDir {
		found = found.Join("default.hcl")
		_, err = found.Stat()
	}
	return found, err
}

// ownerOf is the flake that contains a path.
func (e *evaluator) ownerOf(p string, from *module) *flake.Flake {
	if rest, ok := strings.CutPrefix(p, "/@"); ok {
		mount, _, _ := strings.Cut(rest, "/")
		if in := e.mounted("/@" + mount); in != nil {
			if f := e.fleet.open(e.ctx, in).flake; f != nil {
				return f
			}
		}
		return e.flake
	}
	return from.flake
}

func (e *evaluator) mounted(mount string) *flake.Input { return e.mounts[mount] }

func (e *evaluator) read(m *module, p *parsed) {
	e.report(p.diags)
	if p.diags.HasErrors() {
		e.incomplete = true
		m.body = &hclsyntax.Body{}
		return
	}
	m.body = p.file.Body.(*hclsyntax.Body)
	for _, b := range m.body.Blocks {
		if e.halted(b.TypeRange) {
			return
		}
		switch b.Type {
		case "locals":
			e.addLocals(m, b)
		case "option":
			e.declare(m, b)
		case "function":
			e.addFunction(m, b)
		case "moved":
			if m.flake != nil {
				e.readMove(b)
			}
		}
	}
}

func (e *evaluator) addLocals(m *module, b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		e.fail(inner.TypeRange.Ptr(), "Unknown block", "locals takes values: palette = { ... }.")
	}
	for name, a := range b.Body.Attributes {
		if m.locals[name] != nil {
			e.fail(a.NameRange.Ptr(), "Declared twice", fmt.Sprintf("local.%s is already declared.", name))
		}
		m.locals[name] = &local{expr: a.Expr}
	}
}

func (e *evaluator) imports(m *module, layer option.Layer) {
	a := m.body.Attributes["imports"]
	if a == nil {
		return
	}
	for _, child := range e.loadPaths(a.Expr, m, layer) {
		m.source.Import(child.source)
	}
}

// declareLibrary reads a library module for its options only: it acts if one of
// them is defined, not if one is read (language rule 21).
func (e *evaluator) declareLibrary(name string) *module {
	if m := e.modules["library/"+name]; m != nil {
		return m
	}
	file := e.fleet.parseLibrary(name)
	if file.err != nil {
		e.fail(nil, "Invalid library", "internal error: "+file.err.Error())
		return nil
	}
	e.fleet.use(file)
	m := e.newModule(nil, "library/"+name, "library/"+name, option.Library)
	m.source.Index = -1
	e.modules["library/"+name] = m
	e.read(m, file)
	return m
}

func (e *evaluator) activate(name string) {
	m := e.declareLibrary(name)
	if m != nil && !m.counted {
		m.counted = true
		m.source.Index = len(e.loaded)
		e.loaded = append(e.loaded, m)
	}
}

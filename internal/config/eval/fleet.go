package eval

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/syntax"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/library"
)

// maxModules bounds the text of all modules of a flake together, in bytes. It is
// six times the text of 10,000 hosts with one module each, and takes some hundred
// megabytes as a syntax tree.
const maxModules = 16 << 20

// Fleet evaluates hosts of one flake. It does once what is the same for all hosts:
// reads and parses files, finds references, opens inputs. Several goroutines may
// use it, and may read the flake's Files when all are done.
type Fleet struct {
	flake   *flake.Flake
	base    *hcl.EvalContext // the functions of every file
	shape   *option.Node     // the options of the library
	invalid hcl.Diagnostics  // of its index
	always  []string
	moved   []library.Move

	known  map[string]*parsed // what an earlier fleet parsed; see Again
	mu     sync.Mutex
	parsed map[string]*parsed // by path on disk, or library path
	bytes  atomic.Int64       // of everything that was parsed
	inputs map[*flake.Input]*openInput
	uses   sync.Map // of hcl.Expression: references
}

// parsed is a file as all hosts see it.
type parsed struct {
	name  string // in diagnostics
	once  sync.Once
	kept  sync.Once
	ready atomic.Bool // all below is set
	file  *hcl.File   // with an empty body where it did not parse
	diags hcl.Diagnostics
	err   error // why it cannot be read
}

type openInput struct {
	once  sync.Once
	flake *flake.Flake
	diags hcl.Diagnostics
	err   error
}

// NewFleet evaluates hosts of f.
func NewFleet(f *flake.Flake) *Fleet {
	s := &Fleet{
		flake: f, base: &hcl.EvalContext{Functions: function.Shared()}, shape: &option.Node{Children: map[string]*option.Node{}},
		always: library.Always(), moved: library.Moved(), parsed: map[string]*parsed{}, inputs: map[*flake.Input]*openInput{},
	}
	for label, file := range library.Index() {
		s.declare(label, file)
	}
	return s
}

// Again is a fleet of the same flake, read again as f. It does not parse files
// again whose text did not change since s. s may still be evaluating.
func (s *Fleet) Again(f *flake.Flake) *Fleet {
	again := &Fleet{
		flake: f, base: s.base, shape: s.shape, invalid: s.invalid, always: s.always, moved: s.moved,
		known: map[string]*parsed{}, parsed: map[string]*parsed{}, inputs: map[*flake.Input]*openInput{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(again.known, s.known)
	for key, p := range s.parsed {
		if p.ready.Load() {
			again.known[key] = p
		}
	}
	s.uses.Range(func(expr, found any) bool {
		// Those of other files would be kept for ever.
		if strings.HasPrefix(expr.(hcl.Expression).Range().Filename, "library/") {
			again.uses.Store(expr, found)
		}
		return true
	})
	return again
}

func (s *Fleet) declare(label, file string) {
	p, err := option.Declared(label)
	if err == nil {
		var n *option.Node
		if n, err = s.shape.Declare(p); err == nil {
			n.Library = file
			return
		}
	}
	s.invalid = append(s.invalid, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Invalid library", Detail: fmt.Sprintf("internal error: library/%s: %v.", file, err),
	})
}

// Host evaluates one host. Even with errors, the result is usable, at least for
// snippets.
func (s *Fleet) Host(ctx context.Context, name string) (*Result, hcl.Diagnostics) {
	e := newEvaluator(ctx, s)
	r := e.run(name)
	return r, e.log.All()
}

// Load reads the modules of one host of the flake, and evaluates only what that
// needs. The result evaluates the rest on demand; its Spec is nil.
func (s *Fleet) Load(ctx context.Context, name string) *Result {
	defer s.parseAhead(name)()
	e := newEvaluator(ctx, s)
	e.host = s.flake.Host(name)
	e.meter.Enter()
	defer e.meter.Leave()
	e.loadAll()
	return &Result{Files: s.flake.Files, eval: e}
}

// Each evaluates hosts, as many at a time as there are processors, and passes each
// to take with its place in names: from several goroutines, in no particular
// order. A result that take does not keep is freed. When ctx ends or evaluation
// has to, Each leaves out the hosts that have not begun, and the error says so.
func (s *Fleet) Each(ctx context.Context, names []string, take func(i int, r *Result, diags hcl.Diagnostics)) error {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			for i := range next {
				r, diags := s.Host(ctx, names[i])
				take(i, r, diags)
			}
		})
	}
	var left error
	for i, name := range names {
		if left = s.ended(ctx, name); left != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	return left
}

// ended says why evaluation in ctx must end before the host called next, or is
// nil.
func (s *Fleet) ended(ctx context.Context, next string) error {
	over := meter.Ended(ctx)
	if over == "" || ctx.Err() != nil {
		return ctx.Err()
	}
	where := ""
	if h := s.flake.Host(next); h != nil {
		where = " (" + option.At(h.Range) + ")"
	}
	return fmt.Errorf("cannot evaluate every host, %s%s comes next: %s", next, where, over)
}

// parseModule parses a module file of a flake.
func (s *Fleet) parseModule(f *flake.Flake, file tree.File) (*parsed, error) {
	rel, err := filepath.Rel(f.Dir, file.Path())
	if err != nil {
		return nil, err
	}
	return s.parse(file.Path(), f.Label+filepath.ToSlash(rel), func() ([]byte, error) { return f.ReadFile(file, tree.MaxModule) }), nil
}

// parseLibrary parses the library module called name.
func (s *Fleet) parseLibrary(name string) *parsed {
	return s.parse("library/"+name, "library/"+name, func() ([]byte, error) { return library.Read(name) })
}

// parse parses the file at key with the text from read. Diagnostics call it name.
func (s *Fleet) parse(key, name string, read func() ([]byte, error)) *parsed {
	s.mu.Lock()
	p := s.parsed[key]
	if p == nil {
		p = &parsed{name: name}
		s.parsed[key] = p
	}
	s.mu.Unlock()
	p.once.Do(func() {
		var src []byte
		if src, p.err = read(); p.err != nil {
			return
		}
		if s.bytes.Add(int64(len(src))) > maxModules {
			p.err = fmt.Errorf("cannot read %s: with it, the flake's modules are larger than %d MB; put data into files that file() reads", name, maxModules>>20)
			return
		}
		defer p.ready.Store(true)
		if k := s.known[key]; k != nil && k.name == name && bytes.Equal(k.file.Bytes, src) {
			p.file, p.diags = k.file, k.diags
			return
		}
		p.file, p.diags = syntax.Parse(name, src)
		if p.file == nil {
			p.file = &hcl.File{Bytes: src}
		} else if body, ok := p.file.Body.(*hclsyntax.Body); ok {
			meter.Wrap(body)
		}
	})
	return p
}

// use records that the configuration has a file.
func (s *Fleet) use(p *parsed) {
	if p.err == nil {
		p.kept.Do(func() { s.keep(p.name, p.file) })
	}
}

func (s *Fleet) keep(name string, file *hcl.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flake.Files[name] = file
}

// file finds a file that was read by its name in diagnostics, or is nil.
func (s *Fleet) file(name string) *hcl.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flake.Files[name]
}

// text is the text of a range in its file; false if that file was not read.
func (s *Fleet) text(at hcl.Range) (string, bool) {
	f := s.file(at.Filename)
	if f == nil || !at.CanSliceBytes(f.Bytes) {
		return "", false
	}
	return string(at.SliceBytes(f.Bytes)), true
}

// open opens an input and, if it is one, its flake.
func (s *Fleet) open(ctx context.Context, in *flake.Input) *openInput {
	s.mu.Lock()
	o := s.inputs[in]
	if o == nil {
		o = &openInput{}
		s.inputs[in] = o
	}
	s.mu.Unlock()
	o.once.Do(func() {
		open := func() { o.err = in.Open(ctx) }
		if in.MayFetch() {
			meter.Waiting(ctx, open)
		} else {
			open()
		}
		if o.err != nil {
			return
		}
		o.flake, o.diags = in.Flake()
		if o.flake != nil {
			for name, file := range o.flake.Files {
				s.keep(name, file)
			}
		}
	})
	return o
}

// references are the uses of an expression: in the order of the text, and grouped
// by root, roots sorted.
type references struct {
	all    []use
	byRoot [][]use
}

// references are found once: an expression is evaluated many times, and by every
// host.
func (s *Fleet) references(expr hcl.Expression) references {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return references{}
	case *hclsyntax.UnaryOpExpr: // a single host may have made it, see split
		return s.references(x.Val)
	}
	if known, ok := s.uses.Load(expr); ok {
		return known.(references)
	}
	found := references{all: usesOf(expr, nil)}
	byRoot := map[string][]use{}
	for _, u := range found.all {
		byRoot[u.root] = append(byRoot[u.root], u)
	}
	for _, root := range sortedKeys(byRoot) {
		found.byRoot = append(found.byRoot, byRoot[root])
	}
	s.uses.Store(expr, found)
	return found
}

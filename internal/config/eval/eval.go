// Package eval turns a host of a flake into its resolved spec. It loads the
// modules, finds the definitions of every option, evaluates lazily what is needed,
// and decodes the resources. It remembers where each value comes from. It does not
// read the machine and runs no program.
package eval

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/internal/spec"
)

// Result is an evaluated host.
type Result struct {
	Spec  *spec.Host
	Files map[string]*hcl.File // every file that was read, by the flake too, for the snippets of diagnostics

	eval *evaluator
}

// evaluator is the state of one host's evaluation.
type evaluator struct {
	ctx   context.Context
	fleet *Fleet
	flake *flake.Flake
	host  *flake.Host

	modules map[string]*module   // by path on disk, or library path
	sources map[string]tree.File // the files that are copied, by digest
	loaded  []*module            // in load order
	mounts  map[string]*flake.Input
	args    cty.Value

	root    *option.Node
	homes   map[*option.Node]*module // the module that declares an option
	defs    map[*option.Node]*byLabel[*rawDef]
	entries map[*option.Node]*byLabel[*block] // blocks that make entries of a map
	dynamic map[*option.Node][]*rawDef
	cuts    map[*option.Node][]*rawDef // without() and force() of whole maps
	touched map[*option.Node]bool
	checks  []*check
	moves   moves

	cells    map[string]*cell
	stack    []frame
	meter    meter.Meter
	metering map[string]cty.Value // leads to it
	calls    int                  // of function blocks, under way
	log      report.Log
	// incomplete is set if a file did not parse. Then nothing that it might declare
	// or define is reported as missing (language rule 29).
	incomplete bool
}

// Host evaluates one host of a flake. Even with errors, the result is usable, at
// least for snippets.
func Host(ctx context.Context, f *flake.Flake, name string) (*Result, hcl.Diagnostics) {
	s := NewFleet(f)
	defer s.parseAhead(name)()
	return s.Host(ctx, name)
}

func newEvaluator(ctx context.Context, s *Fleet) *evaluator {
	e := &evaluator{
		ctx: ctx, fleet: s, flake: s.flake, modules: map[string]*module{}, sources: map[string]tree.File{}, mounts: map[string]*flake.Input{},
		root: s.shape.Clone(), homes: map[*option.Node]*module{},
		defs: map[*option.Node]*byLabel[*rawDef]{}, entries: map[*option.Node]*byLabel[*block]{}, dynamic: map[*option.Node][]*rawDef{},
		cuts: map[*option.Node][]*rawDef{}, touched: map[*option.Node]bool{}, cells: map[string]*cell{},
	}
	e.report(s.invalid)
	e.addMoves()
	e.meter.Begin(ctx)
	e.metering = e.meter.Variable()
	return e
}

func (e *evaluator) run(name string) *Result {
	r := &Result{Files: e.flake.Files, eval: e}
	if e.host = e.flake.Host(name); e.host == nil {
		e.fail(nil, "Unknown host", fmt.Sprintf("flake.hcl has no host %q.%s", name, option.DidYouMean(name, e.flake.Hosts())))
		return r
	}
	e.meter.Enter()
	defer e.meter.Leave()
	e.loadAll()
	r.Spec = e.decode()
	e.checkAll(e.root, nil)
	e.runChecks()
	if !e.log.All().HasErrors() && !e.incomplete {
		e.checkSecrets(r.Spec)
	}
	e.checkExcess()
	e.log.Sort()
	return r
}

// halted reports whether evaluation must stop; at is where to report that.
func (e *evaluator) halted(at hcl.Range) bool {
	d, over := e.meter.Halt(at)
	if d != nil {
		e.report(hcl.Diagnostics{d})
	}
	return over
}

// checkExcess reports that evaluation had to end, unless an expression already
// has.
func (e *evaluator) checkExcess() {
	over := e.meter.Over()
	if over != nil && !slices.ContainsFunc(e.log.All(), func(d *hcl.Diagnostic) bool { return d.Summary == over.Summary }) {
		e.report(hcl.Diagnostics{over})
	}
}

// loadAll reads the library modules that always act, then the layers from the
// weakest up, so that a module belongs to the weakest layer that reaches it
// (language rule 11).
func (e *evaluator) loadAll() {
	e.args = e.evalArgs()
	for _, name := range e.fleet.always {
		e.activate(name)
	}
	e.loadList(option.Flake, e.flake.Modules)
	if e.host.TemplateFrom != nil {
		e.loadList(option.Template, e.host.TemplateFrom)
	} else if e.host.Template != "" {
		t := e.flake.Template(e.host.Template)
		if t == nil {
			e.fail(&e.host.TemplateRange, "Unknown template", fmt.Sprintf("flake.hcl has no template %q.%s", e.host.Template, option.DidYouMean(e.host.Template, e.flake.Templates())))
		} else {
			e.loadList(option.Template, t.Modules)
		}
	}
	e.loadList(option.Host, e.host.Modules)
	e.checkMoves()
	for i := 0; i < len(e.loaded); i++ { // collecting may append library modules
		e.collect(e.loaded[i])
	}
	for _, m := range e.loaded {
		if m.source.Layer != option.Library {
			e.checkUses(m)
		}
	}
}

// evalArgs merges the args of the flake, the template and the host, key by key.
// The host's win (language rule 22).
func (e *evaluator) evalArgs() cty.Value {
	layers := []map[string]hcl.Expression{e.flake.Args}
	if t := e.flake.Template(e.host.Template); t != nil && e.host.TemplateFrom == nil {
		layers = append(layers, t.Args)
	}
	exprs := map[string]hcl.Expression{}
	for _, layer := range append(layers, e.host.Args) {
		for name, expr := range layer {
			exprs[name] = expr
		}
	}
	vals := map[string]cty.Value{}
	sc := &scope{fixed: true, mod: e.flakeModule()}
	for _, name := range sortedKeys(exprs) {
		if v, ok := e.value(exprs[name], sc); ok {
			vals[name] = v
		} else {
			vals[name] = cty.DynamicVal.Mark(poison{})
		}
	}
	return cty.ObjectVal(vals)
}

// fail reports an error.
func (e *evaluator) fail(at *hcl.Range, summary, detail string) { e.log.Fail(at, summary, detail) }

// report records diagnostics.
func (e *evaluator) report(diags hcl.Diagnostics) { e.log.Add(diags) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

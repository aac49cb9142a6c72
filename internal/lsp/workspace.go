package lsp

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/meter"
)

// pause is how long typing must rest before the flake is evaluated.
const pause = 60 * time.Millisecond

// workspace is one flake with its evaluated hosts.
type workspace struct {
	server *server
	dir    string

	evaluating sync.Mutex // one evaluation at a time

	// Of the server's mutex:
	timer     *time.Timer
	cancel    context.CancelFunc           // of the evaluation that runs
	all       bool                         // every host is to be evaluated
	changed   map[string]bool              // else those that are made of these files
	fleet     *eval.Fleet                  // of the last reading
	sound     *view                        // that questions are answered from
	reached   map[string]map[string]string // by host, what it is made of: paths by the names of diagnostics; nil: nothing is evaluated
	found     map[string]hcl.Diagnostics   // by host, "" is flake.hcl
	published map[string]bool              // what some was last sent of
}

func (s *server) newWorkspace(dir string) *workspace {
	return &workspace{server: s, dir: dir, all: true, changed: map[string]bool{}, published: map[string]bool{}}
}

// typed evaluates what the file at path is part of, once typing rests. The
// server's mutex is held.
func (w *workspace) typed(path string) {
	w.changed[path] = true
	w.schedule(pause)
}

// renew evaluates the whole flake. The server's mutex is held.
func (w *workspace) renew() {
	w.all, w.sound = true, nil
	w.schedule(0)
}

func (w *workspace) schedule(delay time.Duration) {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.cancel != nil {
		w.cancel()
	}
	w.timer = time.AfterFunc(delay, w.evaluate)
}

// evaluate reads the flake as the editor holds it and publishes what is
// wrong. It gives way when something is typed meanwhile.
func (w *workspace) evaluate() {
	w.evaluating.Lock()
	defer w.evaluating.Unlock()
	s := w.server
	defer func() {
		if p := recover(); p != nil {
			s.complain(fmt.Errorf("internal error in the evaluation of %s: %v\n%s", w.dir, p, debug.Stack()))
		}
	}()
	s.mu.Lock()
	if s.closed || !w.all && len(w.changed) == 0 {
		s.mu.Unlock()
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	w.cancel = cancel
	held, affected, r := s.held(), w.affected(), w.now()
	s.mu.Unlock()

	var results map[string]*eval.Result
	found := map[string]hcl.Diagnostics{"": r.diags}
	if r.flake != nil && !r.diags.HasErrors() {
		results = w.evaluateHosts(meter.Interruptible(ctx), r, affected, held, found)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		if r == w.sound && fetches(r) {
			w.sound = nil // an input whose fetching was interrupted counts as one that cannot be had
		}
		return
	}
	w.all, w.changed = false, map[string]bool{}
	w.keep(r, results, found)
	w.publish(w.found, held, func(string) bool { return true })
}

// fetches reports whether the evaluation of a flake may have to fetch something.
func fetches(v *view) bool {
	if v.flake == nil {
		return false
	}
	return slices.ContainsFunc(v.flake.InputNames(), func(name string) bool { return v.flake.Input(name).Debian == nil })
}

// now is the flake as the editor holds it: what questions are answered from,
// if that is it. The server's mutex is held.
func (w *workspace) now() *view {
	texts := textsOf(w.server.held())
	if v := w.asked(); v != nil && same(v.texts, texts) {
		return v
	}
	return w.read(texts)
}

// evaluateHosts evaluates the affected hosts, nil are all, and adds what is
// wrong to found.
func (w *workspace) evaluateHosts(ctx context.Context, r *view, affected map[string]bool, held map[string]document, found map[string]hcl.Diagnostics) map[string]*eval.Result {
	hosts := slices.DeleteFunc(r.flake.Hosts(), func(name string) bool { return affected != nil && !affected[name] })
	made, said := make([]*eval.Result, len(hosts)), make([]hcl.Diagnostics, len(hosts))
	var first sync.Once
	// What is left out, for it was interrupted, is not looked at.
	_ = r.fleet.Each(ctx, hosts, func(i int, res *eval.Result, d hcl.Diagnostics) {
		if ctx.Err() == nil {
			d = append(d, w.server.Beyond(r.flake, hosts[i], res, d)...)
		}
		made[i], said[i] = res, d
		if len(affected) > 1 {
			first.Do(func() { w.foretell(ctx, affected, hosts[i], d, held) })
		}
	})
	results := map[string]*eval.Result{}
	for i, name := range hosts {
		results[name], found[name] = made[i], said[i]
	}
	return results
}

// foretell publishes what the first of the affected hosts says of the files
// that changed, as what all of them will: a mistake in a file that many hosts
// share is mostly the same on each, and the others take their time. A file that
// the first is not made of waits for those that are.
func (w *workspace) foretell(ctx context.Context, affected map[string]bool, host string, diags hcl.Diagnostics, held map[string]document) {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	judged := func(path string) bool { return w.changed[path] && slices.Contains(w.hosts(path), host) }
	changed := func(d *hcl.Diagnostic) bool { return judged(w.pathOf(d.Subject)) }
	found := maps.Clone(w.found)
	for name := range affected {
		found[name] = slices.DeleteFunc(slices.Clone(found[name]), changed)
		for _, d := range diags {
			if changed(d) {
				found[name] = append(found[name], d)
			}
		}
	}
	w.publish(found, held, judged)
}

// affected are the hosts that what changed is part of; nil stands for all.
func (w *workspace) affected() map[string]bool {
	if w.all || w.reached == nil || w.changed[filepath.Join(w.dir, "flake.hcl")] {
		return nil
	}
	out := map[string]bool{}
	for path := range w.changed {
		hosts := w.hosts(path)
		if len(hosts) == 0 {
			return nil
		}
		for _, name := range hosts {
			out[name] = true
		}
	}
	return out
}

// keep remembers what is wrong and what each host is made of. Of a host of
// which a file does not parse that is what it was before.
func (w *workspace) keep(r *view, results map[string]*eval.Result, found map[string]hcl.Diagnostics) {
	if r.flake == nil || found[""].HasErrors() {
		w.found, w.all = found, true
		return
	}
	if w.reached == nil {
		w.reached, w.found = map[string]map[string]string{}, map[string]hcl.Diagnostics{}
	}
	maps.Copy(w.found, found)
	for name, res := range results {
		if w.reached[name] == nil || !res.Incomplete() {
			w.reached[name] = res.Paths()
		}
		if r == w.sound {
			r.loaded[name] = res
		}
	}
	gone := func(name string) bool { return name != "" && r.flake.Host(name) == nil }
	maps.DeleteFunc(w.reached, func(name string, _ map[string]string) bool { return gone(name) })
	maps.DeleteFunc(w.found, func(name string, _ hcl.Diagnostics) bool { return gone(name) })
}

// hosts are those that a file is part of, as last evaluated.
func (w *workspace) hosts(path string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.reached)) {
		for _, p := range w.reached[name] {
			if p == path {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

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
	cancel    context.CancelFunc           // cancels the running evaluation
	all       bool                         // evaluate every host
	changed   map[string]bool              // or else those that use these files
	fleet     *eval.Fleet                  // of the last reading
	sound     *view                        // the view that answers questions
	reached   map[string]map[string]string // by host, the files that it uses: paths by the names in diagnostics; nil: nothing is evaluated
	found     map[string]hcl.Diagnostics   // by host, "" is flake.hcl
	published map[string]bool              // files that had diagnostics in the last message
}

func (s *server) newWorkspace(dir string) *workspace {
	return &workspace{server: s, dir: dir, all: true, changed: map[string]bool{}, published: map[string]bool{}}
}

// typed evaluates the hosts that use the file at path, once typing pauses. The
// caller holds the server's mutex.
func (w *workspace) typed(path string) {
	w.changed[path] = true
	w.schedule(pause)
}

// renew evaluates the whole flake. The caller holds the server's mutex.
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

// evaluate reads the flake as it is in the editor and publishes its mistakes. It
// stops when the user types meanwhile.
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
			w.sound = nil // an input whose fetch was interrupted counts as unavailable
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

// now is the flake as it is in the editor, if that is the view that answers
// questions. The caller holds the server's mutex.
func (w *workspace) now() *view {
	texts := textsOf(w.server.held())
	if v := w.asked(); v != nil && same(v.texts, texts) {
		return v
	}
	return w.read(texts)
}

// evaluateHosts evaluates the affected hosts (nil means all) and adds their
// mistakes to found.
func (w *workspace) evaluateHosts(ctx context.Context, r *view, affected map[string]bool, held map[string]document, found map[string]hcl.Diagnostics) map[string]*eval.Result {
	hosts := slices.DeleteFunc(r.flake.Hosts(), func(name string) bool { return affected != nil && !affected[name] })
	made, said := make([]*eval.Result, len(hosts)), make([]hcl.Diagnostics, len(hosts))
	var first sync.Once
	// Ignore what was left out because of an interruption.
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

// foretell publishes early what the first affected host says about the changed
// files. A mistake in a file that many hosts share is mostly the same on each, and
// the others take time. A file that the first host does not use waits for a host
// that does.
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

// affected are the hosts that use what changed; nil means all.
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

// keep remembers the mistakes, and the files that each host uses. For a host with
// a file that does not parse, it keeps the earlier list of files.
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

// hosts are those that use a file, as last evaluated.
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

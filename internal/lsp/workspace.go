package lsp

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
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
	cancel    context.CancelFunc // of the evaluation that runs
	all       bool               // every host is to be evaluated
	changed   map[string]bool    // else those that are made of these files
	flake     *flake.Flake       // the last that could be read
	results   map[string]*eval.Result
	found     map[string]hcl.Diagnostics // by host, "" is flake.hcl
	paths     map[string]string          // on disk, by the names of diagnostics
	published map[string]bool
}

// typed evaluates what the file at path is part of, once typing rests. The
// server's mutex is held.
func (w *workspace) typed(path string) {
	w.changed[path] = true
	w.schedule(pause)
}

// renew evaluates the whole flake. The server's mutex is held.
func (w *workspace) renew() {
	w.all = true
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

// first waits for the first evaluation.
func (w *workspace) first() {
	w.server.mu.Lock()
	none := w.results == nil
	w.server.mu.Unlock()
	if none {
		w.evaluate()
	}
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
	unsaved, affected := maps.Clone(s.open), w.affected()
	s.mu.Unlock()

	f, diags := flake.LoadUnsaved(w.dir, unsaved)
	if f != nil {
		f.Offline = s.Offline
	}
	results, found := map[string]*eval.Result{}, map[string]hcl.Diagnostics{"": diags}
	if f != nil && !diags.HasErrors() {
		hosts := slices.DeleteFunc(f.Hosts(), func(name string) bool { return affected != nil && !affected[name] })
		made, said := make([]*eval.Result, len(hosts)), make([]hcl.Diagnostics, len(hosts))
		var first sync.Once
		eval.NewFleet(f).Each(ctx, hosts, func(i int, r *eval.Result, d hcl.Diagnostics) {
			made[i], said[i] = r, d
			if len(affected) > 1 {
				first.Do(func() { w.foretell(ctx, affected, hosts[i], d, unsaved) })
			}
		})
		for i, name := range hosts {
			results[name], found[name] = made[i], said[i]
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	w.all, w.changed = false, map[string]bool{}
	w.keep(f, results, found)
	w.publish(w.found, unsaved)
}

// foretell publishes what the first of the affected hosts says of the files
// that changed, as what all of them will: a mistake in a file that many hosts
// share is mostly the same on each, and the others take their time.
func (w *workspace) foretell(ctx context.Context, affected map[string]bool, host string, diags hcl.Diagnostics, unsaved map[string][]byte) {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	changed := func(d *hcl.Diagnostic) bool { return w.changed[w.pathOf(d.Subject)] }
	found := maps.Clone(w.found)
	for name := range affected {
		found[name] = slices.DeleteFunc(slices.Clone(found[name]), changed)
		for _, d := range diags {
			if changed(d) {
				found[name] = append(found[name], d)
			}
		}
	}
	found[host] = diags
	w.publish(found, unsaved)
}

// affected are the hosts that what changed is part of; nil stands for all.
func (w *workspace) affected() map[string]bool {
	if w.all || w.flake == nil || w.changed[filepath.Join(w.dir, "flake.hcl")] {
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

// keep replaces what questions are answered from. A host of which a file does
// not parse, as is usual in mid word, is still what it was before.
func (w *workspace) keep(f *flake.Flake, results map[string]*eval.Result, found map[string]hcl.Diagnostics) {
	if w.results == nil {
		w.results, w.found = map[string]*eval.Result{}, map[string]hcl.Diagnostics{}
	}
	w.paths = map[string]string{"flake.hcl": filepath.Join(w.dir, "flake.hcl")}
	if f == nil || found[""].HasErrors() {
		w.found, w.all = found, true
		return
	}
	w.flake = f
	maps.Copy(w.found, found)
	for name, r := range results {
		maps.Copy(w.paths, r.Paths())
		if w.results[name] == nil || !r.Incomplete() {
			w.results[name] = r
		}
	}
	maps.DeleteFunc(w.results, func(name string, _ *eval.Result) bool { return f.Host(name) == nil })
	maps.DeleteFunc(w.found, func(name string, _ hcl.Diagnostics) bool { return name != "" && f.Host(name) == nil })
	for _, r := range w.results {
		maps.Copy(w.paths, r.Paths())
	}
}

// publish sends the diagnostics of every file that has some, and none for
// those that had some the last time. Places are those of what was evaluated.
func (w *workspace) publish(found map[string]hcl.Diagnostics, unsaved map[string][]byte) {
	all := eval.NewHostDiagnostics(len(found) - 1) // one is flake.hcl
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all.Add(name, found[name])
	}
	byFile := map[string][]diagnostic{}
	for _, d := range all.Merged() {
		path := w.pathOf(d.Subject)
		byFile[path] = append(byFile[path], w.diagnostic(d, path, unsaved))
	}
	reached := slices.Collect(maps.Values(w.paths))
	for path, src := range unsaved {
		if slices.Contains(reached, path) || w.server.workspaceOf(path) != w || filepath.Ext(path) != ".hcl" {
			continue
		}
		// No host is made of this file: only its syntax can be judged.
		_, diags := flake.Parse(path, src)
		for _, d := range diags {
			byFile[path] = append(byFile[path], w.diagnostic(d, path, unsaved))
		}
	}
	for path := range w.published {
		if byFile[path] == nil {
			byFile[path] = []diagnostic{}
		}
	}
	w.published = map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(byFile)) {
		if len(byFile[path]) > 0 {
			w.published[path] = true
		}
		w.server.complain(w.server.conn.Notify(w.server.ctx, "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: byFile[path]}))
	}
}

func (w *workspace) diagnostic(d *hcl.Diagnostic, path string, unsaved map[string][]byte) diagnostic {
	out := diagnostic{Severity: severityError, Source: "hostctl", Message: d.Summary + ". " + strings.TrimSpace(d.Detail)}
	if d.Severity == hcl.DiagWarning {
		out.Severity = severityWarning
	}
	src, held := unsaved[path]
	if !held {
		src, _ = fileAt(w, path).Read(tree.MaxData) // one that is gone has no lines to show
	}
	if d.Subject != nil {
		out.Range = newText(src).span(*d.Subject)
	}
	return out
}

// pathOf is the file on disk that a range is of; what has no place is
// flake.hcl's.
func (w *workspace) pathOf(r *hcl.Range) string {
	if r == nil {
		return w.paths["flake.hcl"]
	}
	if path := w.paths[r.Filename]; path != "" {
		return path
	}
	if name, ok := strings.CutPrefix(r.Filename, "library/"); ok {
		if path, err := w.server.libraryFile(name); err == nil {
			return path
		}
	}
	if filepath.IsAbs(r.Filename) {
		return r.Filename
	}
	return filepath.Join(w.dir, filepath.FromSlash(r.Filename))
}

// host is one that a file is part of, or any, by name.
func (w *workspace) host(path string) *eval.Result {
	if names := w.hosts(path); len(names) > 0 {
		return w.results[names[0]]
	}
	for _, name := range slices.Sorted(maps.Keys(w.results)) {
		return w.results[name]
	}
	return nil
}

// hosts are those that a file is part of.
func (w *workspace) hosts(path string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.results)) {
		for _, p := range w.results[name].Paths() {
			if p == path {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

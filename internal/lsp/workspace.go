package lsp

import (
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
)

// pause is how long typing must rest before the flake is evaluated.
const pause = 100 * time.Millisecond

// workspace is one flake with its evaluated hosts.
type workspace struct {
	server *server
	dir    string

	evaluating sync.Mutex // one evaluation at a time

	// Of the server's mutex:
	timer     *time.Timer
	flake     *flake.Flake // the last that could be read
	results   map[string]*eval.Result
	paths     map[string]string // on disk, by the names of diagnostics
	published map[string]bool
}

// schedule evaluates the flake soon, or once typing rests. The server's mutex
// is held.
func (w *workspace) schedule(rest bool) {
	if w.timer != nil {
		w.timer.Stop()
	}
	delay := time.Duration(0)
	if rest {
		delay = pause
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
// wrong.
func (w *workspace) evaluate() {
	w.evaluating.Lock()
	defer w.evaluating.Unlock()
	s := w.server
	s.mu.Lock()
	closed, unsaved := s.closed, maps.Clone(s.open)
	s.mu.Unlock()
	if closed {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.complain(fmt.Errorf("internal error in the evaluation of %s: %v\n%s", w.dir, p, debug.Stack()))
		}
	}()
	f, diags := flake.LoadUnsaved(w.dir, unsaved)
	results := map[string]*eval.Result{}
	if f != nil && !diags.HasErrors() {
		all := eval.NewHostDiagnostics(len(f.Hosts()))
		all.Add("", diags)
		hosts := f.Hosts()
		found := make([]hcl.Diagnostics, len(hosts))
		made := make([]*eval.Result, len(hosts))
		eval.NewFleet(f).Each(s.ctx, hosts, func(i int, r *eval.Result, d hcl.Diagnostics) { made[i], found[i] = r, d })
		if s.ctx.Err() != nil {
			return
		}
		for i, name := range hosts {
			all.Add(name, found[i])
			results[name] = made[i]
		}
		diags = all.Merged()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.paths = map[string]string{"flake.hcl": filepath.Join(w.dir, "flake.hcl")}
	for _, r := range results {
		maps.Copy(w.paths, r.Paths())
	}
	w.publish(unsaved, diags)
	w.keep(f, results)
}

// keep replaces what questions are answered from. A host of which a file does
// not parse, as is usual in mid word, is still what it was before.
func (w *workspace) keep(f *flake.Flake, results map[string]*eval.Result) {
	old := w.results
	if w.results == nil {
		w.results = map[string]*eval.Result{}
	}
	if len(results) == 0 {
		return
	}
	w.flake, w.results = f, results
	for name, r := range results {
		if old[name] != nil && r.Incomplete() {
			w.results[name] = old[name]
		}
	}
}

// publish sends the diagnostics of every file that has some, and none for
// those that had some the last time.
func (w *workspace) publish(unsaved map[string][]byte, diags hcl.Diagnostics) {
	byFile := map[string][]diagnostic{}
	for _, d := range diags {
		path := w.pathOf(d.Subject)
		byFile[path] = append(byFile[path], w.diagnostic(path, d))
	}
	reached := slices.Collect(maps.Values(w.paths))
	for path, src := range unsaved {
		if slices.Contains(reached, path) || w.server.workspaceOf(path) != w || filepath.Ext(path) != ".hcl" {
			continue
		}
		// No host is made of this file: only its syntax can be judged.
		_, diags := flake.Parse(path, src)
		for _, d := range diags {
			byFile[path] = append(byFile[path], w.diagnostic(path, d))
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

func (w *workspace) diagnostic(path string, d *hcl.Diagnostic) diagnostic {
	out := diagnostic{Severity: severityError, Source: "hostctl", Message: d.Summary + ". " + strings.TrimSpace(d.Detail)}
	if d.Severity == hcl.DiagWarning {
		out.Severity = severityWarning
	}
	src, err := w.server.content(path)
	if d.Subject != nil && err == nil {
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

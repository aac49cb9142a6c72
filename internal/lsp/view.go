package lsp

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// view is the flake as it is with certain texts.
type view struct {
	edits  int // the server's count of them
	texts  map[string][]byte
	flake  *flake.Flake
	diags  hcl.Diagnostics // of flake.hcl
	fleet  *eval.Fleet
	loaded map[string]*eval.Result // hosts; guarded by the server's mutex
}

// read reads the flake with these texts, and does not parse unchanged files again.
// The caller holds the server's mutex.
func (w *workspace) read(texts map[string][]byte) *view {
	r := &view{edits: w.server.edits, texts: texts, loaded: map[string]*eval.Result{}}
	r.flake, r.diags = flake.LoadUnsaved(w.dir, texts)
	if r.flake == nil {
		return r
	}
	r.flake.Offline = w.server.Offline
	if w.fleet == nil {
		w.fleet = eval.NewFleet(r.flake)
	} else {
		w.fleet = w.fleet.Again(r.flake)
	}
	r.fleet = w.fleet
	return r
}

// asked is the view that answers questions: the flake with every file as it was
// when it last parsed, since a file that is being typed seldom does. It is nil if
// flake.hcl was never readable. The caller holds the server's mutex.
func (w *workspace) asked() *view {
	texts := w.server.soundTexts()
	if w.sound != nil && (w.sound.edits == w.server.edits || same(w.sound.texts, texts)) {
		w.sound.edits = w.server.edits
		return w.sound
	}
	r := w.read(texts)
	if r.flake != nil && !r.diags.HasErrors() {
		w.sound = r
	}
	return w.sound
}

func same(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for path, text := range a {
		other, ok := b[path]
		if !ok || string(other) != string(text) {
			return false
		}
	}
	return true
}

// host is the named host, with its modules loaded.
func (r *view) host(w *workspace, name string) *eval.Result {
	if r.loaded[name] == nil {
		r.loaded[name] = r.fleet.Load(w.server.ctx, name)
	}
	r.loaded[name].Within(w.server.ctx)
	return r.loaded[name]
}

// maxLoaded bounds the hosts that are loaded for one question: an editor waits for
// the answer, and nobody reads more.
const maxLoaded = 8

// partOf are the hosts, up to maxLoaded, that use a file. Before the first
// evaluation is done, it searches only that many hosts.
func (q *request) partOf(path string) []string {
	w := q.workspace
	names := slices.DeleteFunc(w.hosts(path), func(name string) bool { return q.flake.Host(name) == nil })
	if len(names) == 0 && w.reached != nil {
		return nil
	}
	if len(names) == 0 {
		names = slices.Clone(q.flake.Hosts())
		likely := func(name string) int {
			if strings.Contains(path, "/"+name+"/") || filepath.Base(path) == name+".hcl" {
				return 0
			}
			return 1
		}
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(likely(a), likely(b)) })
	}
	return names[:min(len(names), maxLoaded)]
}

// hostOf is a host that uses the file at path, or else any; nil if the flake has
// none.
func (q *request) hostOf(path string) *eval.Result {
	if q.view == nil {
		return nil
	}
	names := q.partOf(path)
	if len(names) == 0 {
		names = q.flake.Hosts()
		names = names[:min(len(names), 1)]
	}
	var anyHost *eval.Result
	for _, name := range names {
		r := q.view.host(q.workspace, name)
		for _, p := range r.Paths() {
			if p == path {
				return r
			}
		}
		if anyHost == nil {
			anyHost = r
		}
	}
	return anyHost
}

// content is a file as it was read.
func (r *view) content(w *workspace, path string) ([]byte, error) {
	if b, ok := r.texts[path]; ok {
		return b, nil
	}
	return fileAt(w, path).Read(tree.MaxData)
}

// pathOf is the file on disk of a range in what was read.
func (r *view) pathOf(w *workspace, at *hcl.Range) string {
	for _, host := range r.loaded {
		if path := host.Paths()[at.Filename]; path != "" {
			return path
		}
	}
	return w.pathOf(at)
}

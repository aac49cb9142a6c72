package lsp

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// publish sends the diagnostics of every file that has some, an empty list for
// files that had some the last time, and those of every open file, so that the
// editor knows their version. It leaves out files that were not checked.
func (w *workspace) publish(found map[string]hcl.Diagnostics, held map[string]document, judged func(path string) bool) {
	all := report.NewHostDiagnostics(len(found) - 1) // one is flake.hcl
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all.Add(name, found[name])
	}
	byFile := map[string][]diagnostic{}
	for _, d := range all.Merged() {
		path := w.pathOf(d.Subject)
		byFile[path] = append(byFile[path], w.diagnostic(d, path, held))
	}
	for path, some := range w.published {
		if some && byFile[path] == nil {
			byFile[path] = []diagnostic{}
		}
	}
	for path, doc := range held {
		if w.server.workspaceOf(path) != w || filepath.Ext(path) != ".hcl" || len(byFile[path]) > 0 {
			continue
		}
		byFile[path] = []diagnostic{}
		for _, d := range doc.broken { // without a host that uses the file, only its syntax can be checked
			byFile[path] = append(byFile[path], w.diagnostic(d, path, held))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(byFile)) {
		if judged(path) {
			w.send(path, byFile[path], held)
		}
	}
}

// publishBroken says at once why a file does not parse. The caller holds the
// server's mutex.
func (w *workspace) publishBroken(path string, d *document) {
	held := map[string]document{path: *d}
	var out []diagnostic
	for _, diag := range d.broken {
		out = append(out, w.diagnostic(diag, path, held))
	}
	w.send(path, out, held)
}

func (w *workspace) send(path string, diagnostics []diagnostic, held map[string]document) {
	w.published[path] = len(diagnostics) > 0
	p := publishParams{URI: uriOf(path), Diagnostics: diagnostics}
	if d, ok := held[path]; ok {
		p.Version = &d.version
	}
	w.server.complain(w.server.conn.Notify(w.server.ctx, "textDocument/publishDiagnostics", p))
}

func (w *workspace) diagnostic(d *hcl.Diagnostic, path string, held map[string]document) diagnostic {
	out := diagnostic{Severity: severityError, Source: "hostctl", Message: d.Summary + ". " + strings.TrimSpace(d.Detail)}
	if d.Severity == hcl.DiagWarning {
		out.Severity = severityWarning
	}
	if d.Subject == nil {
		return out
	}
	src := held[path].text
	if _, ok := held[path]; !ok {
		src, _ = fileAt(w, path).Read(tree.MaxData) // a missing file has no lines to show
	}
	out.Range = newText(src).span(*d.Subject)
	return out
}

// pathOf is the file on disk of a range; flake.hcl if there is no range.
func (w *workspace) pathOf(r *hcl.Range) string {
	if r == nil {
		return filepath.Join(w.dir, "flake.hcl")
	}
	for _, paths := range w.reached {
		if path := paths[r.Filename]; path != "" {
			return path
		}
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

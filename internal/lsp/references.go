package lsp

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// named is what the place in question names. It is false if that is unknown, or if
// the file does not parse.
func (q *request) named() (mention, bool) {
	if d := q.open[q.path]; q.view == nil || d == nil || d.broken != nil {
		return mention{}, false
	}
	var found mention
	ok := false
	for _, m := range mentionsIn(q.path, q.text.src, q.hostOf(q.path)) {
		if m.at.Start.Byte <= q.offset && q.offset <= m.at.End.Byte && (!ok || m.at.End.Byte-m.at.Start.Byte < found.at.End.Byte-found.at.Start.Byte) {
			found, ok = m, true
		}
	}
	return found, ok
}

// mentionsOf are the places in the flake that name a thing, file by file.
func (q *request) mentionsOf(t thing) []mention {
	paths := []string{t.file}
	if t.file == "" {
		paths = q.files()
	}
	var out []mention
	for _, path := range paths {
		src, err := q.view.content(q.workspace, path)
		if err != nil || !bytes.Contains(src, []byte(t.last())) {
			continue
		}
		for _, m := range mentionsIn(path, src, q.hostOf(path)) {
			if m.of == t {
				out = append(out, m)
			}
		}
	}
	return out
}

// files are the paths of all files of the flake, imported or not, sorted.
func (q *request) files() []string {
	all := map[string]bool{}
	names, err := flake.Sources(q.workspace.dir)
	if err != nil {
		q.complain(err)
	}
	for _, name := range names {
		all[filepath.Join(q.workspace.dir, name)] = true
	}
	for path := range q.open {
		rel, err := filepath.Rel(q.workspace.dir, path)
		if err == nil && filepath.IsLocal(rel) && filepath.Ext(path) == ".hcl" && q.workspaceOf(path) == q.workspace {
			all[path] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// references are the places that name the thing at the cursor.
func (q *request) references(declared bool) []location {
	out := []location{}
	t, ok := q.named()
	if !ok {
		return out
	}
	for _, m := range q.mentionsOf(t.of) {
		if !m.write || declared {
			out = append(out, q.place(m))
		}
	}
	return out
}

func (q *request) place(m mention) location {
	src, _ := q.view.content(q.workspace, m.path) // it was just read
	return location{URI: uriOf(m.path), Range: newText(src).span(m.at)}
}

// highlights are the places in this file that name the thing at the cursor.
func (q *request) highlights() []highlight {
	out := []highlight{}
	t, ok := q.named()
	if !ok {
		return out
	}
	for _, m := range mentionsIn(q.path, q.text.src, q.hostOf(q.path)) {
		if m.of != t.of {
			continue
		}
		h := highlight{Range: q.text.span(m.at), Kind: highlightRead}
		if m.write {
			h.Kind = highlightWrite
		}
		out = append(out, h)
	}
	return out
}

package lsp

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxSymbols bounds the answer to one query: an editor asks again as the user
// types more.
const maxSymbols = 500

// workspaceSymbols are the named things that the files of the open flakes define:
// hosts, templates, inputs, options, functions, locals, and entries of maps. A name
// contains the letters of the query in their order.
func (s *server) workspaceSymbols(query string) []symbolInformation {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []symbolInformation{}
	for _, w := range s.workspaces {
		q := &request{server: s, workspace: w, view: w.asked()}
		if q.view == nil {
			continue
		}
		for _, path := range q.files() {
			src, err := q.view.content(w, path)
			if err != nil {
				continue
			}
			in, t := containerOf(w, path), newText(src)
			for _, m := range made(bodyOf(src), filepath.Base(path) == "flake.hcl") {
				if len(out) == maxSymbols {
					return out
				}
				if fits(query, m.Name) {
					m.Location, m.ContainerName = location{URI: uriOf(path), Range: t.span(m.at)}, in
					out = append(out, m.symbolInformation)
				}
			}
		}
	}
	return out
}

func containerOf(w *workspace, path string) string {
	if rel, err := filepath.Rel(w.dir, path); err == nil {
		return rel
	}
	return path
}

// fits reports whether name contains the letters of query in their order, as
// editors match.
func fits(query, name string) bool {
	name = strings.ToLower(name)
	for _, r := range strings.ToLower(query) {
		i := strings.IndexRune(name, r)
		if i < 0 {
			return false
		}
		name = name[i+len(string(r)):]
	}
	return true
}

type madeSymbol struct {
	symbolInformation
	at hcl.Range
}

// made are the named things that a file defines.
func made(b *hclsyntax.Body, inFlake bool) []madeSymbol {
	var out []madeSymbol
	for _, blk := range b.Blocks {
		if blk.Type == "locals" || inFlake && blk.Type == "args" {
			for name, a := range blk.Body.Attributes {
				out = append(out, madeSymbol{symbolInformation{Name: strings.TrimSuffix(blk.Type, "s") + " " + name, Kind: symbolVariable}, a.NameRange})
			}
			continue
		}
		if len(blk.Labels) > 0 {
			kind := symbolModule
			if blk.Type == "function" {
				kind = symbolFunction
			}
			out = append(out, madeSymbol{symbolInformation{Name: blk.Type + " " + strings.Join(blk.Labels, " "), Kind: kind}, blk.DefRange()})
		}
		out = append(out, made(blk.Body, false)...)
	}
	return out
}

package lsp

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// refused is an error that the editor shows to the user.
func refused(format string, args ...any) error {
	return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidRequest, Message: fmt.Sprintf(format, args...)}
}

// renamable is the thing at the cursor, if its name can change.
func (q *request) renamable() (mention, error) {
	if q.view == nil {
		return mention{}, refused("cannot read flake.hcl: fix it first")
	}
	for _, path := range slices.Sorted(maps.Keys(q.open)) {
		if q.open[path].broken != nil && q.workspaceOf(path) == q.workspace {
			return mention{}, refused("cannot tell what %s names, because it does not parse: fix it first", path)
		}
	}
	m, ok := q.named()
	if !ok {
		return m, refused("there is nothing to rename here")
	}
	switch m.of.kind {
	case thingLocal, thingArgument, thingFunction, thingHost, thingTemplate:
		return m, nil
	case thingOption:
		p, err := option.Declared(m.of.name)
		if err != nil {
			return m, refused("%v", err)
		}
		n, taken := q.hostOf(q.path).Options().Find(p)
		if taken < len(p) {
			return m, refused("no option %s is declared", m.of.name)
		}
		if d := q.hostOf(q.path).Declaration(n); d == nil || strings.HasPrefix(d.Range.Filename, "library/") || strings.HasPrefix(d.Range.Filename, "@") {
			return m, refused("%s is not an option of this flake, so the flake cannot rename it", m.of.name)
		}
		return m, nil
	}
	return m, refused("cannot rename this %s, only options of the flake, locals, args, functions, templates and hosts", m.of.kind)
}

// prepareRename is the name that would change.
func (q *request) prepareRename() (any, error) {
	m, err := q.renamable()
	if err != nil {
		return nil, err
	}
	return map[string]any{"range": q.text.span(m.at), "placeholder": m.of.last()}, nil
}

// rename is the edit that renames the thing at the cursor wherever the flake names
// it. It is refused if the flake would mean something else afterwards.
func (q *request) rename(to string) (*workspaceEdit, error) {
	m, err := q.renamable()
	if err != nil {
		return nil, err
	}
	valid := hclsyntax.ValidIdentifier(to)
	if m.of.kind == thingHost {
		valid = flake.ValidHostName(to)
	}
	if !valid {
		return nil, refused("%q is not a valid %s name", to, m.of.kind)
	}
	if to == m.of.last() {
		return &workspaceEdit{}, nil
	}
	other := m.of
	other.name = strings.TrimSuffix(other.name, other.last()) + to
	if taken := q.mentionsOf(other); len(taken) > 0 {
		return nil, refused("%s already exists, at %s:%d", to, taken[0].path, q.place(taken[0]).Range.Start.Line+1)
	}
	places := q.mentionsOf(m.of)
	edit := &workspaceEdit{Changes: map[string][]textEdit{}}
	texts := maps.Clone(q.view.texts)
	for _, p := range slices.Backward(places) { // from the last, so that earlier places stay valid
		edit.Changes[uriOf(p.path)] = append(edit.Changes[uriOf(p.path)], textEdit{Range: q.place(p).Range, NewText: to})
		src, held := texts[p.path]
		if !held {
			if src, err = q.view.content(q.workspace, p.path); err != nil {
				return nil, refused("cannot read %s: %v", p.path, err)
			}
		}
		texts[p.path] = bytes.Join([][]byte{src[:p.at.Start.Byte], []byte(to), src[p.at.End.Byte:]}, nil)
	}
	if err := q.meansTheSame(texts, places, m.of, to); err != nil {
		return nil, err
	}
	return q.withLock(edit, m.of, to)
}

// meansTheSame evaluates the flake after the rename, and refuses one that adds
// mistakes or changes a host.
func (q *request) meansTheSame(texts map[string][]byte, places []mention, t thing, to string) error {
	before, after := q.view, q.workspace.read(texts)
	if after.flake == nil || after.diags.HasErrors() {
		return refused("flake.hcl would have mistakes: %s", firstError(after.diags))
	}
	var names []string
	for _, name := range before.flake.Hosts() {
		of := func(p mention) bool {
			return q.reached == nil || filepath.Base(p.path) == "flake.hcl" || slices.Contains(q.workspace.hosts(p.path), name)
		}
		if slices.ContainsFunc(places, of) {
			names = append(names, name)
		}
	}
	was, said := evaluated(q, before, names)
	became := slices.Clone(names)
	for i, name := range names {
		if t.kind == thingHost && name == t.name {
			became[i] = to
		}
	}
	is, says := evaluated(q, after, became)
	for i, name := range names {
		if fresh := newError(said[i], says[i], t, to); fresh != nil {
			return refused("with that name, %s would have a mistake at %s: %s %s", became[i], option.At(*fresh.Subject), fresh.Summary, fresh.Detail)
		}
		if name == became[i] && !is[i].SameSpec(was[i]) {
			return refused("with that name, host %s would change: something that hostctl cannot see here uses the old name", name)
		}
	}
	return nil
}

// newError is an error in after that before does not have, apart from the name.
func newError(before, after hcl.Diagnostics, t thing, to string) *hcl.Diagnostic {
	key := func(d *hcl.Diagnostic) string { return d.Summary + strings.ReplaceAll(d.Detail, to, t.last()) }
	known := map[string]bool{}
	for _, d := range before {
		known[key(d)] = true
	}
	for _, d := range after {
		if d.Severity == hcl.DiagError && !known[key(d)] {
			if d.Subject == nil {
				d.Subject = &hcl.Range{Filename: "flake.hcl", Start: hcl.InitialPos, End: hcl.InitialPos}
			}
			return d
		}
	}
	return nil
}

func firstError(diags hcl.Diagnostics) string {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return d.Summary + ". " + d.Detail
		}
	}
	return ""
}

func evaluated(q *request, v *view, names []string) ([]*eval.Result, []hcl.Diagnostics) {
	results, diags := make([]*eval.Result, len(names)), make([]hcl.Diagnostics, len(names))
	_ = v.fleet.Each(q.ctx, names, func(i int, r *eval.Result, d hcl.Diagnostics) { results[i], diags[i] = r, d })
	return results, diags
}

// withLock moves the package lock along with a renamed host.
func (q *request) withLock(edit *workspaceEdit, t thing, to string) (*workspaceEdit, error) {
	lock := q.flake.File(filepath.Join("hosts", t.name, "packages.lock"))
	if _, err := lock.Stat(); t.kind != thingHost || err != nil {
		return edit, nil
	}
	if !q.moves {
		return nil, refused("this editor cannot move files for a language server, and %s must move too: use git mv to move it to hosts/%s/packages.lock, and change the name in flake.hcl", lock.Name, to)
	}
	out := &workspaceEdit{}
	for _, uri := range slices.Sorted(maps.Keys(edit.Changes)) {
		out.DocumentChanges = append(out.DocumentChanges, documentEdit{TextDocument: &versioned{URI: uri}, Edits: edit.Changes[uri]})
	}
	moved := q.flake.File(filepath.Join("hosts", to, "packages.lock"))
	out.DocumentChanges = append(out.DocumentChanges, documentEdit{Kind: "rename", OldURI: uriOf(lock.Path()), NewURI: uriOf(moved.Path())})
	return out, nil
}

package lsp

import (
	"bytes"
	"errors"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/hostctl/hostctl/internal/config/syntax"
)

// document is a file as it is in the editor.
type document struct {
	text    []byte
	version int             // as the editor counts
	broken  hcl.Diagnostics // why text does not parse
	sound   []byte          // the last text that parsed; nil: none did
}

// set sets a new text.
func (d *document) set(path string, text []byte, version int) {
	d.text, d.version, d.broken = text, version, nil
	if _, diags := syntax.Parse(path, text); diags.HasErrors() {
		d.broken = diags
		return
	}
	d.sound = text
}

// document follows the editor's changes of a file.
func (s *server) document(req *jsonrpc2.Request) error {
	var p documentParams
	if err := params(req, &p); err != nil {
		return err
	}
	path := pathOf(p.TextDocument.URI)
	if path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[path]
	switch req.Method {
	case "textDocument/didOpen":
		d = &document{}
		s.open[path] = d
		d.set(path, []byte(p.TextDocument.Text), p.TextDocument.Version)
	case "textDocument/didChange":
		if d == nil {
			return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: "didChange of " + path + ", which is not open"}
		}
		text, err := changed(d.text, p.ContentChanges)
		if err != nil {
			return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: "didChange of " + path + ": " + err.Error()}
		}
		d.set(path, text, p.TextDocument.Version)
	case "textDocument/didClose":
		delete(s.open, path)
	case "textDocument/didSave":
		return nil // the saved text is the typed one
	}
	s.edits++
	w := s.workspaceOf(path)
	if w == nil {
		return nil
	}
	if req.Method != "textDocument/didChange" {
		w.changed[path] = true
		w.schedule(0)
		return nil
	}
	if d.broken != nil {
		w.publishBroken(path, d)
	}
	w.typed(path)
	return nil
}

// changed is a text after the changes of a notification, applied in order. A
// change without a range is a whole new text.
func changed(text []byte, changes []contentChange) ([]byte, error) {
	for _, c := range changes {
		if c.Range == nil {
			text = []byte(c.Text)
			continue
		}
		t := newText(text)
		from, to := t.offset(c.Range.Start), t.offset(c.Range.End)
		if from > to {
			return nil, errors.New("a range that ends before it starts")
		}
		text = bytes.Join([][]byte{text[:from], []byte(c.Text), text[to:]}, nil)
	}
	return text, nil
}

// held are the files in the editor, as they are.
func (s *server) held() map[string]document {
	out := map[string]document{}
	for path, d := range s.open {
		out[path] = *d
	}
	return out
}

func textsOf(held map[string]document) map[string][]byte {
	out := map[string][]byte{}
	for path, d := range held {
		out[path] = d.text
	}
	return out
}

// soundTexts are the files in the editor, each as it was when it last parsed. A
// file that never parsed is as on disk.
func (s *server) soundTexts() map[string][]byte {
	out := map[string][]byte{}
	for path, d := range s.open {
		if d.sound != nil {
			out[path] = d.sound
			continue
		}
		if _, err := os.Stat(path); err != nil {
			out[path] = d.text
		}
	}
	return out
}

// filesChanged evaluates again what depends on files that changed on disk. For an
// open file, the editor's text counts.
func (s *server) filesChanged(req *jsonrpc2.Request) error {
	var p watchedParams
	if err := params(req, &p); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range p.Changes {
		path := pathOf(c.URI)
		if path == "" || s.open[path] != nil {
			continue
		}
		s.edits++
		for _, w := range s.workspaces { // an input may be anywhere
			w.renew()
		}
	}
	return nil
}

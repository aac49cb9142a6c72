// Package lsp is the language server. It answers an editor's questions about the
// files of a flake over the Language Server Protocol, and reports mistakes as they
// are typed. Package eval knows what the files mean; this package only turns places
// into questions.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/sourcegraph/jsonrpc2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/library"
)

// Options are the settings of a session.
type Options struct {
	Cache   string // folder for copies of library files
	Version string
	Offline bool // no input is fetched
	// Packages are the names in the package lock of a host.
	Packages func(f *flake.Flake, host string) []string
	// Beyond finds mistakes of an evaluated host that evaluation does not see.
	Beyond func(f *flake.Flake, host string, r *eval.Result, diags hcl.Diagnostics) hcl.Diagnostics
}

// server is one editor's session. It handles messages one after the other; only
// the evaluation of a flake runs concurrently.
type server struct {
	Options
	ctx  context.Context
	conn *jsonrpc2.Conn

	mu         sync.Mutex // of everything below
	open       map[string]*document
	edits      int                   // changes of open files or on disk
	workspaces map[string]*workspace // by folder
	snippets   bool
	watch      bool
	moves      bool // the editor can rename files for a server
	shutdown   bool
	left       bool // the editor sent exit
	closed     bool
}

// stream carries the protocol.
type stream struct {
	io.Reader
	io.Writer
}

// Close leaves standard input and output open.
func (stream) Close() error { return nil }

// Serve serves one editor until it sends exit or hangs up. It writes library files
// below the cache for the editor to open.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s := newServer(ctx, o)
	ready := make(chan struct{})
	handler := jsonrpc2.HandlerWithError(func(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) (any, error) {
		<-ready
		return s.handle(req)
	}).SuppressErrClosed()
	s.conn = jsonrpc2.NewConn(ctx, jsonrpc2.NewBufferedStream(stream{in, out}, jsonrpc2.VSCodeObjectCodec{}), handler)
	close(ready)
	<-s.conn.DisconnectNotify()
	end()
	s.mu.Lock()
	s.closed = true
	open := slices.Collect(maps.Values(s.workspaces))
	s.mu.Unlock()
	for _, w := range open {
		w.evaluating.Lock() // running evaluations have ended, and none begins
	}
	if s.left && !s.shutdown {
		return errors.New("the editor sent exit without shutdown")
	}
	return nil
}

func newServer(ctx context.Context, o Options) *server {
	return &server{Options: o, ctx: ctx, open: map[string]*document{}, workspaces: map[string]*workspace{}}
}

// handle answers one message. A bug in one answer must not end the editor's
// session.
func (s *server) handle(req *jsonrpc2.Request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error in %s: %v\n%s", req.Method, p, debug.Stack())
		}
	}()
	switch req.Method {
	case "initialize":
		return s.initialize(req)
	case "initialized":
		s.watchFiles()
		return nil, nil
	case "shutdown":
		s.shutdown = true
		return nil, nil
	case "exit":
		s.left = true
		return nil, s.conn.Close()
	case "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "textDocument/didSave":
		return nil, s.document(req)
	case "workspace/didChangeWatchedFiles":
		return nil, s.filesChanged(req)
	case "workspace/symbol":
		var p symbolParams
		if err := params(req, &p); err != nil {
			return nil, err
		}
		return s.workspaceSymbols(p.Query), nil
	}
	if strings.HasPrefix(req.Method, "textDocument/") && !req.Notif {
		return s.answer(req)
	}
	if req.Notif {
		return nil, nil
	}
	return nil, unknownMethod(req)
}

func (s *server) initialize(req *jsonrpc2.Request) (any, error) {
	var p initializeParams
	if err := params(req, &p); err != nil {
		return nil, err
	}
	s.snippets = p.Capabilities.TextDocument.Completion.CompletionItem.SnippetSupport
	s.watch = p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration
	edits := p.Capabilities.Workspace.WorkspaceEdit
	s.moves = edits.DocumentChanges && slices.Contains(edits.ResourceOperations, "rename")
	return map[string]any{
		"serverInfo": map[string]string{"name": "hostctl", "version": s.Version},
		"capabilities": map[string]any{
			"positionEncoding":           "utf-16",
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2},
			"completionProvider":         map[string]any{"triggerCharacters": []string{".", "\"", "/"}},
			"hoverProvider":              true,
			"definitionProvider":         true,
			"documentFormattingProvider": true,
			"documentSymbolProvider":     true,
			"referencesProvider":         true,
			"documentHighlightProvider":  true,
			"renameProvider":             map[string]any{"prepareProvider": true},
			"signatureHelpProvider":      map[string]any{"triggerCharacters": []string{"(", ","}},
			"foldingRangeProvider":       true,
			"workspaceSymbolProvider":    true,
			"codeActionProvider":         map[string]any{"codeActionKinds": []string{"quickfix"}},
		},
	}, nil
}

// watchFiles asks the editor to report files that change outside it.
func (s *server) watchFiles() {
	if !s.watch {
		return
	}
	watchers := []map[string]string{{"globPattern": "**/*.hcl"}, {"globPattern": "**/flake.lock"}, {"globPattern": "**/packages.lock"}}
	registration := map[string]any{"id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": map[string]any{"watchers": watchers}}
	// Do not wait: the answer comes through the loop that runs this.
	_, err := s.conn.DispatchCall(s.ctx, "client/registerCapability", map[string]any{"registrations": []any{registration}})
	s.complain(err)
}

// complain writes to stderr, where editors keep a server's log, what cannot be
// reported otherwise.
func (s *server) complain(err error) {
	if err != nil && !errors.Is(err, jsonrpc2.ErrClosed) {
		fmt.Fprintf(os.Stderr, "hostctl lsp: %v\n", err)
	}
}

func params(req *jsonrpc2.Request, to any) error {
	if req.Params == nil {
		return nil
	}
	if err := json.Unmarshal(*req.Params, to); err != nil {
		return &jsonrpc2.Error{Code: jsonrpc2.CodeInvalidParams, Message: err.Error()}
	}
	return nil
}

// workspaceOf is the flake that a file belongs to, by the nearest flake.hcl above
// it; nil if there is none. A library file belongs to any open flake.
func (s *server) workspaceOf(path string) *workspace {
	if strings.HasPrefix(path, s.libraryDir()+"/") {
		for _, w := range s.workspaces {
			return w
		}
		return nil
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		flake := filepath.Join(dir, "flake.hcl")
		_, held := s.open[flake]
		if _, err := os.Stat(flake); err == nil || held {
			if s.workspaces[dir] == nil {
				s.workspaces[dir] = s.newWorkspace(dir)
			}
			return s.workspaces[dir]
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (s *server) libraryDir() string { return filepath.Join(s.Cache, "library") }

// libraryFile writes a file of the library to the cache, read-only, so that
// any editor can open it.
func (s *server) libraryFile(name string) (string, error) {
	src, err := library.Read(name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.libraryDir(), filepath.FromSlash(name))
	if have, err := os.ReadFile(path); err == nil && string(have) == string(src) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("cannot show library/%s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("cannot show library/%s: %w", name, err)
	}
	if err := os.WriteFile(path, src, 0o444); err != nil {
		return "", fmt.Errorf("cannot show library/%s: %w", name, err)
	}
	return path, nil
}

// fileAt is the file at a path, in the flake of the workspace if it is there.
func fileAt(w *workspace, path string) tree.File {
	if w != nil {
		if name, err := filepath.Rel(w.dir, path); err == nil && filepath.IsLocal(name) {
			return tree.File{Root: w.dir, Name: name}
		}
	}
	return tree.File{Root: filepath.Dir(path), Name: filepath.Base(path)}
}

// request is a question about a place in a file.
type request struct {
	*server
	*workspace
	*view  // nil if there is no workspace, or no readable flake
	path   string
	text   *text
	offset int
}

func (s *server) answer(req *jsonrpc2.Request) (any, error) {
	var p positionParams
	if err := params(req, &p); err != nil {
		return nil, err
	}
	path := pathOf(p.TextDocument.URI)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[path]
	if d == nil {
		return nil, nil
	}
	q := &request{server: s, path: path, text: newText(d.text)}
	q.offset = q.text.offset(p.Position)
	switch req.Method {
	case "textDocument/formatting":
		return q.format(), nil
	case "textDocument/documentSymbol":
		return q.symbols(), nil
	case "textDocument/foldingRange":
		return q.folds(), nil
	case "textDocument/codeAction":
		var p actionParams
		if err := params(req, &p); err != nil {
			return nil, err
		}
		return q.fixes(p.Context.Diagnostics), nil
	}
	q.workspace = s.workspaceOf(path)
	if q.workspace == nil {
		return nil, nil
	}
	q.view = q.workspace.asked()
	return q.answerOfFlake(req)
}

// answerOfFlake answers questions that need the flake.
func (q *request) answerOfFlake(req *jsonrpc2.Request) (any, error) {
	switch req.Method {
	case "textDocument/completion":
		return q.complete(), nil
	case "textDocument/hover":
		return q.hover(), nil
	case "textDocument/definition":
		return q.define(), nil
	case "textDocument/signatureHelp":
		return q.signatureHelp(), nil
	case "textDocument/documentHighlight":
		return q.highlights(), nil
	case "textDocument/references":
		var p referenceParams
		if err := params(req, &p); err != nil {
			return nil, err
		}
		return q.references(p.Context.IncludeDeclaration), nil
	case "textDocument/prepareRename":
		return q.prepareRename()
	case "textDocument/rename":
		var p renameParams
		if err := params(req, &p); err != nil {
			return nil, err
		}
		return q.rename(p.NewName)
	}
	return nil, unknownMethod(req)
}

func unknownMethod(req *jsonrpc2.Request) error {
	return &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: "hostctl has no " + req.Method}
}

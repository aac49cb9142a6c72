package eval

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	ctyfunction "github.com/zclconf/go-cty/cty/function"
	"golang.org/x/text/unicode/norm"

	"github.com/hostctl/hostctl/internal/config/function"
	"github.com/hostctl/hostctl/internal/config/report"
	"github.com/hostctl/hostctl/internal/config/tree"
	"github.com/hostctl/hostctl/library"
)

// functions are those that one file has in addition to the shared ones: their paths are relative to it (language rule 22).
func (e *evaluator) functions(m *module) map[string]ctyfunction.Function {
	fns := map[string]ctyfunction.Function{"file": function.File(m.reader(e)), "templatefile": function.Template(m.reader(e), m.ctx)}
	if m.flake == nil {
		fns["secret_placeholder"] = function.Placeholder()
	}
	return fns
}

// realPath finds a file of the flake or an input for an expression of a module.
func (e *evaluator) realPath(m *module, p string) (tree.File, error) {
	if strings.HasPrefix(p, "/@/") {
		return e.flake.Real(e.flake.Dir, "./"+strings.TrimPrefix(p, "/@/"), e.mounted)
	}
	f := m.flake
	if f == nil {
		f = e.flake
	}
	return f.Real(m.dir, p, e.mounted)
}

// inFlake is a path as diagnostics write it: relative to the flake, or @INPUT/...
// in an input.
func (e *evaluator) inFlake(p string) string {
	rest, ok := strings.CutPrefix(p, "/@")
	mount, file, _ := strings.Cut(rest, "/")
	if !ok || mount == "" {
		return strings.TrimPrefix(p, "/@/")
	}
	if in := e.mounted("/@" + mount); in != nil {
		return "@" + in.Name + "/" + file
	}
	return p
}

// moduleFiles reads files for the expressions of one module.
type moduleFiles struct {
	e *evaluator
	m *module
}

// Name is inFlake.
func (f moduleFiles) Name(p string) string { return f.e.inFlake(p) }

// Text reads a file as text. It refuses text that cty would change.
func (f moduleFiles) Text(p string) (string, error) { return f.e.readText(f.m, p) }

func (m *module) reader(e *evaluator) moduleFiles { return moduleFiles{e: e, m: m} }

func (e *evaluator) readText(m *module, p string) (string, error) {
	if m.flake == nil && !strings.HasPrefix(p, "/@") {
		b, err := library.Read(path.Join(strings.TrimPrefix(m.dir+"/", "library/"), p))
		return string(b), err
	}
	real, err := e.realPath(m, p)
	if err != nil {
		return "", err
	}
	b, err := e.flake.ReadFile(real, tree.MaxData)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", e.inFlake(p), report.Underlying(err))
	}
	if !utf8.Valid(b) || !norm.NFC.IsNormal(b) {
		return "", fmt.Errorf("cannot read %s as text: it is not UTF-8 in normal form C, so its bytes would change; copy it with source", e.inFlake(p))
	}
	return string(b), nil
}

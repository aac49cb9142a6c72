// Package internal holds no code, only the test of who may import whom.
package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hostctl/hostctl/"

// mayImport lists for each package every package of this module that it may
// import. Config says what a host should be, machine says what it
// is, change is the way between, and spec is the language that they share.
func mayImport() map[string][]string {
	return map[string][]string{
		"cmd/hostctl":                 {"internal/change/engine", "internal/cli"},
		"library":                     {},
		"internal/cli":                {"internal/change/engine", "internal/config/eval", "internal/config/flake", "internal/config/git", "internal/config/meter", "internal/config/option", "internal/config/report", "internal/config/syntax", "internal/config/tree", "internal/lsp", "internal/machine/apt", "internal/machine/system", "internal/machine/systemd", "internal/render", "internal/spec", "library"},
		"internal/spec":               {},
		"internal/blob":               {"internal/spec"},
		"internal/render":             {"internal/spec"},
		"internal/network":            {},
		"internal/config/tree":        {},
		"internal/config/syntax":      {},
		"internal/config/git":         {"internal/config/tree", "internal/network"},
		"internal/config/flake":       {"internal/config/git", "internal/config/option", "internal/config/syntax", "internal/config/tree"},
		"internal/config/option":      {},
		"internal/config/meter":       {"internal/config/option"},
		"internal/config/report":      {"internal/config/option", "library"},
		"internal/config/function":    {"internal/config/meter", "internal/config/option", "internal/config/syntax"},
		"internal/config/eval":        {"internal/config/flake", "internal/config/function", "internal/config/meter", "internal/config/option", "internal/config/report", "internal/config/syntax", "internal/config/tree", "internal/spec", "library"},
		"internal/lsp":                {"internal/config/eval", "internal/config/flake", "internal/config/meter", "internal/config/option", "internal/config/report", "internal/config/syntax", "internal/config/tree", "library"},
		"internal/machine/system":     {},
		"internal/machine/account":    {"internal/machine/system"},
		"internal/machine/systemd":    {"internal/machine/system"},
		"internal/machine/apt":        {"internal/machine/system", "internal/network", "internal/spec"},
		"internal/machine/bootloader": {"internal/machine/system"},
		"internal/change/early":       {"internal/machine/system"},
		"internal/machine/secret":     {"internal/machine/system", "internal/spec"},
		"internal/machine/kind":       {"internal/machine/account", "internal/machine/system", "internal/machine/systemd", "internal/spec"},
		"internal/machine/inventory":  {"internal/machine/account", "internal/machine/apt", "internal/machine/system", "internal/spec"},
		"internal/machine/login":      {"internal/machine/account"},
		"internal/change/plan":        {"internal/spec"},
		"internal/change/guard":       {"internal/machine/account", "internal/machine/bootloader", "internal/machine/apt", "internal/machine/login", "internal/machine/system", "internal/spec"},
		"internal/change/absorb":      {"internal/change/changeset", "internal/change/node", "internal/machine/apt", "internal/machine/inventory", "internal/machine/system", "internal/spec"},
		"internal/change/drift":       {"internal/machine/account", "internal/machine/apt", "internal/machine/inventory", "internal/machine/kind", "internal/machine/system", "internal/spec"},
		"internal/change/observe":     {"internal/machine/apt", "internal/machine/kind", "internal/machine/secret", "internal/machine/system", "internal/spec"},
		"internal/change/accounts":    {"internal/change/changeset", "internal/change/generation", "internal/change/node", "internal/change/transaction", "internal/machine/account", "internal/machine/system"},
		"internal/change/baseline":    {"internal/change/absorb", "internal/change/drift", "internal/change/generation", "internal/machine/bootloader", "internal/machine/inventory", "internal/machine/system", "internal/spec"},
		"internal/change/space":       {"internal/change/node", "internal/change/stage", "internal/machine/apt", "internal/spec"},
		"internal/change/caller":      {"internal/change/generation", "internal/change/guard", "internal/machine/account", "internal/machine/system", "internal/machine/systemd", "internal/render"},
		"internal/change/engine": {
			"internal/blob", "internal/change/absorb", "internal/change/accounts", "internal/change/activate", "internal/change/baseline", "internal/change/caller", "internal/change/changeset", "internal/change/commit", "internal/change/drift", "internal/change/early", "internal/change/generation", "internal/change/guard", "internal/change/node", "internal/change/observe", "internal/change/plan", "internal/change/space", "internal/change/stage", "internal/change/transaction",
			"internal/machine/account", "internal/machine/apt", "internal/machine/bootloader", "internal/machine/inventory", "internal/machine/kind", "internal/machine/secret", "internal/machine/system", "internal/machine/systemd", "internal/render", "internal/spec",
		},
		"internal/change/node":        {"internal/machine/system"},
		"internal/change/changeset":   {"internal/change/node"},
		"internal/change/transaction": {"internal/change/changeset", "internal/change/node", "internal/machine/system"},
		"internal/change/commit":      {"internal/change/changeset", "internal/change/node", "internal/change/transaction", "internal/machine/system"},
		"internal/change/stage":       {"internal/change/changeset", "internal/change/node", "internal/machine/account", "internal/machine/apt", "internal/machine/bootloader", "internal/machine/kind", "internal/machine/system", "internal/spec"},
		"internal/change/activate":    {"internal/change/node", "internal/machine/secret", "internal/machine/system", "internal/machine/systemd", "internal/spec"},
		"internal/change/generation":  {"internal/change/changeset", "internal/change/node", "internal/machine/account", "internal/machine/apt", "internal/machine/system", "internal/spec"},
	}
}

// soleImporters are the only places, tests included, in which a library may be
// named, so that it can be replaced, and so that nobody else holds a secret.
func soleImporters() map[string][]string {
	return map[string][]string{
		"github.com/getsops/sops":       {"internal/machine/secret"},
		"filippo.io/age":                {"internal/machine/secret"},
		"github.com/go-git/go-git":      {"internal/config/flake", "internal/config/git"},
		"github.com/hashicorp/hcl":      {"internal/config/", "internal/cli", "internal/lsp", "library", "test/bench"},
		"github.com/zclconf/go-cty":     {"internal/config/", "internal/cli", "internal/lsp", "library"},
		"github.com/spf13/cobra":        {"internal/cli"},
		"github.com/sourcegraph/":       {"internal/lsp"},
		"github.com/pmezard/go-diff":    {"internal/render"},
		"github.com/klauspost/compress": {"internal/machine/apt"},
	}
}

// source is one file of the module, parsed.
type source struct {
	dir, name string
	test      bool
	file      *ast.File
	lines     *token.File
}

// sources reads every Go file below the module's root. It goes through os, so
// that go test knows what the result depends on and does not cache a lie.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	root := ".."
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(p, "go.mod")); d.IsDir() && p != root && err == nil {
			return fs.SkipDir // another module
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		out = append(out, source{path.Dir(filepath.ToSlash(rel)), rel, strings.HasSuffix(p, "_test.go"), f, fset.File(f.Pos())})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func TestWhoImportsWhom(t *testing.T) {
	table := mayImport()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "test") {
			continue
		}
		seen[s.dir] = true
		allowed, known := table[s.dir]
		if !known {
			t.Errorf("%s: the package is not in the table of this test; docs/design/layout.md says where it belongs", s.name)
			continue
		}
		for _, imported := range s.imports() {
			own, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(allowed, own) {
				t.Errorf("%s may not import %s", s.name, own)
			}
		}
	}
	for dir := range table {
		if !seen[dir] {
			t.Errorf("the table names %s, which is not there", dir)
		}
	}
}

// TestProgramsOfDebian: package machine and the stage's child alone run programs.
// Config runs git and ssh for inputs.
func TestProgramsOfDebian(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !strings.HasPrefix(s.dir, "internal/") || strings.HasPrefix(s.dir, "internal/machine/") || s.dir == "internal/change/stage" || s.dir == "internal/config/git" {
			continue
		}
		if slices.Contains(s.imports(), "os/exec") {
			t.Errorf("%s runs programs: that is for a package below internal/machine", s.name)
		}
		if !slices.Contains(s.imports(), module+"internal/machine/system") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Command" && sel.Sel.Name != "Run" {
				return true
			}
			for _, a := range call.Args {
				if l, ok := a.(*ast.BasicLit); ok && l.Kind == token.STRING {
					t.Errorf("%s runs %s: that is for a package below internal/machine", s.name, l.Value)
					break
				}
			}
			return true
		})
	}
}

// TestConfigAndMachineAreStrangers holds for the table itself and for tests.
func TestConfigAndMachineAreStrangers(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			own := strings.TrimPrefix(imported, module)
			for _, law := range [][2]string{
				{"internal/config/", "internal/machine/"},
				{"internal/config/", "internal/change/"},
				{"internal/machine/", "internal/config/"},
				{"internal/change/", "internal/config/"},
			} {
				if strings.HasPrefix(s.dir+"/", law[0]) && strings.HasPrefix(own, law[1]) {
					t.Errorf("%s: nothing below %s may know %s", s.name, law[0], own)
				}
			}
		}
	}
}

// readsItself are the files below those folders that open something which is
// no flake's, each with what it is.
func readsItself() map[string]string {
	return map[string]string{
		"internal/config/flake/cache.go":    "the folder that it writes a commit to",
		"internal/config/git/credential.go": "~/.netrc",
		"internal/config/git/ssh.go":        "keys of the user",
		"internal/lsp/server.go":            "the library in the cache",
	}
}

// TestOneReader: files of flakes and inputs are somebody else's, and package
// tree alone opens them.
func TestOneReader(t *testing.T) {
	forbidden := map[string][]string{
		"os":            {"Open", "OpenFile", "ReadFile", "ReadDir", "DirFS", "OpenRoot"},
		"path/filepath": {"Walk", "WalkDir", "Glob"},
		"io/ioutil":     {"ReadFile", "ReadDir"},
	}
	files := []string{"internal/cli/fmt.go", "internal/cli/update.go", "internal/cli/session.go", "internal/cli/diagnostics.go", "internal/cli/snippet.go", "internal/cli/jsondiagnostics.go", "internal/cli/validate.go", "internal/cli/fix.go"}
	for _, s := range sources(t) {
		below := strings.HasPrefix(s.dir, "internal/config/") && s.dir != "internal/config/tree" || s.dir == "internal/lsp"
		if _, allowed := readsItself()[s.name]; s.test || allowed || !below && !slices.Contains(files, s.name) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil {
				return true
			}
			for path, names := range forbidden {
				if path[strings.LastIndex(path, "/")+1:] == pkg.Name && slices.Contains(names, sel.Sel.Name) && slices.Contains(s.imports(), path) {
					t.Errorf("%s calls %s.%s; a file of a flake is read with tree.File", s.name, pkg.Name, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestSoleImporters(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			for library, dirs := range soleImporters() {
				isHome := func(dir string) bool {
					return s.dir == dir || strings.HasSuffix(dir, "/") && strings.HasPrefix(s.dir, dir)
				}
				if strings.HasPrefix(imported, library) && !slices.ContainsFunc(dirs, isHome) {
					t.Errorf("%s may not import %s: only %s may", s.name, imported, strings.Join(dirs, ", "))
				}
			}
		}
	}
}

// TestPlanIsPure: what is decided depends on the input alone.
func TestPlanIsPure(t *testing.T) {
	pure := []string{"cmp", "errors", "fmt", "maps", "slices", "sort", "strconv", "strings", module + "internal/spec"}
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if s.dir == "internal/change/plan" && !s.test && !slices.Contains(pure, imported) {
				t.Errorf("%s imports %s; plan reads nothing but its input", s.name, imported)
			}
		}
	}
}

func TestOnePackageDoc(t *testing.T) {
	docs, code := map[string][]string{}, map[string]bool{}
	for _, s := range sources(t) {
		code[s.dir] = true
		if s.file.Doc != nil {
			docs[s.dir] = append(docs[s.dir], s.name)
		}
	}
	for dir := range code {
		if len(docs[dir]) != 1 {
			t.Errorf("%s has %d package comments, in %v; it wants one, that says what the package is and is not", dir, len(docs[dir]), docs[dir])
		}
	}
}

// The budgets of the house: a file is one concept, a function is one page.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

func TestBudgets(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if n := s.lines.LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", s.name, n, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s has an init function: call it where it is needed", s.name)
			}
			if n := s.lines.Line(f.End()) - s.lines.Line(f.Pos()) + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", s.name, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// TestNoGlobals: a package-level variable is an error to compare with, what is made
// once when it is first asked for, or bytes that the compiler embeds. Anything else
// somebody could change.
func TestNoGlobals(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR || s.test || g.Doc != nil && strings.Contains(g.Doc.List[len(g.Doc.List)-1].Text, "//go:embed") {
				continue
			}
			for _, spec := range g.Specs {
				if v := spec.(*ast.ValueSpec); !isConstantLike(v) {
					t.Errorf("%s: %s is a package-level variable; make it a constant, or a function that returns it", s.name, v.Names[0].Name)
				}
			}
		}
	}
}

// isConstantLike: errors, sync.OnceValue, and var _ T = x, which only the compiler
// reads.
func isConstantLike(v *ast.ValueSpec) bool {
	name := v.Names[0].Name
	if len(v.Values) == 1 {
		if call, ok := v.Values[0].(*ast.CallExpr); ok && types.ExprString(call.Fun) == "sync.OnceValue" {
			return true
		}
	}
	return name == "_" || strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
}

// TestNoClouds: no client of a cloud comes into the program (third_party/nocloud).
func TestNoClouds(t *testing.T) {
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		path, _, _ := strings.Cut(line, " ")
		for _, cloud := range []string{"cloud.google.com/", "google.golang.org/api", "google.golang.org/grpc", "github.com/aws/", "github.com/Azure/azure-sdk-for-go/", "github.com/huaweicloud/", "github.com/hashicorp/vault/", "github.com/envoyproxy/"} {
			if strings.HasPrefix(path, cloud) {
				t.Errorf("go.sum has %s", path)
			}
		}
	}
}

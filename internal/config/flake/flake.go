// Package flake reads flake.hcl: the hosts of a configuration, the inputs that
// they use, and the lock with the inputs' exact revisions. It does not know what
// modules contain.
package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/git"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/syntax"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// Flake is one flake.hcl with its lock.
type Flake struct {
	Dir         string // absolute
	Label       string // how diagnostics name its files: "" for the root flake, "@NAME/" for an input
	Mount       string // the path that expressions see for Dir; "" for the root flake
	Description string
	Args        map[string]hcl.Expression
	Modules     hcl.Expression // nil: none
	Exports     Exports
	Files       map[string]*hcl.File // for the snippets of diagnostics
	Offline     bool                 // no input is fetched; set it before opening one

	unsaved   map[string][]byte
	inputs    []declared
	templates map[string]*Template
	hosts     map[string]*Host
	lock      *lockFile // the root's, for every flake
	prefix    string    // of its inputs' keys in the lock: "", and "NAME." for an input
	via       *Input    // the input that this flake is; nil for the root flake
	tree      string    // its path: inputs must stay inside; "" for no limit
	place     place     // what Dir was when it was loaded; only for the root flake
	login     bool      // the user asked to fetch inputs, with logins and the programs that have them; only for the root flake
}

// Template is a named list of modules.
type Template struct {
	Name    string
	Modules hcl.Expression
	Args    map[string]hcl.Expression
	Range   hcl.Range
}

// Host is a host block.
type Host struct {
	Name     string
	System   string
	Template string // "" for none
	Modules  hcl.Expression
	Args     map[string]hcl.Expression
	Range    hcl.Range
	// TemplateFrom is a list with the template, if it comes from an input;
	// Template is then its name there.
	TemplateFrom hcl.Expression
	// TemplateRange is the place that names the template, for errors about it.
	TemplateRange hcl.Range
}

// Exports are what other flakes may use, each a path below Dir.
type Exports struct {
	Modules, Templates, Packages map[string]string
}

// DebianInput is a package source.
type DebianInput struct {
	Name       string
	Suite      string
	Snapshot   string // "" or a timestamp of the snapshot archive
	Keyring    string // "" is the archive keyring of Debian
	Components []string
}

// Load reads flake.hcl and flake.lock of a folder. Inputs are opened on demand.
func Load(dir string) (*Flake, hcl.Diagnostics) { return LoadUnsaved(dir, nil) }

// LoadUnsaved is Load with an editor's files that differ from those on disk:
// unsaved has their contents by absolute path.
func LoadUnsaved(dir string, unsaved map[string][]byte) (*Flake, hcl.Diagnostics) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, failure("Cannot read the flake", err.Error(), nil)
	}
	f := &Flake{Dir: abs, unsaved: unsaved, place: placeOf(abs)}
	_, held := unsaved[f.File("flake.hcl").Path()]
	if _, err := f.File("flake.hcl").Stat(); errors.Is(err, os.ErrNotExist) && !held {
		return nil, failure("Cannot read the flake", fmt.Sprintf("There is no flake.hcl in %s; name its folder with --flake, or make one with 'hostctl flake init'.", abs), nil)
	}
	lock, err := readLock(f.File(LockName))
	f.lock = lock
	diags := f.read()
	if err != nil {
		return f, append(diags, failure("Cannot read the lock", err.Error()+".", nil)...)
	}
	return f, append(diags, f.Warnings()...)
}

// read decodes flake.hcl of the flake's folder.
func (f *Flake) read() hcl.Diagnostics {
	f.Files = map[string]*hcl.File{}
	f.Args, f.templates, f.hosts = map[string]hcl.Expression{}, map[string]*Template{}, map[string]*Host{}
	name := f.Label + "flake.hcl"
	src, err := f.ReadFile(f.File("flake.hcl"), tree.MaxModule)
	if errors.Is(err, tree.ErrOutside) {
		return failure("Cannot read the flake", fmt.Sprintf("Cannot open %s: it is a link that leads out of its folder; name the folder that it leads to with --flake.", name), nil)
	}
	if err != nil {
		return failure("Cannot read the flake", fmt.Sprintf("Cannot read %s: %v.", name, underlying(err)), nil)
	}
	file, diags := syntax.Parse(name, src)
	if file == nil {
		return diags
	}
	f.Files[name] = file
	if diags.HasErrors() {
		return diags
	}
	diags = append(diags, f.decode(file.Body.(*hclsyntax.Body))...)
	if f.via != nil {
		diags = append(diags, f.follow()...)
	}
	return append(diags, f.resolveFollows()...)
}

// File is a file of the flake's folder; name is relative to it.
func (f *Flake) File(name string) tree.File { return tree.File{Root: f.Dir, Name: name} }

// ReadFile is the content of a file in the editor, or else on disk, at most max
// bytes.
func (f *Flake) ReadFile(file tree.File, max int64) ([]byte, error) {
	if b, ok := f.unsaved[file.Path()]; ok {
		return b, nil
	}
	return file.Read(max)
}

// underlying drops the path of this machine from an error.
func underlying(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Hosts are the names of all hosts, sorted.
func (f *Flake) Hosts() []string { return sortedNames(f.hosts) }

// Templates are the names of all templates, sorted.
func (f *Flake) Templates() []string { return sortedNames(f.templates) }

// Host is the host block called name, or nil.
func (f *Flake) Host(name string) *Host { return f.hosts[name] }

// Template is the template block called name, or nil.
func (f *Flake) Template(name string) *Template { return f.templates[name] }

// Input is the input called name, or nil.
func (f *Flake) Input(name string) *Input {
	i := slices.IndexFunc(f.inputs, func(d declared) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return f.inputs[i].in
}

// InputNames are the names of all inputs, in the order of the file.
func (f *Flake) InputNames() []string {
	var out []string
	for _, d := range f.inputs {
		out = append(out, d.name)
	}
	return out
}

// Debian are the package sources, in the order of the file. A package that names
// none comes from the first.
func (f *Flake) Debian() []DebianInput {
	var out []DebianInput
	for _, d := range f.inputs {
		if d.in.Debian != nil {
			out = append(out, *d.in.Debian)
		}
	}
	return out
}

// Real turns a path of the language, absolute or relative to the folder dir of this
// flake, into a file of this flake or of an input, and refuses what leaves them.
// mounted has the inputs by the path that expressions see.
func (f *Flake) Real(dir, p string, mounted func(mount string) *Input) (tree.File, error) {
	if rest, ok := strings.CutPrefix(p, mountPrefix); ok {
		mount, rel, _ := strings.Cut(rest, "/")
		in := mounted(mountPrefix + mount)
		if in == nil {
			return tree.File{}, fmt.Errorf("cannot open %s: it is in no input", p)
		}
		return below(in.Dir(), rel, "@"+in.key+"/"+rel)
	}
	if filepath.IsAbs(p) {
		return tree.File{}, fmt.Errorf("cannot open %s: only files of the flake and its inputs can be read; name it relative to this file", p)
	}
	rel, err := filepath.Rel(f.Dir, filepath.Join(dir, p))
	if err != nil {
		return tree.File{}, fmt.Errorf("cannot open %s: %w", p, err)
	}
	return below(f.Dir, rel, p)
}

// below is a file of the folder root. Its links are followed when it is read.
func below(root, name, shown string) (tree.File, error) {
	file := tree.File{Root: root, Name: filepath.Clean(name)}
	if _, err := file.Stat(); tree.Refused(err) {
		return file, fmt.Errorf("cannot open %s: %w", shown, underlying(err))
	}
	return file, nil
}

func within(root, p string) bool {
	return p == root || strings.HasPrefix(p, strings.TrimSuffix(root, "/")+"/")
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func failure(summary, detail string, at *hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at}}
}

// text evaluates an expression that cannot refer to anything.
func text(expr hcl.Expression) (string, hcl.Diagnostics) {
	if len(expr.Variables()) > 0 {
		return "", failure("Computed text", "Write plain text in quotes here: hostctl reads it before args and everything else.", expr.Range().Ptr())
	}
	v, diags := expr.Value(nil)
	if diags.HasErrors() {
		return "", diags
	}
	if v.IsNull() || v.Type() != cty.String {
		return "", failure("Wrong type", fmt.Sprintf("Expected a string, got %s.", option.Describe(v)), expr.Range().Ptr())
	}
	return v.AsString(), nil
}

// Revision is the commit that the flake's folder stands at, and whether the
// worktree differs from it; what is too large to compare does.
func (f *Flake) Revision() (commit string, dirty bool, err error) {
	return git.Revision(f.Dir, maxInputBytes)
}

// Package flake reads flake.hcl: the hosts of a configuration, the inputs
// they are made of and the lock that fixes these. It knows nothing of what
// modules hold.
package flake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
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

	unsaved   map[string][]byte
	inputs    []declared
	templates map[string]*Template
	hosts     map[string]*Host
	lock      *lockFile // the root's, for every flake
	prefix    string    // of its inputs' keys in the lock: "", and "NAME." for an input
	via       *Input    // that this flake is of; nil for the root flake
	tree      string    // what its path: inputs may not leave; "" for no limit
	place     place     // that Dir meant when it was loaded; the root flake's
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
	// TemplateFrom is a list that holds the template, where it is one of an
	// input; Template is then its name there.
	TemplateFrom hcl.Expression
	// TemplateRange is where the template is named, for errors about it.
	TemplateRange hcl.Range
}

// Exports are what other flakes may take, each a path below Dir.
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

// Load reads flake.hcl and flake.lock of a folder. Inputs are opened when
// something names them.
func Load(dir string) (*Flake, hcl.Diagnostics) { return LoadUnsaved(dir, nil) }

// LoadUnsaved is Load where an editor holds files that differ from those on
// disk: unsaved are their contents by absolute path.
func LoadUnsaved(dir string, unsaved map[string][]byte) (*Flake, hcl.Diagnostics) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, failure("Cannot read the flake", err.Error(), nil)
	}
	f := &Flake{Dir: abs, unsaved: unsaved, place: placeOf(abs)}
	if _, err := f.ReadFile(filepath.Join(abs, "flake.hcl")); errors.Is(err, os.ErrNotExist) {
		return nil, failure("Cannot read the flake", fmt.Sprintf("There is no flake.hcl in %s; name its folder with --flake, or make one with 'hostctl flake init'.", abs), nil)
	}
	lock, err := readLock(filepath.Join(abs, lockName))
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
	src, err := f.ReadFile(filepath.Join(f.Dir, "flake.hcl"))
	if err != nil {
		return failure("Cannot read the flake", err.Error(), nil)
	}
	name := f.Label + "flake.hcl"
	file, diags := Parse(name, src)
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

// ReadFile is the content of a file as an editor holds it, else as on disk.
func (f *Flake) ReadFile(path string) ([]byte, error) {
	if b, ok := f.unsaved[path]; ok {
		return b, nil
	}
	return os.ReadFile(path)
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

// Debian are the package sources, in the order of the file: the first is
// where a package comes from that does not say.
func (f *Flake) Debian() []DebianInput {
	var out []DebianInput
	for _, d := range f.inputs {
		if d.in.Debian != nil {
			out = append(out, *d.in.Debian)
		}
	}
	return out
}

// Revision is the commit that the flake's folder stands at, and whether the
// worktree differs from it.
func (f *Flake) Revision() (commit string, dirty bool, err error) {
	repo, err := git.PlainOpenWithOptions(f.Dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return "", true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot open the git repository of %s: %w", f.Dir, err)
	}
	head, err := repo.Head()
	if err != nil {
		return "", true, nil // a repository without a commit
	}
	tree, err := repo.Worktree()
	if err != nil {
		return "", false, fmt.Errorf("cannot open the worktree of %s: %w", f.Dir, err)
	}
	status, err := tree.Status()
	if err != nil {
		return "", false, fmt.Errorf("cannot compare %s with its commit: %w", f.Dir, err)
	}
	return head.Hash().String(), !status.IsClean(), nil
}

// Real turns a path of the language, absolute or relative to the folder dir
// of this flake, into a path on disk, refusing what leaves the flake and its
// inputs. mounted are the inputs by the path that expressions see.
func (f *Flake) Real(dir, p string, mounted func(mount string) *Input) (string, error) {
	if rest, ok := strings.CutPrefix(p, mountPrefix); ok {
		mount, rel, _ := strings.Cut(rest, "/")
		in := mounted(mountPrefix + mount)
		if in == nil {
			return "", fmt.Errorf("cannot open %s: it is in no input", p)
		}
		return below(in.Dir(), rel, "@"+in.key+"/"+rel)
	}
	if filepath.IsAbs(p) {
		return "", fmt.Errorf("cannot open %s: only files of the flake and its inputs can be read; name it relative to this file", p)
	}
	rel, err := filepath.Rel(f.Dir, filepath.Join(dir, p))
	if err != nil {
		return "", fmt.Errorf("cannot open %s: %w", p, err)
	}
	return below(f.Dir, rel, p)
}

// below follows symbolic links, so that none leads out of the flake.
func below(root, rel, shown string) (string, error) {
	full := filepath.Join(root, rel)
	real, err := filepath.EvalSymlinks(full)
	if errors.Is(err, os.ErrNotExist) {
		real, err = full, nil
	}
	if err != nil && err.Error() == "EvalSymlinks: too many links" {
		return "", fmt.Errorf("cannot open %s: it is a symbolic link that leads back to itself", shown)
	}
	if err != nil {
		return "", fmt.Errorf("cannot open %s: %w", shown, err)
	}
	base, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", fmt.Errorf("cannot open %s: %w", shown, err)
	}
	if !within(root, full) || !within(base, real) && !within(root, real) {
		return "", fmt.Errorf("cannot open %s: it lies outside the flake", shown)
	}
	if gits(strings.TrimPrefix(full, root)) || gits(strings.TrimPrefix(real, base)) {
		return "", fmt.Errorf("cannot open %s: git's own folder is no part of the flake, since the lock does not hold it", shown)
	}
	return full, nil
}

func gits(p string) bool { return slices.Contains(strings.Split(p, "/"), gitName) }

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

// text evaluates an expression that may refer to nothing.
func text(expr hcl.Expression) (string, hcl.Diagnostics) {
	if len(expr.Variables()) > 0 {
		return "", failure("Computed text", "Here stands plain text in quotes: it is read before args and everything else.", expr.Range().Ptr())
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

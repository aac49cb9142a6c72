package flake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/tree"
)

// mountPrefix starts the path of an input's folder in expressions. The path has
// the content's hash and not the location of the cache, so that a path in a spec
// is the same on every machine.
const mountPrefix = "/@"

// Input is one input block.
type Input struct {
	Name    string
	URL     string
	Debian  *DebianInput // of debian: urls
	IsFlake bool         // it has a flake.hcl of its own
	Range   hcl.Range

	source  source
	owner   *Flake
	key     string // in the lock: NAME, and PARENT.NAME for an input of an input
	follows map[string]followed

	mu      sync.Mutex // hosts are evaluated concurrently
	opened  bool
	fetched bool // by Open
	failed  error
	tree    string // where its content is, once opened; the flake is in tree/dir
	place   place  // what tree was before it was hashed
	rev     string
	mount   string
	flake   *Flake
	diags   hcl.Diagnostics
}

// followed is the input that replaces an input's input.
type followed struct {
	name string // of the input that it follows
	at   hcl.Range
	in   *Input // nil: no input has this name
}

func (f *Flake) addInput(b *hclsyntax.Block) hcl.Diagnostics {
	diags := onlyAttributes(b.Body, "An input", "url", "flake", "follows", "components", "keyring")
	in := &Input{Name: b.Labels[0], IsFlake: true, Range: b.DefRange(), owner: f, key: f.prefix + b.Labels[0]}
	if !hclsyntax.ValidIdentifier(in.Name) {
		diags = append(diags, failure("Invalid name", "An input's name must be an identifier, since modules write input.NAME.", b.DefRange().Ptr())...)
	}
	if f.Input(in.Name) != nil {
		return failure("Declared twice", fmt.Sprintf("Input %q is already declared.", in.Name), b.DefRange().Ptr())
	}
	a := b.Body.Attributes["url"]
	if a == nil {
		return append(diags, failure("Missing url", fmt.Sprintf("Input %q needs a url such as \"debian:trixie\" or \"path:../other\".", in.Name), b.DefRange().Ptr())...)
	}
	var d hcl.Diagnostics
	if in.URL, d = text(a.Expr); d.HasErrors() {
		return append(diags, d...)
	}
	var err error
	if rest, ok := strings.CutPrefix(in.URL, "debian:"); ok {
		in.Debian, err = parseDebian(in.Name, rest)
		in.IsFlake = false
	} else {
		in.source, err = parseSource(f.Dir, in.URL)
	}
	if errors.Is(err, errPassword) {
		return append(diags, failure("Invalid url", fmt.Sprintf("%s:%d: the url of input %q contains a password or a token, and flake.hcl and flake.lock are in git: remove everything before the @, and give it to a git credential helper or to ~/.netrc. Revoke a token that was committed.",
			a.Range().Filename, a.Range().Start.Line, in.Name), nil)...)
	}
	if err == nil {
		err = f.contains(in.source)
	}
	if err != nil {
		return append(diags, failure("Invalid url", err.Error()+".", a.Expr.Range().Ptr())...)
	}
	diags = append(diags, in.attributes(b.Body)...)
	f.inputs = append(f.inputs, declared{in.Name, in})
	return diags
}

// contains refuses what an input of a fetched flake may not name: its author does
// not know this machine.
func (f *Flake) contains(s source) error {
	if f.tree == "" || s.remote != nil || s.path == "" {
		return nil
	}
	if s.git || !within(f.tree, s.path) {
		return fmt.Errorf("a fetched flake cannot use a folder on this machine: path: must stay in its own repository, and anything else must be git+https: or git+ssh")
	}
	return nil
}

func (in *Input) attributes(body *hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if a := body.Attributes["flake"]; a != nil {
		v, d := a.Expr.Value(nil)
		diags = append(diags, d...)
		in.IsFlake = in.IsFlake && !(v.IsKnown() && !v.IsNull() && v.Type().FriendlyName() == "bool" && v.False())
	}
	if a := body.Attributes["follows"]; a != nil {
		diags = append(diags, in.addFollows(a)...)
	}
	for _, name := range []string{"components", "keyring"} {
		a := body.Attributes[name]
		if a == nil {
			continue
		}
		if in.Debian == nil {
			diags = append(diags, failure("Unknown argument", name+" belongs to inputs whose url starts with debian:.", a.NameRange.Ptr())...)
			continue
		}
		if name == "keyring" {
			s, d := text(a.Expr)
			in.Debian.Keyring = in.owner.keyring(s)
			diags = append(diags, d...)
			continue
		}
		components, d := texts(a.Expr)
		in.Debian.Components = components
		diags = append(diags, d...)
	}
	return diags
}

// keyring is absolute, or a file of the flake.
func (f *Flake) keyring(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(f.Dir, p)
}

func texts(expr hcl.Expression) ([]string, hcl.Diagnostics) {
	items, diags := hcl.ExprList(expr)
	var out []string
	for _, item := range items {
		s, d := text(item)
		out = append(out, s)
		diags = append(diags, d...)
	}
	return out, diags
}

// MayFetch reports whether opening the input may wait for a server.
func (in *Input) MayFetch() bool { return in.Debian == nil && in.source.remote != nil }

// Open makes the input's tree available, from the cache or fetched at the locked
// revision. It compares the content with the lock's hash once per run.
func (in *Input) Open(ctx context.Context) error {
	if in.Debian != nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.opened {
		in.failed, in.opened = in.open(ctx), true
	}
	return in.failed
}

func (in *Input) open(ctx context.Context) error {
	locked, ok := in.owner.lock.Inputs[in.key]
	switch {
	case !ok:
		return fmt.Errorf("cannot use input %q: flake.lock does not contain %s; run 'hostctl update %s'", in.key, in.URL, in.root())
	case locked.URL != in.URL:
		return fmt.Errorf("cannot use input %q: its url is %s, and flake.lock has the url %s; run 'hostctl update %s'", in.key, in.URL, locked.URL, in.root())
	case in.source.rev != "" && in.source.rev != locked.Rev:
		return fmt.Errorf("cannot use input %q: its url asks for revision %s, and flake.lock has %s; run 'hostctl update %s'", in.key, in.source.rev, locked.Rev, in.root())
	}
	before := placeOf(in.source.path)
	root, err := in.content(ctx, locked)
	if err != nil {
		return err
	}
	if in.source.git { // in the cache, by its hash
		before = placeOf(root)
	}
	dir := tree.File{Root: root, Name: in.source.dir}
	switch isDir, err := dir.IsDir(); {
	case tree.Refused(err):
		return fmt.Errorf("cannot use input %q: its ?dir= leads out of the locked content: %w", in.key, underlying(err))
	case err != nil || !isDir:
		return fmt.Errorf("cannot use input %q: its content has no folder %q; correct ?dir= in its url", in.key, in.source.dir)
	}
	in.tree, in.place, in.rev = root, before, locked.Rev
	in.mount = mountPrefix + in.key + "-" + locked.Hash[:12]
	return nil
}

// root is the input of the root flake that this one came with, which is the name
// that update takes.
func (in *Input) root() string {
	name, _, _ := strings.Cut(in.key, ".")
	return name
}

// rootFlake is the flake at the top that uses this one, maybe through others.
func (f *Flake) rootFlake() *Flake {
	for f.via != nil {
		f = f.via.owner
	}
	return f
}

// Path is input.NAME.path in expressions.
func (in *Input) Path() string { return in.mount }

// Dir is where the opened input's files are.
func (in *Input) Dir() string { return filepath.Join(in.tree, in.source.dir) }

// Rev is the locked commit; empty for path: inputs.
func (in *Input) Rev() string { return in.rev }

// Flake is the flake of an opened input; nil if it is not a flake.
func (in *Input) Flake() (*Flake, hcl.Diagnostics) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.IsFlake && in.flake == nil && !in.diags.HasErrors() {
		in.flake, in.diags = in.load(in.tree, in.mount, in.owner.lock)
	}
	return in.flake, in.diags
}

// load reads the input's own flake.hcl. The root's lock locks its inputs too.
func (in *Input) load(root, mount string, lock *lockFile) (*Flake, hcl.Diagnostics) {
	f := &Flake{
		Dir: filepath.Join(root, in.source.dir), Label: "@" + in.key + "/", Mount: mount, prefix: in.key + ".", lock: lock,
		via: in, unsaved: in.owner.unsaved,
	}
	if in.source.git || in.owner.tree != "" {
		f.tree = root
	}
	if _, err := f.File("flake.hcl").Stat(); errors.Is(err, os.ErrNotExist) {
		return nil, failure("Cannot read the flake", fmt.Sprintf("Input %q has no flake.hcl: write flake = false in its block if it only provides files, or add ?dir=FOLDER to its url if its flake.hcl is in a folder.", in.key), in.Range.Ptr())
	}
	return f, f.read()
}

package flake

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// mountPrefix starts the path that expressions see for an input's folder.
// It holds the content's hash and not the cache's place, so that a path in
// a spec is the same on every machine.
const mountPrefix = "/@"

// Input is one input block.
type Input struct {
	Name    string
	URL     string
	Debian  *DebianInput // of debian: urls
	IsFlake bool         // it has a flake.hcl of its own
	Range   hcl.Range

	source source
	owner  *Flake
	dir    string // once opened
	rev    string
	mount  string
	flake  *Flake
}

// source is what the url of a tree input says.
type source struct {
	path    string // of path: and git+file:, absolute
	remote  string // of git+https: and git+ssh:
	git     bool
	ref     string
	rev     string
	dir     string
	shallow bool
}

func (f *Flake) addInput(b *hclsyntax.Block) hcl.Diagnostics {
	diags := onlyAttributes(b.Body, "an input", "url", "flake", "components", "keyring")
	in := &Input{Name: b.Labels[0], IsFlake: true, Range: b.DefRange(), owner: f}
	if !hclsyntax.ValidIdentifier(in.Name) {
		diags = append(diags, failure("Invalid name", "An input's name is an identifier, since modules write input.NAME.", b.DefRange().Ptr())...)
	}
	if f.Input(in.Name) != nil {
		return failure("Declared twice", fmt.Sprintf("Input %q is declared already.", in.Name), b.DefRange().Ptr())
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
	if err != nil {
		return append(diags, failure("Invalid url", err.Error()+".", a.Expr.Range().Ptr())...)
	}
	f.inputs = append(f.inputs, in)
	return append(diags, in.attributes(b.Body)...)
}

func (in *Input) attributes(body *hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if a := body.Attributes["flake"]; a != nil {
		v, d := a.Expr.Value(nil)
		diags = append(diags, d...)
		in.IsFlake = in.IsFlake && !(v.IsKnown() && !v.IsNull() && v.Type().FriendlyName() == "bool" && v.False())
	}
	for _, name := range []string{"components", "keyring"} {
		a := body.Attributes[name]
		if a == nil {
			continue
		}
		if in.Debian == nil {
			diags = append(diags, failure("Unknown argument", name+" belongs to debian: inputs.", a.NameRange.Ptr())...)
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

func parseDebian(name, rest string) (*DebianInput, error) {
	suite, query, _ := strings.Cut(rest, "?")
	if !regexp.MustCompile(`^[a-z][a-z0-9./-]*$`).MatchString(suite) {
		return nil, fmt.Errorf("cannot read debian:%s: %q is no suite such as trixie or trixie-backports", rest, suite)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("cannot read debian:%s: %w", rest, err)
	}
	if err := onlyKeys(q, "snapshot"); err != nil {
		return nil, err
	}
	snapshot := q.Get("snapshot")
	if snapshot != "" && !regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z$`).MatchString(snapshot) {
		return nil, fmt.Errorf("cannot read debian:%s: a snapshot is a time such as 20261101T000000Z", rest)
	}
	return &DebianInput{Name: name, Suite: suite, Snapshot: snapshot, Components: []string{"main"}}, nil
}

func onlyKeys(q url.Values, known ...string) error {
	for _, k := range sortedNames(q) {
		if !slices.Contains(known, k) {
			return fmt.Errorf("cannot read the url: it takes ?%s=, not %q", strings.Join(known, "=, ?"), k)
		}
	}
	return nil
}

func parseSource(base, raw string) (source, error) {
	address, query, _ := strings.Cut(raw, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return source{}, fmt.Errorf("cannot read %q: %w", raw, err)
	}
	if err := onlyKeys(q, "ref", "rev", "dir", "shallow"); err != nil {
		return source{}, err
	}
	s := source{ref: q.Get("ref"), rev: q.Get("rev"), dir: q.Get("dir"), shallow: q.Get("shallow") == "1"}
	if s.dir != "" && !filepath.IsLocal(s.dir) {
		return source{}, fmt.Errorf("cannot read %q: dir leaves the input", raw)
	}
	scheme, rest, _ := strings.Cut(address, ":")
	switch scheme {
	case "path", "git+file":
		s.git = scheme == "git+file"
		s.path = strings.TrimPrefix(rest, "//")
		if !filepath.IsAbs(s.path) {
			s.path = filepath.Join(base, s.path)
		}
	case "git+https", "git+ssh":
		s.git = true
		s.remote = strings.TrimPrefix(address, "git+")
	default:
		return source{}, fmt.Errorf("cannot read %q: debian:, path:, git+file:, git+https: and git+ssh: are what a url can start with", raw)
	}
	return s, nil
}

// Open makes the input's tree available: from the cache, else fetched at the
// locked revision. Its content hash is verified every time.
func (in *Input) Open(ctx context.Context) error {
	if in.mount != "" || in.Debian != nil {
		return nil
	}
	locked, ok := in.owner.lock.Inputs[in.Name]
	if !ok || locked.URL != in.URL {
		return fmt.Errorf("cannot use input %q: flake.lock does not hold %s; run 'hostctl update %s'", in.Name, in.URL, in.Name)
	}
	tree, err := in.tree(ctx, locked)
	if err != nil {
		return err
	}
	dir := filepath.Join(tree, in.source.dir)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("cannot use input %q: %w", in.Name, err)
	}
	in.dir, in.rev = dir, locked.Rev
	in.mount = mountPrefix + in.Name + "-" + locked.Hash[:12]
	return nil
}

// Path is what input.NAME.path is in expressions.
func (in *Input) Path() string { return in.mount }

// Dir is where the opened input's files are.
func (in *Input) Dir() string { return in.dir }

// Rev is the locked commit; empty for path: inputs.
func (in *Input) Rev() string { return in.rev }

// Flake is the flake of an opened input; nil where it is none.
func (in *Input) Flake() (*Flake, hcl.Diagnostics) {
	if !in.IsFlake || in.flake != nil {
		return in.flake, nil
	}
	f, diags := load(in.dir, "@"+in.Name+"/", in.mount, in.owner.unsaved)
	in.flake = f
	return f, diags
}

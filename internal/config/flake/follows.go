package flake

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// declared is an input under this flake's name for it. If the name follows another
// flake's input, in is that one.
type declared struct {
	name string
	in   *Input
}

// addFollows reads follows = { NAME = input.OURS }.
func (in *Input) addFollows(a *hclsyntax.Attribute) hcl.Diagnostics {
	if !in.IsFlake {
		return failure("Unknown argument", "Only an input that is a flake has inputs that can follow others.", a.NameRange.Ptr())
	}
	const want = "follows maps the input's own inputs to ours: follows = { base = input.base }."
	pairs, diags := hcl.ExprMap(a.Expr)
	if diags.HasErrors() {
		return failure("Wrong type", want, a.Expr.Range().Ptr())
	}
	in.follows = map[string]followed{}
	for _, p := range pairs {
		key, d := text(p.Key)
		if word := hcl.ExprAsKeyword(p.Key); word != "" {
			key, d = word, nil
		}
		target, td := hcl.AbsTraversalForExpr(p.Value)
		if d.HasErrors() || td.HasErrors() || len(target) != 2 || target.RootName() != "input" {
			diags = append(diags, failure("Wrong type", want, p.Value.Range().Ptr())...)
			continue
		}
		step, ok := target[1].(hcl.TraverseAttr)
		if !ok {
			diags = append(diags, failure("Wrong type", want, p.Value.Range().Ptr())...)
			continue
		}
		if _, twice := in.follows[key]; twice {
			diags = append(diags, failure("Declared twice", fmt.Sprintf("%q already follows an input.", key), p.Key.Range().Ptr())...)
		}
		in.follows[key] = followed{name: step.Name, at: p.Value.Range()}
	}
	return diags
}

// resolveFollows finds the followed inputs, once all inputs are known.
func (f *Flake) resolveFollows() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, d := range f.inputs {
		if d.in.owner != f {
			continue
		}
		for _, key := range sortedNames(d.in.follows) {
			to := d.in.follows[key]
			to.in = f.Input(to.name)
			if to.in == nil || to.in == d.in {
				diags = append(diags, failure("Unknown input", fmt.Sprintf("There is no input %q for %q to follow; there are: %s.", to.name, key, strings.Join(f.InputNames(), ", ")), to.at.Ptr())...)
			}
			d.in.follows[key] = to
		}
	}
	return diags
}

// follow replaces this flake's inputs with the inputs that they follow. The flake
// that uses this one decides about that.
func (f *Flake) follow() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, key := range sortedNames(f.via.follows) {
		to := f.via.follows[key]
		own := f.Input(key)
		switch {
		case to.in == nil: // already reported
		case own == nil:
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagWarning, Summary: "Follows nothing", Subject: to.at.Ptr(),
				Detail: fmt.Sprintf("Input %q has no input %q; it has: %s.", f.via.key, key, strings.Join(f.InputNames(), ", ")),
			})
		case (own.Debian == nil) != (to.in.Debian == nil):
			diags = append(diags, failure("Wrong input", fmt.Sprintf("One of %q and %q is a package source and the other is a repository.", own.key, to.name), to.at.Ptr())...)
		default:
			f.replace(key, to.in)
		}
	}
	return diags
}

func (f *Flake) replace(name string, in *Input) {
	for i := range f.inputs {
		if f.inputs[i].name == name {
			f.inputs[i].in = in
		}
	}
}

// Warnings warns of an input's input that is the same repository as another input
// in the lock: a host may get two versions of it.
func (f *Flake) Warnings() hcl.Diagnostics {
	seen := map[string]string{}
	for _, key := range sortedNames(f.lock.Inputs) {
		if s, err := parseSource(f.Dir, f.lock.Inputs[key].URL); err == nil && s.address() != "" && !strings.Contains(key, ".") {
			seen[s.address()] = key
		}
	}
	var diags hcl.Diagnostics
	for _, key := range sortedNames(f.lock.Inputs) {
		name, inner, nested := strings.Cut(key, ".")
		in := f.Input(name)
		if !nested || in == nil {
			continue
		}
		if _, follows := in.follows[strings.Split(inner, ".")[0]]; follows {
			continue
		}
		s, err := parseSource(f.Dir, f.lock.Inputs[key].URL)
		if err != nil || s.address() == "" {
			continue
		}
		other, twice := seen[s.address()]
		seen[s.address()] = key
		if !twice {
			continue
		}
		advice := ""
		if !strings.Contains(other, ".") && !strings.Contains(inner, ".") {
			advice = fmt.Sprintf(" To use one revision, add follows = { %s = input.%s } to input %q.", inner, other, name)
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: "Input used twice", Subject: in.Range.Ptr(),
			Detail: fmt.Sprintf("%q and %q are the same repository, each with its own revision.%s", other, key, advice),
		})
	}
	return diags
}

package flake

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
)

// decode reads flake.hcl against its own small schema (language rule 24).
func (f *Flake) decode(body *hclsyntax.Body) hcl.Diagnostics {
	diags := onlyAttributes(body, "flake.hcl", "description", "modules")
	if a := body.Attributes["description"]; a != nil {
		var d hcl.Diagnostics
		f.Description, d = text(a.Expr)
		diags = append(diags, d...)
	}
	if a := body.Attributes["modules"]; a != nil {
		f.Modules = a.Expr
	}
	for _, b := range body.Blocks {
		diags = append(diags, f.block(b)...)
	}
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Byte - b.Subject.Start.Byte })
	return diags
}

func (f *Flake) block(b *hclsyntax.Block) hcl.Diagnostics {
	labels := map[string]int{"input": 1, "template": 1, "host": 1, "args": 0, "export": 0}
	want, known := labels[b.Type]
	switch {
	case !known:
		hint := cmp.Or(meantInFlake(b.Type), option.DidYouMean(b.Type, sortedNames(labels)),
			fmt.Sprintf(" Set options such as %s in a module, a file that a host's modules name.", b.Type))
		return failure("Unknown block", fmt.Sprintf("flake.hcl takes input, args, template, host and export blocks, not %q.%s", b.Type, hint), b.TypeRange.Ptr())
	case len(b.Labels) != want && want == 0:
		return failure("Wrong labels", fmt.Sprintf("A block called %s takes no label: write %s { ... }.", b.Type, b.Type), b.DefRange().Ptr())
	case len(b.Labels) != want:
		return failure("Wrong labels", fmt.Sprintf("A block called %s takes one label, its name: write %s \"NAME\" { ... }.", b.Type, b.Type), b.DefRange().Ptr())
	}
	switch b.Type {
	case "args":
		return addArgs(f.Args, b.Body)
	case "input":
		return f.addInput(b)
	case "template":
		return f.addTemplate(b)
	case "host":
		return f.addHost(b)
	}
	return f.addExport(b)
}

func addArgs(to map[string]hcl.Expression, body *hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for name, a := range body.Attributes {
		if old, twice := to[name]; twice {
			diags = append(diags, failure("Given twice", fmt.Sprintf("args.%s is already set at %s:%d: remove one of the two.", name, old.Range().Filename, old.Range().Start.Line), a.NameRange.Ptr())...)
			continue
		}
		to[name] = a.Expr
	}
	for _, b := range body.Blocks {
		diags = append(diags, failure("Unknown block", fmt.Sprintf("args takes arguments and no blocks: write %s = { ... }.", b.Type), b.TypeRange.Ptr())...)
	}
	return diags
}

// nestedArgs is the args block of a template or a host (language rule 22).
func nestedArgs(b *hclsyntax.Block) (map[string]hcl.Expression, hcl.Diagnostics) {
	args := map[string]hcl.Expression{}
	var diags hcl.Diagnostics
	for _, inner := range b.Body.Blocks {
		if inner.Type != "args" || len(inner.Labels) > 0 {
			diags = append(diags, failure("Unknown block", fmt.Sprintf("A %s block takes an args block and no other.", b.Type), inner.TypeRange.Ptr())...)
			continue
		}
		diags = append(diags, addArgs(args, inner.Body)...)
	}
	return args, diags
}

func (f *Flake) addTemplate(b *hclsyntax.Block) hcl.Diagnostics {
	diags := onlyAttributes(b.Body, "A template", "modules")
	t := &Template{Name: b.Labels[0], Range: b.DefRange()}
	if a := b.Body.Attributes["modules"]; a != nil {
		t.Modules = a.Expr
	}
	var d hcl.Diagnostics
	t.Args, d = nestedArgs(b)
	if f.templates[t.Name] != nil {
		d = append(d, failure("Declared twice", fmt.Sprintf("Template %q is already declared.", t.Name), b.DefRange().Ptr())...)
	}
	f.templates[t.Name] = t
	return append(diags, d...)
}

func (f *Flake) addHost(b *hclsyntax.Block) hcl.Diagnostics {
	diags := onlyAttributes(b.Body, "A host", "system", "template", "modules")
	h := &Host{Name: b.Labels[0], System: "amd64", Range: b.DefRange()}
	if a := b.Body.Attributes["system"]; a != nil {
		s, d := text(a.Expr)
		h.System = s
		diags = append(diags, d...)
	}
	h.TemplateRange = h.Range
	if a := b.Body.Attributes["template"]; a != nil {
		diags = append(diags, h.takeTemplate(a.Expr)...)
	}
	if a := b.Body.Attributes["system"]; a != nil && h.System != "" && !slices.Contains(architectures(), h.System) {
		diags = append(diags, failure("Unknown system", fmt.Sprintf("%q is not a Debian architecture: %s.%s", h.System, strings.Join(architectures(), ", "), nearSystem(h.System)), a.Expr.Range().Ptr())...)
	}
	if a := b.Body.Attributes["modules"]; a != nil {
		h.Modules = a.Expr
	}
	var d hcl.Diagnostics
	h.Args, d = nestedArgs(b)
	if f.hosts[h.Name] != nil {
		d = append(d, failure("Declared twice", fmt.Sprintf("Host %q is already declared.", h.Name), b.DefRange().Ptr())...)
	}
	if !ValidHostName(h.Name) {
		d = append(d, failure("Invalid host name", fmt.Sprintf("%q is not a host name: use letters, digits and hyphens (hostname(7)).", h.Name), b.DefRange().Ptr())...)
	}
	f.hosts[h.Name] = h
	return append(diags, d...)
}

// architectures are those of Debian trixie, by dpkg's names.
func architectures() []string {
	return []string{"amd64", "arm64", "armel", "armhf", "i386", "ppc64el", "riscv64", "s390x"}
}

// nearSystem knows the names that other systems use.
func nearSystem(system string) string {
	arch, _, _ := strings.Cut(system, "-")
	if debian := map[string]string{"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "armv7l": "armhf"}[arch]; debian != "" {
		return fmt.Sprintf(" Did you mean %q?", debian)
	}
	return option.DidYouMean(system, architectures())
}

// takeTemplate reads the name of a template, of this flake or of an input.
func (h *Host) takeTemplate(expr hclsyntax.Expression) hcl.Diagnostics {
	h.TemplateRange = expr.Range()
	t, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() || t.RootName() != "input" {
		h.Template, diags = text(expr)
		return diags
	}
	last, ok := t[len(t)-1].(hcl.TraverseAttr)
	if !ok || len(t) != 4 {
		return failure("Wrong template", "Write a template of another flake as input.NAME.templates.TEMPLATE.", expr.Range().Ptr())
	}
	h.Template = last.Name
	h.TemplateFrom = &hclsyntax.TupleConsExpr{Exprs: []hclsyntax.Expression{expr}, SrcRange: expr.Range(), OpenRange: expr.Range()}
	return nil
}

// ValidHostName reports whether s is a host name according to hostname(7).
func ValidHostName(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

func (f *Flake) addExport(b *hclsyntax.Block) hcl.Diagnostics {
	diags := onlyAttributes(b.Body, "An export", "modules", "templates", "packages")
	for name, to := range map[string]*map[string]string{"modules": &f.Exports.Modules, "templates": &f.Exports.Templates, "packages": &f.Exports.Packages} {
		a := b.Body.Attributes[name]
		if a == nil {
			continue
		}
		v, d := a.Expr.Value(nil)
		if d.HasErrors() {
			diags = append(diags, d...)
			continue
		}
		paths, err := exported(v)
		if err != nil {
			diags = append(diags, failure("Wrong type", err.Error(), a.Expr.Range().Ptr())...)
		}
		*to = paths
	}
	return diags
}

func exported(v cty.Value) (map[string]string, error) {
	out := map[string]string{}
	if v.IsNull() || !v.Type().IsObjectType() {
		return nil, fmt.Errorf("an export must map names to paths in this flake")
	}
	for it := v.ElementIterator(); it.Next(); {
		k, p := it.Element()
		if p.IsNull() || p.Type() != cty.String {
			return nil, fmt.Errorf("the export %q is not a path", k.AsString())
		}
		rel := path.Clean(p.AsString())
		if path.IsAbs(rel) || rel == ".." || strings.HasPrefix(rel, "../") {
			return nil, fmt.Errorf("the export %q is outside the flake: name a path below the folder of flake.hcl", k.AsString())
		}
		out[k.AsString()] = rel
	}
	return out, nil
}

// meantInFlake maps names and forms of other tools to those of flake.hcl.
func meantInFlake(name string) string {
	switch name {
	case "args":
		return " It is a block: args { NAME = ... }."
	case "export", "exports", "outputs", "output":
		return " It is a block: export { modules = { ... } }."
	case "input", "inputs":
		return ` Each input is a block: input "NAME" { url = "..." }.`
	case "host", "hosts", "nixosConfigurations", "machine":
		return ` Each host is a block: host "NAME" { modules = ["./hosts/NAME"] }.`
	case "template", "templates":
		return ` Each template is a block: template "NAME" { modules = ["./templates/NAME.hcl"] }.`
	case "imports", "import":
		return ` A host, a template or all hosts name their modules: modules = ["./FILE.hcl"].`
	case "local", "locals":
		return " locals { NAME = ... } belongs in a module, for that file; for all files, write args { NAME = ... } here."
	case "variable":
		return " For differences between hosts, write args { NAME = ... }, here or in a host."
	case "terraform", "provider", "required_providers":
		return " hostctl itself needs no declaration, and input blocks say where packages come from: leave it out."
	case "module":
		return ` A host, a template or all hosts name their modules: modules = ["./FILE.hcl"].`
	}
	return ""
}

func onlyAttributes(body *hclsyntax.Body, where string, names ...string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for name, a := range body.Attributes {
		if !slices.Contains(names, name) {
			hint := cmp.Or(meantInFlake(name), option.DidYouMean(name, names), " Set options in a module, a file that a host's modules name.")
			diags = append(diags, failure("Unknown argument", fmt.Sprintf("%s takes %s, not %q.%s", where, strings.Join(names, ", "), name, hint), a.NameRange.Ptr())...)
		}
	}
	return diags
}

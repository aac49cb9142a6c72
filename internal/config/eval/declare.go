package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/report"
)

// declare reads an option block (language rules 3, 32).
func (e *evaluator) declare(m *module, b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		e.fail(b.DefRange().Ptr(), "Wrong labels", `An option block has one label, its path: option "services.web.enable" { ... }.`)
		return
	}
	p, err := option.Declared(b.Labels[0])
	if err != nil {
		e.fail(b.DefRange().Ptr(), "Invalid option path", report.Sentence(err))
		return
	}
	n, err := e.place(m, p)
	if err != nil {
		e.fail(b.DefRange().Ptr(), "Cannot declare option", report.Sentence(err))
		return
	}
	d := &option.Declaration{Path: p, Range: b.DefRange()}
	for _, name := range sortedKeys(b.Body.Attributes) {
		e.declareArgument(d, b.Body.Attributes[name])
	}
	for _, inner := range b.Body.Blocks {
		e.declareValidation(d, inner)
	}
	if d.Type.Kind == "" {
		if b.Body.Attributes["type"] == nil {
			e.fail(b.DefRange().Ptr(), "Missing type", fmt.Sprintf("Option %s needs a type, such as type = string.", p))
		}
		d.Type = option.Type{Kind: option.Data}
	}
	n.Decl = d
	e.homes[n] = m
	e.warnTop(m, p, b.LabelRanges[0])
}

// warnTop warns of a user's option at the top, where resources are: a later
// hostctl may have a resource of that name (language rule 24).
func (e *evaluator) warnTop(m *module, p option.Path, at hcl.Range) {
	own := len(p) == 1 || len(p) > 1 && p[1] == option.Any
	if m.flake == nil || !own || e.root.Children[p[0]].Ours() {
		return
	}
	e.report(hcl.Diagnostics{{
		Severity: hcl.DiagWarning, Summary: "Option at the top", Subject: &at,
		Detail: fmt.Sprintf("Names at the top are for resources, and a later hostctl may have one called %s. Put your options below a name of your own, such as option \"acme.%s\".", p[0], strings.Join(p, ".")),
	}})
}

func (e *evaluator) place(m *module, p option.Path) (*option.Node, error) {
	n, taken := e.root.Find(p)
	known := taken == len(p) && n.IsOption() && slices.Equal(n.Path, p)
	if known && n.Decl == nil && n.Library != "" && m.name == "library/"+n.Library {
		return n, nil
	}
	if known && n.Library != "" {
		return nil, fmt.Errorf("cannot declare %s: library/%s already declares it; set it, or choose another name", p, n.Library)
	}
	if known && n.Decl != nil {
		return nil, fmt.Errorf("cannot declare %s: it is already declared at %s; remove one of the two", p, option.At(n.Decl.Range))
	}
	return e.root.Declare(p)
}

func (e *evaluator) declareArgument(d *option.Declaration, a *hclsyntax.Attribute) {
	switch a.Name {
	case "type":
		t, diags := option.ParseType(a.Expr)
		e.report(diags)
		d.Type = t
		if diags.HasErrors() {
			d.Type = option.Type{Kind: option.Data}
		}
	case "default":
		d.Default = a.Expr
	case "keys":
		d.Keys = a.Expr
	case "example":
		d.Example = a.Expr
	case "description":
		v, diags := a.Expr.Value(nil)
		e.report(diags)
		if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
			d.Description = v.AsString()
		}
	case "read_only":
		v, diags := a.Expr.Value(nil)
		e.report(diags)
		d.ReadOnly = !diags.HasErrors() && v.RawEquals(cty.True)
	case "when", "for_each":
		e.fail(a.NameRange.Ptr(), "Unknown argument", "Option blocks take no when and no for_each: an option is always declared. Put the condition into its default.")
	default:
		known := []string{"type", "default", "description", "example", "read_only", "keys", "validation"}
		e.fail(a.NameRange.Ptr(), "Unknown argument", fmt.Sprintf("An option block takes no %q.%s", a.Name, option.DidYouMean(a.Name, known)))
	}
}

func (e *evaluator) declareValidation(d *option.Declaration, b *hclsyntax.Block) {
	if b.Type != "validation" || b.Body.Attributes["condition"] == nil || b.Body.Attributes["error_message"] == nil {
		e.fail(b.DefRange().Ptr(), "Invalid validation", "An option block takes validation { condition, error_message } and no other block.")
		return
	}
	d.Validations = append(d.Validations, option.Validation{
		Condition: b.Body.Attributes["condition"].Expr, Message: b.Body.Attributes["error_message"].Expr,
	})
}

// declaration is the option block of n. It reads the library file if necessary.
func (e *evaluator) declaration(n *option.Node) *option.Declaration {
	if n.Decl == nil && n.Library != "" {
		e.declareLibrary(n.Library)
	}
	if n.Decl == nil {
		// Its file did not parse, which was reported.
		n.Decl = &option.Declaration{Path: n.Path, Type: option.Type{Kind: option.Optional, Elem: &option.Type{Kind: option.Data}}, Range: hcl.Range{}}
	}
	return n.Decl
}

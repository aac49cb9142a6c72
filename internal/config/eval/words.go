package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/option"
)

// outermost reports what may not stand in a block.
func (e *evaluator) outermost(at hcl.Range, name string) {
	e.fail(&at, "Misplaced "+name, name+" stands at the top of a file, in no block.")
}

// unknownChild reports a name that is no option, with what people who come
// from elsewhere may have meant.
func (e *evaluator) unknownChild(at *option.Node, name string, rng hcl.Range) {
	inEntry := len(at.Path) > 0 && at.Path[len(at.Path)-1] == option.Any
	switch {
	case option.Reserved(name, true) && !meta(name) && name != "config":
		e.outermost(rng, name)
		return
	case meta(name):
		e.fail(&rng, "Misplaced "+name, fmt.Sprintf("%s works in blocks; in the form NAME = { ... } every key is data. Write a block: NAME { %s = ... }.", name, name))
		return
	}
	detail := at.Unknown(e.root, at.Path, name)
	if hint := elsewhere(name); hint != "" && (at == e.root || inEntry) {
		detail += " " + hint
	}
	e.fail(&rng, "Unknown option", detail)
}

// elsewhere is what goes by another name in Terraform and NixOS.
func elsewhere(name string) string {
	switch name {
	case "variable":
		return "What hosts differ in is args { ... } in flake.hcl, and what other files may set is option \"NAME\" { ... }."
	case "resource":
		return "The type is the block's name: write user \"ada\" { ... }."
	case "local":
		return "The block is called locals."
	case "module":
		return "Modules are named in imports = [...], or in the modules of flake.hcl."
	case "provider":
		return "There are no providers; where packages come from is said by the inputs of flake.hcl."
	case "data":
		return "There are no data blocks; input, host and args are read in expressions."
	case "output":
		return "What another flake may take is said by export { ... } in flake.hcl."
	case "password":
		return "Write hashed_password_file = config.secret.NAME.path: no password stands in a configuration."
	}
	return ""
}

// computedGroup reports a value where options are to be written out.
func (e *evaluator) computedGroup(n *option.Node, expr hcl.Expression) {
	name := n.Path[len(n.Path)-1]
	switch v, diags := expr.Value(nil); {
	case diags.HasErrors() || v.CanIterateElements():
		e.fail(expr.Range().Ptr(), "Computed group", fmt.Sprintf("%s is a group of options, and which of them are set must be plain to see: write its options out, each with its value.", n.Path))
	case n.Children["enable"] != nil:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { enable = %s }.", n.Path, name, option.Text(v)))
	default:
		e.fail(expr.Range().Ptr(), "Not an option", fmt.Sprintf("%s is a group of options, not an option: write %s { ... } with options in it.", n.Path, name))
	}
}

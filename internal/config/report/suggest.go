package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/library"
)

// FromNixOS is what leads on where a path is NixOS's: the nearest name here is
// mostly not what is meant. What holds of any name holds of none that is near.
func FromNixOS(p option.Path, near bool) string {
	plain := func(p option.Path) string { return strings.ToLower(strings.ReplaceAll(p.String(), "_", "")) }
	names := library.Elsewhere()
	if hint := names[plain(p)]; hint != "" || near || len(p) != 2 || p[1] == "name" {
		return hint
	}
	return names[plain(p[:1])+".*"]
}

// Synonym leads on from a path that is a phrase of the search's list of synonyms.
func Synonym(p option.Path) string {
	squeeze := strings.NewReplacer(" ", "", "-", "", "_", "", option.Any, "")
	phrase := squeeze.Replace(strings.ToLower(strings.Join(p, "")))
	for _, m := range library.Meanings() {
		switch {
		case !slices.ContainsFunc(m.Phrases, func(s string) bool { return squeeze.Replace(s) == phrase }):
		case m.Note != "":
			return m.Note
		default:
			return fmt.Sprintf("Here it is called %s.", m.Options[0])
		}
	}
	return ""
}

// Elsewhere is what goes by another name in Terraform and Ansible.
func Elsewhere(name string) string {
	switch name {
	case "variable":
		return "What hosts differ in is args { ... } in flake.hcl, and what other files may set is option \"NAME\" { ... }."
	case "resource":
		return "The type is the block's name: write user \"ada\" { ... }."
	case "local", "let":
		return "The block is called locals."
	case "import", "include", "includes", "require", "requires":
		return `Other files are named at the top: imports = ["./FILE.hcl"].`
	case "modules":
		return `A module names others in imports = ["./FILE.hcl"]; modules = [...] stands in flake.hcl.`
	case "config":
		return "It is a block, config { ... }, for what holds on a condition; what always holds stands at the top, without it."
	case "args", "host", "input", "template", "export":
		return fmt.Sprintf("%s blocks stand in flake.hcl.", name)
	case "inputs":
		return `Each input is a block of flake.hcl: input "NAME" { url = "..." }.`
	case "terraform", "required_providers":
		return "There is nothing to declare of hostctl itself: leave it out."
	case "options":
		return "Each option is declared by a block, option \"NAME\" { type = ... }."
	case "module":
		return "Modules are named in imports = [...], or in the modules of flake.hcl."
	case "provider":
		return "There are no providers; where packages come from is said by the inputs of flake.hcl."
	case "data":
		return "There are no data blocks; input, host and args are read in expressions."
	case "output":
		return "What another flake may take is said by export { ... } in flake.hcl."
	case "text":
		return `Write content = "..." for text, or source = "./FILE" for a file of the flake.`
	case "service", "timer", "socket":
		return fmt.Sprintf(`Write unit "NAME.%[1]s" { content = ... } for one of your own, or unit "NAME.%[1]s" { enabled = true } for one that a package brings.`, name)
	case "sops_file", "sopsFile":
		return `The option is file = "./FILE".`
	case "password":
		return "Write hashed_password_file = config.secret.NAME.path: no password stands in a configuration."
	}
	return ""
}

// OtherLiterals are what other languages call the values that have names.
func OtherLiterals() map[string]string {
	return map[string]string{"true": "true", "false": "false", "none": "null", "nil": "null", "null": "null", "undefined": "null"}
}

// OtherRoots are what Terraform and NixOS read values from.
func OtherRoots() map[string]string {
	return map[string]string{
		"var":  "What hosts differ in is given in flake.hcl, args { NAME = ... }, and read as args.NAME; options are read as config.PATH.",
		"data": "There are no data blocks; input, host and args are read.", "module": "What other files set is read as config.PATH.",
		"pkgs": `A package is a string with its name: "git".`, "lib": "Functions have plain names, such as concat(a, b).",
		"builtins": "Functions have plain names, such as length(a).", "path": `Paths are relative to the file that says them: "./FILE".`,
		"locals": "It is read as local.NAME.",
	}
}

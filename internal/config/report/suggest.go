package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/library"
)

// FromNixOS is the hint for a path of NixOS: the nearest name here is mostly not
// what is meant. The hint for any name ("*") does not apply if a name is near.
func FromNixOS(p option.Path, near bool) string {
	plain := func(p option.Path) string { return strings.ToLower(strings.ReplaceAll(p.String(), "_", "")) }
	names := library.Elsewhere()
	if hint := names[plain(p)]; hint != "" || near || len(p) != 2 || p[1] == "name" {
		return hint
	}
	return names[plain(p[:1])+".*"]
}

// Synonym is a hint for a path that is a phrase in the search's list of synonyms.
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

// Elsewhere maps names from Terraform and Ansible to hints.
func Elsewhere(name string) string {
	switch name {
	case "variable":
		return "For differences between hosts, write args { ... } in flake.hcl; for what other files may set, option \"NAME\" { ... }."
	case "resource":
		return "The type is the block's name: write user \"ada\" { ... }."
	case "local", "let":
		return "The block is called locals."
	case "import", "include", "includes", "require", "requires":
		return `Name other files at the top: imports = ["./FILE.hcl"].`
	case "modules":
		return `A module names others in imports = ["./FILE.hcl"]; modules = [...] belongs in flake.hcl.`
	case "config":
		return "It is a block, config { ... }, for conditional definitions; write others at the top, without it."
	case "args", "host", "input", "template", "export":
		return fmt.Sprintf("%s blocks belong in flake.hcl.", name)
	case "inputs":
		return `Each input is a block in flake.hcl: input "NAME" { url = "..." }.`
	case "terraform", "required_providers":
		return "hostctl itself needs no declaration: leave it out."
	case "options":
		return "Declare each option in a block, option \"NAME\" { type = ... }."
	case "module":
		return "Name modules in imports = [...], or in the modules of flake.hcl."
	case "provider":
		return "There are no providers; the inputs in flake.hcl say where packages come from."
	case "data":
		return "There are no data blocks; expressions read input, host and args."
	case "output":
		return "Write what other flakes may use into export { ... } in flake.hcl."
	case "text":
		return `Write content = "..." for text, or source = "./FILE" for a file of the flake.`
	case "service", "timer", "socket":
		return fmt.Sprintf(`Write unit "NAME.%[1]s" { content = ... } for your own, or unit "NAME.%[1]s" { enabled = true } for one from a package.`, name)
	case "sops_file", "sopsFile":
		return `The option is file = "./FILE".`
	case "password":
		return "Write hashed_password_file = config.secret.NAME.path: a configuration never contains a password."
	}
	return ""
}

// OtherLiterals maps literals of other languages to those here.
func OtherLiterals() map[string]string {
	return map[string]string{"true": "true", "false": "false", "none": "null", "nil": "null", "null": "null", "undefined": "null"}
}

// OtherRoots maps the roots of expressions in Terraform and NixOS to hints.
func OtherRoots() map[string]string {
	return map[string]string{
		"var":  "Set differences between hosts in flake.hcl, args { NAME = ... }, and read them as args.NAME; read options as config.PATH.",
		"data": "There are no data blocks; read input, host and args.", "module": "Read what other files set as config.PATH.",
		"pkgs": `Write a package as a string, its name: "git".`, "lib": "Functions have plain names, such as concat(a, b).",
		"builtins": "Functions have plain names, such as length(a).", "path": `Paths are relative to the file that contains them: "./FILE".`,
		"locals": "Write local.NAME.",
	}
}

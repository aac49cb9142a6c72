// Package library is the option library: modules in hostctl's own language that
// turn options into resources. It embeds and lists them; package eval reads them.
package library

//go:generate go test -run TestIndexIsCurrent . -update

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed *.hcl */*.hcl */*.txt synonyms.txt
var files embed.FS

// Read returns one embedded module, or a file that a module reads, by its
// path: "services/openssh.hcl".
func Read(name string) ([]byte, error) { return files.ReadFile(name) }

// Always lists the modules that act whether or not a configuration uses them: the
// resources themselves and base.hcl (language rule 21). Every other module does
// nothing, and is not even parsed, until one of its own options is defined.
func Always() []string {
	return slices.DeleteFunc(Modules(), func(name string) bool {
		return path.Dir(name) != "resources" && name != "base.hcl"
	})
}

// Modules lists the paths of all embedded modules, sorted.
func Modules() []string {
	var out []string
	for line := range strings.Lines(index) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, name)
	}
	return out
}

// Index maps the path of every option to the module that declares it. It is
// generated, since parsing the whole library would cost more than evaluating a
// host.
func Index() map[string]string {
	files := map[string]string{}
	for line := range strings.Lines(index) {
		names := strings.Fields(line)
		for _, label := range names[1:] {
			files[label] = names[0]
		}
	}
	return files
}

// Move is a moved block of the library. To is empty if the option is gone.
type Move struct{ From, To, Message string }

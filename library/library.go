// Package library is the option library: the modules, written in hostctl's
// own language, that turn what people want into resources.
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

// Always are the modules that act whether or not anything touches them: the
// resources themselves and base.hcl (language rule 21). Every other module is inert
// until one of its own options is defined, and is not even parsed.
func Always() []string {
	return slices.DeleteFunc(Modules(), func(name string) bool {
		return path.Dir(name) != "resources" && name != "base.hcl"
	})
}

// Modules are the paths of all embedded modules, sorted.
func Modules() []string {
	var out []string
	for line := range strings.Lines(index) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, name)
	}
	return out
}

// Index maps the path of every option to the module that declares it. It is
// generated, since a parse of the whole library would cost more than the
// evaluation of a host.
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

// Move is a moved block of the library: To is empty where the option is gone.
type Move struct{ From, To, Message string }

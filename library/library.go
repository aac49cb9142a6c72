// Package library is the option library: the modules, written in hostctl's
// own language, that turn what people want into resources.
package library

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.hcl */*.hcl */*.txt
var files embed.FS

// Read returns one embedded module, or a file that a module reads, by its
// path: "services/openssh.hcl".
func Read(name string) ([]byte, error) { return files.ReadFile(name) }

// Always are the modules that act whether or not anything touches them: the
// resources themselves and base.hcl (rule 21). Every other module is inert
// until one of its own options is defined, and is not even parsed.
func Always() []string {
	return slices.DeleteFunc(Modules(), func(name string) bool {
		return path.Dir(name) != "resources" && name != "base.hcl"
	})
}

// Modules are the paths of all embedded modules, sorted.
func Modules() []string {
	var out []string
	// The walk of an embedded folder cannot fail.
	_ = fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(p) == ".hcl" {
			out = append(out, p)
		}
		return nil
	})
	return out
}

// Index maps the path of every option to the module that declares it. It is
// read off the lines that start an option block, which hostctl fmt keeps at
// the left margin: a parse of the whole library would cost more than the
// evaluation of a host.
func Index() map[string]string {
	index := map[string]string{}
	for _, name := range Modules() {
		b, err := files.ReadFile(name)
		if err != nil {
			continue // cannot be: Modules has just listed it
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, `option "`); ok {
				label, _, _ := strings.Cut(rest, `"`)
				index[label] = name
			}
		}
	}
	return index
}

// Move is a moved block of the library: To is empty where the option is gone.
type Move struct{ From, To, Message string }

// Moved lists the moved blocks of all modules. Like Index it reads lines, so
// that an old name is known although its module is not parsed.
func Moved() []Move {
	var out []Move
	for _, name := range Modules() {
		b, err := files.ReadFile(name)
		if err != nil {
			continue // cannot be: Modules has just listed it
		}
		inside := false
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch key = strings.TrimSpace(key); {
			case strings.TrimSpace(line) == "moved {":
				inside, out = true, append(out, Move{})
			case line[0] == '}':
				inside = false
			case inside && key == "from":
				out[len(out)-1].From = value
			case inside && key == "to":
				out[len(out)-1].To = value
			case inside && key == "message":
				out[len(out)-1].Message = value
			}
		}
	}
	return out
}

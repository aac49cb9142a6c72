package eval

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Read is something that an expression reads: a root, such as config or local, and
// the path below it, with * for a computed key. A read of a loop's variable counts
// as a read of what the loop goes over.
type Read struct {
	Root  string
	Path  []string
	Names []hcl.Range // the place of each of Path, with its dot or quotes; the zero range if computed
}

// Reads lists what an expression reads, in the order of the text.
func Reads(expr hclsyntax.Expression) []Read {
	var out []Read
	for _, u := range usesOf(expr, nil) {
		r := Read{Root: u.root}
		for _, s := range u.steps {
			name := s.name
			if s.any {
				name = option.Any
			}
			r.Path, r.Names = append(r.Path, name), append(r.Names, s.rng)
		}
		out = append(out, r)
	}
	return out
}

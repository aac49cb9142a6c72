package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/option"
)

// Fix is a place of the flake where an old option path is written.
type Fix struct {
	Range    hcl.Range // of the text to replace, or of the whole place if that is impossible
	Text     string    // what to write there
	From, To string
	ByHand   string // why fix cannot rewrite it; empty if it can
}

// Fixes lists the old option paths in the flake's own files that this host's
// evaluation came across, each place once.
func (r *Result) Fixes() []Fix {
	var out []Fix
	seen := map[hcl.Range]bool{}
	for _, rn := range r.eval.moves.made {
		if strings.HasPrefix(rn.at.Filename, "@") || strings.HasPrefix(rn.at.Filename, "library/") {
			continue
		}
		for _, f := range r.eval.fixesOf(rn) {
			if !seen[f.Range] {
				seen[f.Range] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// own lists the elements of a path after its last *.
func own(p option.Path) option.Path { return p[starred(p):] }

func (e *evaluator) fixesOf(r *renaming) []Fix {
	from, to := own(r.move.from), own(r.move.to)
	fix := func(rng hcl.Range, text, byHand string) Fix {
		return Fix{Range: rng, Text: text, From: r.move.from.String(), To: r.move.to.String(), ByHand: byHand}
	}
	hand := func(why string) []Fix { return []Fix{fix(r.at, "", why)} }
	if !e.writes(r.names, from) {
		return hand("the path is not written out in one place")
	}
	if r.read {
		whole := hcl.RangeBetween(r.names[0], r.names[len(r.names)-1])
		return []Fix{fix(whole, "."+strings.Join(to, "."), "")}
	}
	if len(from) != len(to) {
		return hand("its new name has another nesting: " + spelling(to))
	}
	var out []Fix
	for i, at := range r.names {
		if from[i] == to[i] {
			continue
		}
		if why := e.cannotRename(r, i); why != "" {
			return hand(why)
		}
		out = append(out, fix(at, to[i], ""))
	}
	return out
}

// writes reports whether the texts at names are the elements of p.
func (e *evaluator) writes(names []hcl.Range, p option.Path) bool {
	if len(names) != len(p) {
		return false
	}
	for i, at := range names {
		file := e.flake.Files[at.Filename]
		if file == nil || at.End.Byte > len(file.Bytes) || strings.TrimPrefix(string(at.SliceBytes(file.Bytes)), ".") != p[i] {
			return false
		}
	}
	return true
}

// cannotRename says why the i-th name of a definition cannot be replaced: the
// new name is taken, or other things in the block keep the old one.
func (e *evaluator) cannotRename(r *renaming, i int) string {
	file := e.flake.Files[r.names[i].Filename]
	top, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return "the file could not be read"
	}
	around, inside := bodyAround(top, r.names[i])
	name := own(r.move.to)[i]
	if around == nil || around.Attributes[name] != nil && inside == nil {
		return fmt.Sprintf("%s is already defined next to it", name)
	}
	if inside == nil || i == len(r.names)-1 {
		return ""
	}
	for _, item := range itemsOf(inside) {
		if !e.movesAlong(r, i, item) {
			return fmt.Sprintf("%s contains other things that keep their name", own(r.move.from)[i])
		}
	}
	return ""
}

// movesAlong reports whether what is named at item, in the block of the i-th name
// of r, is renamed in the same way.
func (e *evaluator) movesAlong(r *renaming, i int, item hcl.Range) bool {
	return slices.ContainsFunc(e.moves.made, func(o *renaming) bool {
		return len(o.names) > i+1 && !o.read && o.names[i] == r.names[i] && o.names[i+1] == item &&
			len(own(o.move.to)) > i && own(o.move.to)[i] == own(r.move.to)[i]
	})
}

// bodyAround is the body that contains a name, and the body of the block that has
// the name, nil for an attribute.
func bodyAround(body *hclsyntax.Body, name hcl.Range) (around, inside *hclsyntax.Body) {
	for _, a := range body.Attributes {
		if a.NameRange == name {
			return body, nil
		}
	}
	for _, b := range body.Blocks {
		if b.TypeRange == name {
			return body, b.Body
		}
		if around, inside := bodyAround(b.Body, name); around != nil {
			return around, inside
		}
	}
	return nil, nil
}

// itemsOf lists the places of the names in a body, without the block's own
// arguments.
func itemsOf(body *hclsyntax.Body) []hcl.Range {
	var out []hcl.Range
	for _, a := range body.Attributes {
		if !meta(a.Name) {
			out = append(out, a.NameRange)
		}
	}
	for _, b := range body.Blocks {
		out = append(out, b.TypeRange)
	}
	return out
}

// spelling writes a path as nested blocks.
func spelling(p option.Path) string {
	return strings.Join(p, " { ") + " = ..." + strings.Repeat(" }", len(p)-1)
}

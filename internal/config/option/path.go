// Package option is the vocabulary of the language: the paths, types and
// declarations of options, and how several definitions of one option become one
// value. It evaluates nothing: it gets the result of an expression as a Part.
package option

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Any is the element of a declared path that stands for every key of a map.
const Any = "*"

// Path names an option, or something above or below one.
type Path []string

// String writes the path as an HCL traversal: sysctl["net.ipv4.ip_forward"].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case i == 0:
			b.WriteString(s)
		case s == Any || hclsyntax.ValidIdentifier(s):
			b.WriteString("." + s)
		default:
			fmt.Fprintf(&b, "[%q]", s)
		}
	}
	return b.String()
}

// Key is a string that no other path has.
func (p Path) Key() string { return strings.Join(p, "\x00") }

// With is the path of name below p.
func (p Path) With(name string) Path { return append(slices.Clip(p), name) }

// Declared splits the label of an option block.
func Declared(label string) (Path, error) {
	p := Path(strings.Split(label, "."))
	for i, s := range p {
		if (s == Any && i > 0) || hclsyntax.ValidIdentifier(s) {
			continue
		}
		return nil, fmt.Errorf("cannot read option path %q: %q is neither an identifier nor *", label, s)
	}
	return p, nil
}

// KeyString is the text of a map key, and whether v can be one.
func KeyString(v cty.Value) (string, bool) {
	v, _ = v.Unmark()
	if v.IsNull() || !v.IsKnown() {
		return "", false
	}
	switch v.Type() {
	case cty.String:
		return v.AsString(), true
	case cty.Number:
		return numberText(v), true
	}
	return "", false
}

// Nearest is the name that a misspelt one probably means, or "". Swapped letters
// count as one mistake.
func Nearest(name string, known []string) string {
	best, distance := "", 1+len(name)/3
	if len(name) < 5 {
		distance = 1 // short words share half their letters by chance
	}
	for _, k := range slices.Sorted(slices.Values(known)) {
		if k == name {
			continue
		}
		if strings.EqualFold(k, name) {
			return k
		}
		d := levenshtein.Distance(name, k, nil)
		if len(k) == len(name) && letters(k) == letters(name) {
			d = 1
		}
		// Of two equally near names, a missing letter is the likelier mistake.
		if d <= distance || best != "" && d == distance+1 && lettersOf(name, k) && !lettersOf(name, best) {
			best, distance = k, d-1
		}
	}
	return best
}

// lettersOf reports whether k contains the letters of name in this order.
func lettersOf(name, k string) bool {
	for i := range k {
		if name != "" && k[i] == name[0] {
			name = name[1:]
		}
	}
	return name == ""
}

func letters(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// NearestPath is the known path that a misspelt one probably means, element by
// element, or "". A * in known stands for any key.
func NearestPath(path []string, known []string) string {
	best, distance := "", -1
	for _, k := range known {
		elems := strings.Split(k, ".")
		if len(elems) != len(path) {
			continue
		}
		far := 0
		for i, e := range elems {
			switch {
			case e == path[i]:
			case e == Any:
				elems[i] = path[i]
			case Nearest(path[i], []string{e}) == "":
				far = -1
			case far >= 0:
				far += levenshtein.Distance(path[i], e, nil)
			}
		}
		if far > 0 && (distance < 0 || far < distance) {
			best, distance = Path(elems).String(), far
		}
	}
	return best
}

// DidYouMean is the sentence that ends an error about an unknown name.
func DidYouMean(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return fmt.Sprintf(" Did you mean %q?", n)
	}
	return ""
}

package option

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Node is a place in the tree of options: a group (Children), a map whose
// entries share a shape (Entry), or an option (neither).
type Node struct {
	Path     Path // declared form, with * for keys
	Children map[string]*Node
	Entry    *Node
	Decl     *Declaration // nil until its file has been read
	Library  string       // the embedded file that declares it, if one does
	Former   bool         // in a tree of renamed paths
}

// Declaration is an option block. The owner of the file evaluates Default and
// Validations, so Home is opaque here.
type Declaration struct {
	Path        Path
	Type        Type
	Default     hcl.Expression // nil: none
	Description string
	Example     hcl.Expression
	ReadOnly    bool
	Keys        hcl.Expression // nil: a map takes any key
	Validations []Validation
	Range       hcl.Range
}

// Validation is a condition on `value`, checked on the merged value.
type Validation struct{ Condition, Message hcl.Expression }

// IsOption reports whether n itself takes a value.
func (n *Node) IsOption() bool { return n.Children == nil && n.Entry == nil }

// Ours reports whether the library declares n or an option below it.
func (n *Node) Ours() bool {
	found := n.Library != ""
	n.Walk(func(o *Node) { found = found || o.Library != "" })
	return found
}

// Names are the children of a group, sorted.
func (n *Node) Names() []string { return sortedKeys(n.Children) }

// Declare adds an option to the tree. No path may be a prefix of another
// except through * (language rule 3), and none may be declared twice.
func (n *Node) Declare(p Path) (*Node, error) {
	at := n
	for i, s := range p {
		if at.Decl != nil || at.Library != "" {
			return nil, fmt.Errorf("cannot declare %s: %s is already an option, and nothing can be below an option", p, p[:i])
		}
		next, err := at.child(s, p[:i+1])
		if err != nil {
			return nil, err
		}
		at = next
	}
	if !at.IsOption() {
		return nil, fmt.Errorf("cannot declare %s: there are options below it, so it is a group; choose another name", p)
	}
	return at, nil
}

func (n *Node) child(s string, p Path) (*Node, error) {
	if s == Any {
		if n.Children != nil {
			return nil, fmt.Errorf("cannot declare %s: %s is a group of named options, not a map of entries", p, p[:len(p)-1])
		}
		if n.Entry == nil {
			n.Entry = &Node{Path: slices.Clone(p), Former: n.Former}
		}
		return n.Entry, nil
	}
	if n.Entry != nil {
		return nil, fmt.Errorf("cannot declare %s: %s is a map of entries, whose options are declared as %s.*.%s", p, p[:len(p)-1], p[:len(p)-1], s)
	}
	if Reserved(s, len(p) == 1) {
		return nil, fmt.Errorf("cannot declare %s: %q is a word of the language; choose another name", p, s)
	}
	if s == "name" && len(p) > 1 && p[len(p)-2] == Any {
		return nil, fmt.Errorf("cannot declare %s: every entry has an option called name already, which is its key", p)
	}
	if n.Children == nil {
		n.Children = map[string]*Node{}
	}
	c := n.Children[s]
	if c == nil {
		c = &Node{Path: slices.Clone(p), Former: n.Former}
		n.Children[s] = c
	}
	return c, nil
}

// Clone is a copy of the tree. Its options share their declarations.
func (n *Node) Clone() *Node {
	c := *n
	if n.Entry != nil {
		c.Entry = n.Entry.Clone()
	}
	if n.Children != nil {
		c.Children = make(map[string]*Node, len(n.Children))
		for name, child := range n.Children {
			c.Children[name] = child.Clone()
		}
	}
	return &c
}

// Find follows p as far as it leads and returns the last node and the number of
// elements it used. It accepts any key of a map.
func (n *Node) Find(p Path) (*Node, int) {
	at := n
	for i, s := range p {
		switch {
		case at.Entry != nil:
			at = at.Entry
		case at.Children[s] != nil:
			at = at.Children[s]
		default:
			return at, i
		}
	}
	return at, len(p)
}

// Walk calls f for every option below n, by path.
func (n *Node) Walk(f func(*Node)) {
	if n.IsOption() {
		f(n)
		return
	}
	if n.Entry != nil {
		n.Entry.Walk(f)
		return
	}
	for _, name := range n.Names() {
		n.Children[name].Walk(f)
	}
}

// Unknown explains that n, reached by p, has no child called name, and says what
// may be meant.
func (n *Node) Unknown(root *Node, p Path, name string) string {
	return n.Missing(p, name) + Meant(root, name, Nearest(name, n.Names()))
}

// Meant proposes what an unknown name may mean: the nearest name at its place or,
// failing that, an option anywhere that ends in it. A name that is only its first
// word comes last: package_mode is not a misspelt package.
func Meant(root *Node, name, near string) string {
	text := ""
	if near != "" {
		text = fmt.Sprintf(" Did you mean %q?", near)
	}
	switch {
	case near == "":
		return Elsewhere(root, name)
	case strings.HasPrefix(name, near+"_"):
		var lasts []string
		root.Walk(func(o *Node) {
			if last := o.Path[len(o.Path)-1]; strings.HasPrefix(last, near+"_") {
				lasts = append(lasts, last)
			}
		})
		return cmp.Or(Elsewhere(root, name), Elsewhere(root, Nearest(name, lasts)), text)
	}
	return text
}

// Missing says that n, reached by p, has no child called name.
func (n *Node) Missing(p Path, name string) string {
	detail := fmt.Sprintf("There is no option %q at the top.", name)
	switch last := len(p) - 1; {
	case last >= 0 && len(n.Path) > 0 && n.Path[len(n.Path)-1] == Any:
		detail = fmt.Sprintf("An entry of %s has no option %q.", p[:last], name)
	case last >= 0:
		detail = fmt.Sprintf("There is no option %q below %s.", name, p)
	}
	return detail
}

// Elsewhere names the options anywhere whose last element is name, if they
// are few.
func Elsewhere(root *Node, name string) string {
	var found []string
	root.Walk(func(o *Node) {
		if o.Path[len(o.Path)-1] == name || strings.HasSuffix(o.Path.String(), "."+name+".enable") {
			found = append(found, o.Path.String())
		}
	})
	if len(found) > 0 && len(found) <= 3 {
		return " There is " + strings.Join(found, ", ") + "."
	}
	return ""
}

package eval

import "strings"

// Continue are the paths, as Explain takes them, that are one step longer than what
// somebody has typed of one and begin with it: options, entries, and elements of a
// value. Those that lead on to others end with a dot.
func (r *Result) Continue(typed string) []string {
	at, head := r.known(typed)
	var out []string
	offer := func(path, more string) {
		if strings.HasPrefix(path, typed) {
			out = append(out, path+more)
		}
	}
	if at.node.IsOption() {
		x, diags := r.Explain(head)
		if diags.HasErrors() {
			return nil
		}
		for _, elem := range x.Elements {
			offer(elem.Path, "")
		}
		return out
	}
	for _, name := range below(r.eval, at.node, at.path) {
		next := at.node.Entry
		if next == nil {
			next = at.node.Children[name]
		}
		switch path := at.path.With(name).String(); {
		case next.Former:
		case next.IsOption():
			offer(path, "")
		default:
			offer(path, ".")
		}
	}
	return out
}

// known is the longest beginning of a path that leads somewhere, before a dot or a
// bracket that opens; the name after it may not be whole.
func (r *Result) known(typed string) (at place, head string) {
	at = place{node: r.eval.root}
	quoted := false
	for i, c := range typed {
		if c == '"' {
			quoted = !quoted
		}
		if i == 0 || quoted || c != '.' && c != '[' {
			continue
		}
		if next, diags := r.find(typed[:i]); !diags.HasErrors() {
			at, head = next, typed[:i]
		}
	}
	return at, head
}

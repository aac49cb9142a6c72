package lsp

import (
	"github.com/zclconf/go-cty/cty/function"
)

// signatureHelp is the innermost function around the place, and the argument that
// the place is in; nil outside any function, and in text.
func (q *request) signatureHelp() *signatureHelp {
	r := q.hostOf(q.path)
	c := cursorAt(q.text.src, q.offset)
	if r == nil {
		return nil
	}
	known := r.Functions(q.path)
	for i := len(c.levels) - 1; i > 0; i-- {
		l := c.levels[i]
		if l.kind == body {
			return nil
		}
		f, ok := known[l.name]
		if l.kind != call || !ok {
			continue
		}
		info := signatureInformation{Label: signature(l.name, f), Documentation: markdown(f.Description()), Parameters: parameters(f)}
		return &signatureHelp{Signatures: []signatureInformation{info}, ActiveParameter: min(l.args, max(len(info.Parameters)-1, 0))}
	}
	return nil
}

func parameters(f function.Function) []parameterInformation {
	out := []parameterInformation{}
	for _, p := range f.Params() {
		out = append(out, parameterInformation{Label: p.Name, Documentation: markdown(p.Description)})
	}
	if v := f.VarParam(); v != nil {
		out = append(out, parameterInformation{Label: v.Name + "...", Documentation: markdown(v.Description)})
	}
	return out
}

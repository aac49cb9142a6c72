package lsp

import (
	"regexp"
	"strings"
)

// fixes offer what a diagnostic of ours says was probably meant.
func (q *request) fixes(diagnostics []diagnostic) []codeAction {
	out := []codeAction{}
	for _, d := range diagnostics {
		wrong, meant, ok := suggestion(d.Message)
		if d.Source != "hostctl" || !ok {
			continue
		}
		from, to := q.text.offset(d.Range.Start), q.text.offset(d.Range.End)
		if from > to || strings.Count(string(q.text.src[from:to]), wrong) != 1 {
			continue // the place has changed since, or more than one is meant
		}
		from += strings.Index(string(q.text.src[from:to]), wrong)
		edit := textEdit{Range: q.text.between(from, from+len(wrong)), NewText: meant}
		out = append(out, codeAction{
			Title: "Change " + wrong + " to " + meant, Kind: "quickfix", IsPreferred: true, Diagnostics: []diagnostic{d},
			Edit: workspaceEdit{Changes: map[string][]textEdit{uriOf(q.path): {edit}}},
		})
	}
	return out
}

// suggestion reads the name that is wrong and the one that is meant off a
// message.
func suggestion(message string) (wrong, meant string, ok bool) {
	m := regexp.MustCompile(`"([^"]+)".* Did you mean "([^"]+)"\?`).FindStringSubmatch(message)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

package lsp

import (
	"regexp"
	"strings"
)

// fixes offer the replacement that one of our diagnostics proposes.
func (q *request) fixes(diagnostics []diagnostic) []codeAction {
	out := []codeAction{}
	for _, d := range diagnostics {
		wrong, meant, ok := suggestion(d.Message)
		if d.Source != "hostctl" || !ok {
			continue
		}
		from, to := q.text.offset(d.Range.Start), q.text.offset(d.Range.End)
		if from > to || strings.Count(string(q.text.src[from:to]), wrong) != 1 {
			continue // the place has changed since, or there are several proposals
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

// suggestion takes the wrong name and the proposed one from a message.
func suggestion(message string) (wrong, meant string, ok bool) {
	m := regexp.MustCompile(`"([^"]+)".* Did you mean "([^"]+)"\?`).FindStringSubmatch(message)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

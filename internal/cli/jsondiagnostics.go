package cli

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
)

// verdictJSON is what validate --json prints, and every other command with
// --json that fails before its result: the structure that terraform validate
// -json has, so that what reads the one reads the other. docs/json.md
// describes it.
type verdictJSON struct {
	FormatVersion string           `json:"format_version"`
	Valid         bool             `json:"valid"`
	ErrorCount    int              `json:"error_count"`
	WarningCount  int              `json:"warning_count"`
	Diagnostics   []jsonDiagnostic `json:"diagnostics"`
}

type jsonDiagnostic struct {
	Severity string       `json:"severity"` // error or warning
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail"`
	Range    *jsonRange   `json:"range,omitempty"`
	Snippet  *jsonSnippet `json:"snippet,omitempty"`
	Also     []jsonPlace  `json:"also,omitempty"` // other places that it is about
}

type jsonPlace struct {
	Range   *jsonRange   `json:"range"`
	Snippet *jsonSnippet `json:"snippet,omitempty"`
}

type jsonRange struct {
	Filename string  `json:"filename"`
	Start    jsonPos `json:"start"`
	End      jsonPos `json:"end"`
}

type jsonPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

type jsonSnippet struct {
	Context   *string  `json:"context"` // the block around it
	Code      string   `json:"code"`    // whole lines
	StartLine int      `json:"start_line"`
	Start     int      `json:"highlight_start_offset"` // bytes of code
	End       int      `json:"highlight_end_offset"`
	Values    []string `json:"values"` // always empty: values are explain's to say
}

// endJSON prints, of a command with --json that failed, what is wrong, unless
// there is a result on stdout already: that stays one document. Then, and
// where nothing failed, warnings go to stderr as text. text is the error that
// is no diagnostic, or ""; printed reports whether it was printed.
func (e *env) endJSON(text string) (printed bool) {
	if text == "" && !e.found.HasErrors() || e.stdout.used {
		// What stderr does not take can be told nowhere.
		_ = e.writeDiagnostics(e.found)
		return false
	}
	if text != "" {
		e.found = append(e.found, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: text})
	}
	return e.writeJSON(asJSON(e.found, e.files)) == nil
}

func asJSON(diags hcl.Diagnostics, files map[string]*hcl.File) verdictJSON {
	out := verdictJSON{FormatVersion: "1.0", Valid: !diags.HasErrors(), Diagnostics: []jsonDiagnostic{}}
	for _, d := range diags {
		j := jsonDiagnostic{Severity: "error", Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			j.Severity = "warning"
			out.WarningCount++
		} else {
			out.ErrorCount++
		}
		if d.Subject != nil {
			j.Range, j.Snippet = rangeJSON(d.Subject), snippetJSON(d.Subject, files)
		}
		for _, at := range others(d) {
			j.Also = append(j.Also, jsonPlace{rangeJSON(&at), snippetJSON(&at, files)})
		}
		out.Diagnostics = append(out.Diagnostics, j)
	}
	return out
}

func rangeJSON(r *hcl.Range) *jsonRange {
	return &jsonRange{
		Filename: r.Filename,
		Start:    jsonPos{r.Start.Line, r.Start.Column, r.Start.Byte},
		End:      jsonPos{r.End.Line, r.End.Column, r.End.Byte},
	}
}

func snippetJSON(r *hcl.Range, files map[string]*hcl.File) *jsonSnippet {
	f := files[r.Filename]
	if f == nil || r.Start.Byte > len(f.Bytes) || r.End.Byte > len(f.Bytes) || r.End.Byte < r.Start.Byte {
		return nil
	}
	from := bytes.LastIndexByte(f.Bytes[:r.Start.Byte], '\n') + 1
	to := len(f.Bytes)
	if i := bytes.IndexByte(f.Bytes[max(r.Start.Byte, r.End.Byte-1):], '\n'); i >= 0 {
		to = max(r.Start.Byte, r.End.Byte-1) + i
	}
	s := &jsonSnippet{
		Code: string(hideLogins(f.Bytes[from:to])), StartLine: r.Start.Line, Start: r.Start.Byte - from, End: min(r.End.Byte, to) - from, Values: []string{},
	}
	if block := blockAround(r, files); block != "" {
		s.Context = &block
	}
	return s
}

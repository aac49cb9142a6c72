package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agext/levenshtein"
)

// followed is what the flake in dir says after every name that it proposes was
// taken: nothing that was proposed is wrong, and a flake all of whose mistakes
// had a proposal is valid.
func (c *wrongCase) followed(t *testing.T, dir string) {
	t.Helper()
	before := verdictOf(t, dir)
	named, all := before.proposals(), true
	for _, d := range before.Diagnostics {
		all = all && (d.Severity == "warning" || proposed(d) != nil)
	}
	if len(named) == 0 {
		return
	}
	for _, d := range named {
		file := filepath.Join(dir, d.Range.Filename)
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		from, to := d.Range.Start.Byte, d.Range.End.Byte
		if to > len(src) {
			t.Fatalf("the place of %q lies behind the end of %s", d.Detail, d.Range.Filename)
		}
		text, ok := replaced(string(src[from:to]), d)
		if !ok { // the place is that of a value: its key is meant
			from = bytes.LastIndexByte(src[:from], '\n') + 1
			text, ok = replaced(string(src[from:to]), d)
		}
		if !ok { // the place is the head of a block
			to = len(src)
			text, _ = replaced(string(src[from:to]), d)
		}
		writeTestFile(t, file, slices.Concat(src[:from], []byte(text), src[to:]))
	}
	after := verdictOf(t, dir)
	for _, d := range after.Diagnostics {
		known := slices.ContainsFunc(before.Diagnostics, func(o jsonDiagnostic) bool { return o.Detail == d.Detail && o.Summary == d.Summary })
		if d.Severity == "error" && (all || !known) {
			t.Errorf("after every proposal is followed: %s: %s", d.Summary, d.Detail)
		}
	}
}

func verdictOf(t *testing.T, dir string) *verdictJSON {
	t.Helper()
	var stdout, stderr bytes.Buffer
	Run([]string{"validate", "--json", "--flake", dir}, strings.NewReader(""), &stdout, &stderr)
	v := &verdictJSON{}
	// Of a valid flake it prints as much, its warnings among them.
	if err := json.Unmarshal(stdout.Bytes(), v); err != nil {
		t.Fatalf("validate --json prints %q, %q: %v", stdout.String(), stderr.String(), err)
	}
	return v
}

// proposals are the diagnostics that name what is meant, in files of the flake,
// each place once, the last first.
func (v *verdictJSON) proposals() []jsonDiagnostic {
	var out []jsonDiagnostic
	for _, d := range v.Diagnostics {
		if proposed(d) != nil {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b jsonDiagnostic) int { return b.Range.Start.Byte - a.Range.Start.Byte })
	return slices.CompactFunc(out, func(a, b jsonDiagnostic) bool { return a.Range.Start == b.Range.Start })
}

// proposed are the names of a "Did you mean".
func proposed(d jsonDiagnostic) []string {
	m := regexp.MustCompile(`Did you mean (?:several, )?("[^?]*")\?`).FindStringSubmatch(d.Detail)
	if m == nil || d.Range == nil || strings.HasPrefix(d.Range.Filename, "@") {
		return nil
	}
	var names []string
	for _, quoted := range strings.Split(m[1], ", ") {
		names = append(names, strings.Trim(quoted, `"`))
	}
	return names
}

// replaced is a text with what d proposes in the place of what d quotes, or of the
// word that is most like the proposal; it is false where no word is like it.
func replaced(text string, d jsonDiagnostic) (string, bool) {
	names := proposed(d)
	if len(names) > 1 {
		return `"` + strings.Join(names, `", "`) + `"`, true
	}
	said, _, _ := strings.Cut(d.Detail, "Did you mean")
	for _, quoted := range regexp.MustCompile(`"[^"]+"`).FindAllString(said, -1) {
		if strings.Count(text, quoted) == 1 {
			return strings.Replace(text, quoted, `"`+names[0]+`"`, 1), true
		}
	}
	word := regexp.MustCompile(`[\w@+-]+(?:[./]+[\w@+-]+)*`)
	best, distance := "", 1<<20
	try := func(w string) {
		if d := levenshtein.Distance(w, names[0], nil); w != "" && d > 0 && d < distance {
			best, distance = w, d
		}
	}
	for _, quoted := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		try(quoted[1])
	}
	for _, w := range word.FindAllString(text, -1) {
		if w == strings.TrimSpace(best) {
			continue
		}
		try(w)
		for _, part := range strings.FieldsFunc(w, func(r rune) bool { return r == '.' || r == '/' }) {
			try(part)
		}
	}
	return strings.Replace(text, best, names[0], 1), distance <= 1+len(names[0])/2
}

// mended writes the files that the case has for a reader who does what the
// message says, and expects them to be valid, and to have what it proposes.
func (c *wrongCase) mended(t *testing.T, dir string) {
	t.Helper()
	for name, data := range c.fixed {
		writeTestFile(t, filepath.Join(dir, name), data)
	}
	for _, d := range verdictOf(t, dir).Diagnostics {
		if d.Severity == "error" {
			t.Errorf("after the message is followed: %s: %s", d.Summary, d.Detail)
		}
	}
}

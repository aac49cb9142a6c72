package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// TestWhatComesFirst: another release, a lock-out and a refusal come before all
// changes of a plan, in text and in Markdown, and nothing in them controls a
// terminal.
func TestWhatComesFirst(t *testing.T) {
	p := examplePlan()
	p.Release = &spec.Release{From: "12", To: "13"}
	p.Lockout = []string{"port \x1b[2J22 closes"}
	p.Refused = []string{"too much goes"}
	const first = "Another release: this moves web1 from Debian 12 to Debian 13.\nLock-out: port \\x1b[2J22 closes.\nRefused: too much goes.\n"
	var text, markdown bytes.Buffer
	if err := Text(&text, p, Options{}); err != nil || !strings.HasPrefix(text.String(), first+"\nPlan for web1") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if err := Markdown(&markdown, p); err != nil || !strings.Contains(markdown.String(), "\n\n> "+strings.ReplaceAll(strings.TrimSpace(first), "\n", "\n\n> ")+"\n") {
		t.Errorf("%v\n%s", err, markdown.String())
	}
	last, _, _ := strings.Cut(markdown.String(), "```")
	if !strings.Contains(last, "Refused") {
		t.Errorf("the Markdown begins with something else:\n%s", markdown.String())
	}
}

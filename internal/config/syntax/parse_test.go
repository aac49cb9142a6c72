package syntax

import (
	"strings"
	"testing"
)

// Language rule 9: what would overflow the stack is refused before the parser.
func TestRule09Nesting(t *testing.T) {
	for _, s := range []string{"(", "[", "-", "!", `"${`, "{a=", "a {\n", "1+"} {
		_, diags := Parse("x.hcl", []byte("x = "+strings.Repeat(s, 100_000/len(s))))
		if !strings.Contains(diags.Error(), "Nested too deeply") {
			t.Errorf("a hundred thousand bytes of %q: %v", s, diags)
		}
	}
	if err := GuardTemplate("t", strings.Repeat("%{ if x }", 1000)); err == nil {
		t.Error("directives may nest as they like")
	}
	if err := GuardTemplate("t", strings.Repeat("%{ if x }%{~ for y in x }${y}%{ endfor ~}%{ endif }", 1000)); err != nil {
		t.Error(err)
	}
	if err := GuardTemplate("t", strings.Repeat("${[", 1000)); err == nil {
		t.Error("a template may nest as it likes")
	}
	wide := "x = [" + strings.Repeat("1, ", 20_000) + "]\ny = " + strings.Repeat("[", 190) + strings.Repeat("]", 190)
	if _, diags := Parse("x.hcl", []byte(wide)); diags.HasErrors() {
		t.Errorf("a wide list and 190 levels: %v", diags)
	}
	// A long file is read piece by piece; no cut makes an error, and none hides one.
	for _, line := range []string{"# a comment\n", "a { b = \"${c}\" }\n", "a = <<E\n%{ if true }x%{ endif }\nE\n"} {
		long := strings.Repeat(line, (maxTokens+maxTokens/10)/len(line))
		for n := range 3 {
			before := "x = " + strings.Repeat("[", 190) + strings.Repeat("]", 190) + strings.Repeat("\n", 5*n)
			if diags := guard("x.hcl", []byte(before+long)); diags.HasErrors() {
				t.Fatalf("%q behind %d lines: %v", line, 5*n, diags)
			}
		}
		diags := guard("x.hcl", []byte(long+"x = "+strings.Repeat("[", 1_000_000)))
		if want := strings.Count(long, "\n") + 1; !diags.HasErrors() || diags[0].Subject.Start.Line != want || diags[0].Subject.Start.Column != 205 {
			t.Errorf("brackets behind %d bytes of %q: %v", len(long), line, diags)
		}
	}
}

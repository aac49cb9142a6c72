package eval

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/library"
)

// For every NixOS name that the page for NixOS users translates, an error names the
// one here, and the page has every such name.
func TestNamesOfNixOSLeadOn(t *testing.T) {
	page, err := os.ReadFile("../../../docs/coming-from-nixos.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Names that are others here\n")
	section, _, _ = strings.Cut(section, "\n## ")
	names, told := library.Elsewhere(), map[string]bool{}
	for _, row := range strings.Split(section, "\n| ")[2:] {
		left, _, _ := strings.Cut(row, " | ")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(left, -1) {
			key := strings.ToLower(strings.ReplaceAll(m[1], "-", ""))
			told[key] = true
			hint, typed := names[key], strings.ReplaceAll(m[1], "*", "qwertz")
			if hint == "" {
				t.Errorf("the page has %s, and the library no words for it", m[1])
				continue
			}
			checkHint(t, typed, hint)
			checkHint(t, snake(typed), hint)
		}
	}
	for key := range names {
		if !told[key] && key != "stateversion" {
			t.Errorf("the library has words for %s, which the page has not", key)
		}
	}
	checkHint(t, "state_version", names["stateversion"])
	evalCase{name: "a name that is near", files: "services {\n  opensssh { enable = true }\n}\n", errs: []string{`Did you mean "openssh"?`}}.run(t)
}

func snake(name string) string {
	return strings.ToLower(regexp.MustCompile("([A-Z])").ReplaceAllString(name, "_$1"))
}

// checkHint writes a definition of path, which is not an option, in both forms.
func checkHint(t *testing.T, path, hint string) {
	t.Helper()
	parts := strings.Split(strings.ReplaceAll(path, "-", "_"), ".")
	last := len(parts) - 1
	for _, inner := range []string{parts[last] + " = {}\n", parts[last] + " {\n}\n"} {
		text := inner
		if last > 0 {
			text = strings.Join(parts[:last], " {\n") + " {\n" + inner + strings.Repeat("}\n", last)
		}
		_, diags := evalDir(t, writeFlake(t, text))
		if !strings.Contains(diags.Error(), hint) {
			t.Errorf("%q is told %v, want %q in it", text, diags, hint)
		}
	}
}

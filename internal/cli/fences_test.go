package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hostctl/hostctl/internal/config/syntax"
)

// fence is one block of code in the documentation.
type fence struct {
	page     string
	line     int
	language string
	text     string
}

// file is the name that an HCL fence gives its content in its first line.
func (f fence) file() string {
	first, _, _ := strings.Cut(f.text, "\n")
	name := strings.TrimSpace(strings.TrimPrefix(first, "#"))
	if !strings.HasPrefix(first, "# ") || !strings.HasSuffix(name, ".hcl") || strings.Contains(name, " ") {
		return ""
	}
	return name
}

// pages are README.md and everything below docs, with the text of each.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("../../docs", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".md" {
			return err
		}
		b, err := os.ReadFile(p)
		out[strings.TrimPrefix(p, "../../")] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	out["README.md"] = string(b)
	return out
}

func fences(page, text string) []fence {
	var out []fence
	var open *fence
	indent := ""
	for i, line := range strings.Split(text, "\n") {
		mark, isMark := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isMark && open == nil:
			indent = line[:strings.Index(line, "```")]
			open = &fence{page: page, line: i + 1, language: mark}
		case isMark:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return out
}

func TestEveryFenceParses(t *testing.T) {
	n := 0
	for page, text := range pages(t) {
		for _, f := range fences(page, text) {
			if f.language != "hcl" {
				continue
			}
			n++
			src := f.text
			if strings.HasPrefix(page, "docs/options/") {
				src = "value = " + src // a default or an example
			}
			if _, diags := syntax.Parse(fmt.Sprintf("%s (line %d)", page, f.line), []byte(src)); diags.HasErrors() {
				t.Error(diags)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d HCL fences found; there are more", n)
	}
}

// TestExamplesAreValid puts the fences of a page that name their files
// together: each flake.hcl starts an example, and those that follow are its
// modules. Modules that the example leaves out are empty; an example with
// inputs is only parsed, since they are not there to be fetched.
func TestExamplesAreValid(t *testing.T) {
	all := pages(t)
	n := 0
	for _, page := range slices.Sorted(maps.Keys(all)) {
		var examples []map[string]string
		for _, f := range fences(page, all[page]) {
			name := f.file()
			if f.language != "hcl" || name == "" {
				continue
			}
			if name == "flake.hcl" {
				examples = append(examples, map[string]string{})
			}
			if len(examples) > 0 {
				examples[len(examples)-1][name] += f.text
			}
		}
		for _, files := range examples {
			if regexp.MustCompile(`"(git\+|path:)`).MatchString(files["flake.hcl"]) {
				continue
			}
			n++
			t.Run(page, func(t *testing.T) { validateExample(t, files) })
		}
	}
	if n == 0 {
		t.Error("no example is complete")
	}
}

func validateExample(t *testing.T, files map[string]string) {
	dir := t.TempDir()
	for name, text := range files {
		writeTestFile(t, filepath.Join(dir, name), []byte(text))
	}
	for name, text := range files {
		for _, m := range regexp.MustCompile(`"(\.\.?/[a-z0-9./_-]+)"`).FindAllStringSubmatch(text, -1) {
			path := filepath.Join(dir, filepath.Dir(name), m[1])
			switch filepath.Ext(path) {
			case ".hcl":
			case "":
				path = filepath.Join(path, "default.hcl")
			default:
				continue
			}
			if _, err := os.Stat(path); err != nil {
				writeTestFile(t, path, nil)
			}
		}
	}
	var out bytes.Buffer
	if code := Run([]string{"validate", "--flake", dir}, strings.NewReader(""), &out, &out); code != exitOK {
		t.Errorf("the example is not valid:\n%s", out.String())
	}
}

func TestCommandLinesOfDocsExist(t *testing.T) {
	n := 0
	for page, text := range pages(t) {
		var lines []string
		for _, f := range fences(page, text) {
			if f.language == "sh" || f.language == "" || f.language == "console" {
				lines = append(lines, strings.Split(f.text, "\n")...)
			}
		}
		for _, m := range regexp.MustCompile("`(hostctl [^`]*)`").FindAllStringSubmatch(text, -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			if command, ok := hostctlLine(line); ok {
				n++
				if err := commandExists(newRootCommand(&env{}), command); err != nil {
					t.Errorf("%s: %q: %v", page, line, err)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("%d command lines found; there are more", n)
	}
}

// hostctlLine is the words after hostctl of a line that runs it, up to a
// comment or a column of explanation.
func hostctlLine(line string) ([]string, bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
	line = strings.TrimPrefix(line, "sudo ")
	rest, ok := strings.CutPrefix(line, "hostctl ")
	if !ok || strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "(") {
		return nil, false
	}
	rest = regexp.MustCompile(`  .*| #.*| \|.*| >.*`).ReplaceAllString(rest, "")
	return strings.Fields(rest), true
}

func commandExists(root *cobra.Command, words []string) error {
	// A usage line says where flags and arguments go.
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "[") || strings.HasSuffix(w, "]") })
	root.InitDefaultCompletionCmd(words...)
	command, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	command.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	for _, w := range rest {
		name, isFlag := strings.CutPrefix(w, "-")
		if w == "-" { // standard input
			continue
		}
		if !isFlag {
			if command.HasSubCommands() && !command.Runnable() {
				return fmt.Errorf("%s has no subcommand %s", command.CommandPath(), w)
			}
			continue
		}
		long, isLong := strings.CutPrefix(name, "-")
		long, _, _ = strings.Cut(long, "=")
		find := func(s *pflag.FlagSet) *pflag.Flag {
			if isLong {
				return s.Lookup(long)
			}
			return s.ShorthandLookup(name[:1])
		}
		if find(command.Flags()) == nil && find(command.InheritedFlags()) == nil {
			return fmt.Errorf("%s has no flag %s", command.CommandPath(), w)
		}
	}
	return nil
}

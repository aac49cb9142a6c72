package internal

import (
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const designDir = "../docs/design/"

// read reads a file as sources does, so that go test notices when it changes.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rulePages are the pages with rules, by the word that a comment cites them with.
func rulePages() map[string]string {
	return map[string]string{"engine": "engine-rules.md", "language": "language-rules.md"}
}

// rules reads the rules of a page: the text below each "### N. Title".
func rules(t *testing.T, page string) map[int]string {
	t.Helper()
	out := map[int]string{}
	heading := regexp.MustCompile(`^(\d+)\. \S`)
	for _, section := range strings.Split(read(t, designDir+page), "\n### ")[1:] {
		m := heading.FindStringSubmatch(section)
		if m == nil {
			t.Fatalf("docs/design/%s: %q is the heading of no rule", page, strings.SplitN(section, "\n", 2)[0])
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n != len(out)+1 {
			t.Fatalf("docs/design/%s: rule %s comes after rule %d", page, m[1], len(out))
		}
		section, _, _ = strings.Cut(section, "\n## ")
		out[n] = section
	}
	return out
}

// citation is a rule, or several, that a comment cites: "engine rules 5, 7".
type citation struct {
	page    string // as rulePages has it, "" where the comment does not say
	form    string // the words before the number
	numbers []int
}

func citations(text string) []citation {
	var out []citation
	cited := regexp.MustCompile(`(?i)\b((?:(engine|language)[ -])?rules?) (\d+(?:(?:, | and | to )\d+)*)`)
	number := regexp.MustCompile(`\d+`)
	for _, m := range cited.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
		c := citation{page: strings.ToLower(m[2]), form: strings.ToLower(m[1])}
		for _, n := range number.FindAllString(m[3], -1) {
			i, _ := strconv.Atoi(n) // the expression holds digits only
			c.numbers = append(c.numbers, i)
		}
		out = append(out, c)
	}
	return out
}

// comments are those of every Go and HCL file, by the file's name, and the strings
// that cite as a comment does: a test says with one why it leaves something out.
func comments(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			out[s.name] = append(out[s.name], group.Text())
		}
		for _, word := range constants(s) {
			if strings.Contains(word, "engine rule") || strings.Contains(word, "language rule") {
				out[s.name] = append(out[s.name], word)
			}
		}
	}
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".hcl" {
			return err
		}
		for line := range strings.Lines(read(t, p)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
				out[p] = append(out[p], strings.TrimLeft(line, "#/ "))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCitedRulesExist(t *testing.T) {
	known := map[string]map[int]string{}
	for word, page := range rulePages() {
		known[word] = rules(t, page)
	}
	seen := map[string]bool{}
	for name, texts := range comments(t) {
		for _, c := range citations(strings.Join(texts, " | ")) {
			if c.page == "" || strings.Contains(c.form, "-") {
				t.Errorf("%s cites %s %d; write 'engine rule N' or 'language rule N'", name, c.form, c.numbers[0])
				continue
			}
			seen[c.page] = true
			for _, n := range c.numbers {
				if known[c.page][n] == "" {
					t.Errorf("%s cites %s rule %d, which docs/design/%s has not", name, c.page, n, rulePages()[c.page])
				}
			}
		}
	}
	if len(seen) != len(known) {
		t.Errorf("no comment cites a rule of all but %v: this test looks at the wrong files", slices.Sorted(maps.Keys(seen)))
	}
}

// tested is what the test functions of the module are called, and in which folders
// they are; words are all string constants of a folder's tests, by folder.
func tested(t *testing.T) (functions map[string][]string, words map[string][]string) {
	t.Helper()
	functions, words = map[string][]string{}, map[string][]string{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				functions[f.Name.Name] = append(functions[f.Name.Name], s.dir)
			}
		}
		words[s.dir] = append(words[s.dir], constants(s)...)
	}
	return functions, words
}

// constants are the strings that a file holds.
func constants(s source) []string {
	var out []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			word, _ := strconv.Unquote(lit.Value) // the parser has read it
			out = append(out, word)
		}
		return true
	})
	return out
}

// TestRulesNameTheirTests: each rule ends with the tests that guard it, and each test
// that a page names exists.
func TestRulesNameTheirTests(t *testing.T) {
	functions, words := tested(t)
	exists := func(name string) bool {
		function, part, sub := strings.Cut(name, "/")
		dirs := functions[function]
		if archives := map[string]string{"TestScripts": "../test/script/", "TestWrong": "../test/wrong/"}; sub && archives[function] != "" {
			_, err := os.Stat(archives[function] + part + ".txtar")
			return err == nil && len(dirs) > 0
		}
		// A subtest has the name of its case, with _ for blanks.
		return slices.ContainsFunc(dirs, func(dir string) bool {
			return !sub || slices.ContainsFunc(words[dir], func(w string) bool { return strings.HasPrefix(strings.ReplaceAll(w, " ", "_"), part) })
		})
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_/]+)`")
	pages, err := filepath.Glob(designDir + "*.md")
	if err != nil || len(pages) < 4 {
		t.Fatalf("docs/design has the pages %v, %v", pages, err)
	}
	for _, page := range pages {
		for _, m := range named.FindAllStringSubmatch(read(t, page), -1) {
			if !exists(m[1]) {
				t.Errorf("docs/design/%s names %s, and there is no such test", filepath.Base(page), m[1])
			}
		}
	}
	for _, page := range rulePages() {
		for n, text := range rules(t, page) {
			_, tests, ok := strings.Cut(text, "\nTest: ")
			if !ok || !named.MatchString(tests) || strings.Contains(strings.ToLower(tests), "none yet") {
				t.Errorf("docs/design/%s: rule %d does not end with 'Test: ' and the tests that guard it", page, n)
			}
		}
	}
}

// TestLayoutPage: docs/design/layout.md has every package, with the imports that
// mayImport allows, and names no path that is not there.
func TestLayoutPage(t *testing.T) {
	page := read(t, designDir+"layout.md")
	code := regexp.MustCompile("`([^`\n]+)`") // a fence has no mate in its line
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .* \\| (.*) \\|$").FindAllStringSubmatch(page, -1) {
		rows[m[1]] = m[2]
	}
	packages := map[string]bool{}
	for _, s := range sources(t) {
		packages[s.dir] = true
	}
	for dir := range packages {
		if _, ok := rows[dir]; strings.HasPrefix(dir, "internal/") && !ok {
			t.Errorf("docs/design/layout.md has no row for %s", dir)
		}
	}
	for dir, allowed := range mayImport() {
		var says []string
		for _, m := range code.FindAllStringSubmatch(rows[dir], -1) {
			says = append(says, m[1])
		}
		var want []string
		for _, other := range allowed {
			want = append(want, strings.TrimPrefix(other, "internal/"))
		}
		slices.Sort(says)
		slices.Sort(want)
		if !slices.Equal(says, want) {
			t.Errorf("docs/design/layout.md says that %s may import %v; mayImport says %v", dir, says, want)
		}
	}
	for _, m := range code.FindAllStringSubmatch(page, -1) {
		path := m[1]
		if !strings.HasSuffix(path, "/") && !strings.HasPrefix(path, "internal/") && rows[path] == "" {
			continue
		}
		if _, err := os.Stat("../" + path); err != nil {
			t.Errorf("docs/design/layout.md names %s, which is not there", path)
		}
	}
}

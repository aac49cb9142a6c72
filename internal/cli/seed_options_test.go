package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
)

// seedOptions is how many option paths the repository that ours re-creates
// sets on some host.
const seedOptions = 254

// Every option that the original sets has an answer that exists, and a row in
// the pages that say what became of it. testdata/seed-options.txt describes
// the answers.
func TestEverySeedOptionIsAnswered(t *testing.T) {
	text, err := os.ReadFile("testdata/seed-options.txt")
	if err != nil {
		t.Fatal(err)
	}
	system, home := pageRows(t, "reference-configuration.md"), pageRows(t, "reference-home.md")
	there := answers(t)
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		path, answer, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if seen[path] {
			t.Errorf("%s is there twice", path)
		}
		seen[path] = true
		page, rows := "reference-configuration.md", system
		original, ofHome := strings.CutPrefix(path, "hm:")
		if ofHome {
			page, rows = "reference-home.md", home
		}
		if !slices.ContainsFunc(rows, func(row string) bool { return covers(row, original) }) {
			t.Errorf("no row of docs/%s says what became of %s", page, path)
		}
		if row, ok := strings.CutPrefix(answer, "row "); ok {
			if !slices.Contains(rows, row) {
				t.Errorf("%s is answered by the row of %s, which docs/%s has not", path, row, page)
			}
		} else if !there[answer] {
			t.Errorf("%s is answered by %s, which is not there any more", path, answer)
		}
	}
	if len(seen) != seedOptions {
		t.Errorf("%d paths are answered, the original sets %d", len(seen), seedOptions)
	}
}

// pageRows are the option paths in the first cells of a page's tables.
// `a.b.c`, `.d.e` stands for a.d.e or a.b.d.e: both are given.
func pageRows(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^` ]+)[^`]*`")
	var rows []string
	for line := range strings.Lines(string(text)) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if cell == line || !strings.HasPrefix(line, "| ") {
			continue
		}
		whole := ""
		for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
			if !strings.HasPrefix(m[1], ".") {
				whole = m[1]
				rows = append(rows, whole)
				continue
			}
			for i, c := range whole {
				if c == '.' {
					rows = append(rows, whole[:i]+m[1])
				}
			}
		}
	}
	return rows
}

// covers reports whether a row speaks of a path: it names it, or what it is
// below. * of the row and <x> of the path are any name.
func covers(row, path string) bool {
	names, parts := strings.Split(row, "."), strings.Split(path, ".")
	if len(names) < 2 && len(parts) > 1 || len(names) > len(parts) {
		return false
	}
	for i, name := range names {
		if name != "*" && name != parts[i] && !strings.HasPrefix(parts[i], "<") {
			return false
		}
	}
	return true
}

// answers are the options, the args and the resources that there are.
func answers(t *testing.T) map[string]bool {
	t.Helper()
	f, diags := flake.Load("../..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	there := map[string]bool{}
	for name := range f.Args {
		there["arg "+name] = true
	}
	catalog, diags := eval.Options(t.Context(), nil, nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, o := range catalog.Options {
		there["option "+o.Path] = true
	}
	results := make([]*eval.Result, len(f.Hosts()))
	eval.NewFleet(f).Each(t.Context(), f.Hosts(), func(i int, r *eval.Result, _ hcl.Diagnostics) { results[i] = r })
	for _, r := range results {
		for name := range r.Spec.Packages {
			there["package "+name] = true
		}
		for path := range r.Spec.Files {
			there["file "+path] = true
		}
		for name := range r.Spec.Units {
			there["unit "+name] = true
		}
	}
	return there
}

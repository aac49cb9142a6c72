package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/spec"
)

const generated = "<!-- Made by 'hostctl options --markdown'; edit the option blocks in library/. -->\n\n"

// writeOptionPages writes the reference of the library: a page for each first
// element of a path, and an index. Pages of areas that are gone are deleted.
func writeOptionPages(ctx context.Context, dir string) error {
	c, diags := eval.Options(ctx, nil, nil)
	if diags.HasErrors() {
		return fmt.Errorf("cannot document the library: %w", diags)
	}
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString(generated + "# Options\n\nEvery option of hostctl's library, by area. `hostctl options show PATH` prints the same, with the module that implements it.\n\n")
	for i := 0; i < len(c.Options); {
		area, _, _ := strings.Cut(c.Options[i].Path, ".")
		end := i
		for end < len(c.Options) && area == first(c.Options[end].Path) {
			end++
		}
		pages[area+".md"] = optionPage(area, c.Options[i:end])
		fmt.Fprintf(&index, "- [%s](%s.md): %s\n", area, area, groups(c.Options[i:end]))
		i = end
	}
	pages["README.md"] = index.String()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write the pages: %w", err)
	}
	there, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return fmt.Errorf("cannot write the pages: %w", err)
	}
	for _, old := range there {
		text, err := os.ReadFile(old)
		if err == nil && pages[filepath.Base(old)] == "" && strings.HasPrefix(string(text), generated) {
			err = os.Remove(old)
		}
		if err != nil {
			return fmt.Errorf("cannot write the pages: %w", err)
		}
	}
	for _, name := range sortedKeys(pages) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(pages[name]), 0o644); err != nil {
			return fmt.Errorf("cannot write the pages: %w", err)
		}
	}
	return nil
}

func first(path string) string {
	name, _, _ := strings.Cut(path, ".")
	return name
}

// groups names what an area holds: its second elements.
func groups(options []eval.OptionDoc) string {
	var names []string
	for _, o := range options {
		parts := strings.Split(o.Path, ".")
		if len(parts) < 2 || parts[1] == "*" {
			return spec.Count(len(options), "option", "options")
		}
		if !slices.Contains(names, parts[1]) {
			names = append(names, parts[1])
		}
	}
	return strings.Join(names, ", ")
}

func optionPage(area string, options []eval.OptionDoc) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n", generated, area)
	for _, o := range options {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n- Type: `%s`\n", o.Path, strings.TrimSpace(o.Description), o.Type)
		if o.ReadOnly {
			b.WriteString("- Read-only: it follows from other options\n")
		}
		for _, part := range []struct{ name, text string }{{"Default", o.Default}, {"Example", o.Example}} {
			switch {
			case part.text == "":
			case strings.Contains(part.text, "\n"):
				fmt.Fprintf(&b, "- %s:\n\n  ```hcl\n  %s\n  ```\n\n", part.name, strings.ReplaceAll(part.text, "\n", "\n  "))
			default:
				fmt.Fprintf(&b, "- %s: `%s`\n", part.name, part.text)
			}
		}
		fmt.Fprintf(&b, "- Declared in `%s`\n", o.File)
	}
	return b.String()
}

package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/syntax"
)

func TestCommandPagesAreCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := writeDocs(newRootCommand(&env{}), "markdown", dir); err != nil {
		t.Fatal(err)
	}
	samePages(t, dir, "../../docs/commands")
}

func TestOptionPagesAreCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := writeOptionPages(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	samePages(t, dir, "../../docs/options")
}

// samePages compares the pages that were made just now with those that are
// committed.
func samePages(t *testing.T, dir, committed string) {
	t.Helper()
	made, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(committed)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != len(there) {
		t.Errorf("%s has %d pages, %d are made; run 'make docs'", committed, len(there), len(made))
	}
	for _, page := range made {
		want, err := os.ReadFile(filepath.Join(dir, page.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(committed, page.Name()))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s of %s is not what its source says (%v); run 'make docs'", page.Name(), committed, err)
		}
	}
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if err := writeDocs(newRootCommand(&env{}), "man", dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "hostctl-switch.1"))
	if err != nil || !strings.Contains(string(page), `.TH "HOSTCTL" "1"`) {
		t.Errorf("no man page of switch: %v", err)
	}
}

// TestEveryCommandHasAnExampleThatParses keeps help honest: each line of each
// example names a command, flags that it has and arguments that it takes.
func TestEveryCommandHasAnExampleThatParses(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
				continue
			}
			visit(sub)
			if sub.Example == "" {
				t.Errorf("%s has no example", sub.CommandPath())
			}
			for line := range strings.Lines(sub.Example) {
				parseExample(t, sub, strings.TrimSpace(line))
			}
		}
	}
	visit(newRootCommand(&env{}))
}

func parseExample(t *testing.T, of *cobra.Command, line string) {
	t.Helper()
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "hostctl" {
		t.Errorf("%s: example %q does not call hostctl", of.CommandPath(), line)
		return
	}
	for i, w := range words {
		words[i] = strings.Trim(w, `'"`)
	}
	c, rest, err := newRootCommand(&env{}).Find(words[1:])
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: example %q: %v", of.CommandPath(), line, err)
	}
}

// The HCL of this repository is formatted as it asks others to.
func TestOwnFilesAreFormatted(t *testing.T) {
	for _, dir := range []string{"../..", "../../test/host/testdata/small", "../../test/host/testdata/database"} {
		names, err := flake.Sources(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			made, _, diags := syntax.Format(name, src, map[string]*hcl.File{})
			if diags.HasErrors() {
				t.Error(diags)
			} else if string(made) != string(src) {
				t.Errorf("%s is not formatted; run 'hostctl fmt'", name)
			}
		}
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

type optionsOptions struct {
	markdown string
}

func newOptions(e *env) *cobra.Command {
	var o optionsOptions
	cmd := &cobra.Command{
		Use:   "options",
		Short: "List and document every option",
		Long: `List all options that a configuration can set: those of hostctl's library and,
inside a flake, those that its modules declare. A * in a path stands for any key:
user "anna" { shell = "zsh" } sets user.*.shell.

With --markdown DIR, write the reference of the library, one page for each area.`,
		Example: `  hostctl options
  hostctl options search ssh port
  hostctl options show services.openssh
  hostctl options --markdown docs/options`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runOptions(cmd.Context(), e, o) },
	}
	cmd.Flags().StringVar(&o.markdown, "markdown", "", "write the pages of the library into this `DIR`")
	cmd.AddCommand(
		&cobra.Command{
			Use:   "search WORD...",
			Short: "Search the options by what they do",
			Long: `List the options whose path or description contains all the words, and those
that the words usually mean, likeliest first. The names that plain Debian,
Ansible, Terraform and NixOS use work too. If the options alone do not say how to
do it, a line below them does.`,
			Example: "  hostctl options search open port\n  hostctl options search cron\n  hostctl options search environment.systemPackages\n  hostctl options search --json kernel",
			Args:    cobra.MinimumNArgs(1),
			RunE:    func(cmd *cobra.Command, args []string) error { return runOptionsSearch(cmd.Context(), e, args) },
		},
		&cobra.Command{
			Use:   "show PATH",
			Short: "Document an option, or all below a path, with the module that implements them",
			Long: `Print the type, default, example and description of an option, or of every
option below a path, with the place where it is declared and the text of that
module. The library is written in the same language as your own modules.`,
			Example:           "  hostctl options show services.openssh\n  hostctl options show --json user.anna.shell",
			Args:              cobra.ExactArgs(1),
			ValidArgsFunction: completeOptions(e),
			RunE:              func(cmd *cobra.Command, args []string) error { return runOptionsShow(cmd.Context(), e, args[0]) },
		},
	)
	return cmd
}

func runOptions(ctx context.Context, e *env, o optionsOptions) error {
	if o.markdown != "" {
		return writeOptionPages(ctx, o.markdown)
	}
	c, err := e.catalog(ctx)
	if err != nil {
		return err
	}
	return e.listOptions(c.Options)
}

func runOptionsSearch(ctx context.Context, e *env, words []string) error {
	c, err := e.catalog(ctx)
	if err != nil {
		return err
	}
	question := strings.Join(words, " ")
	s := newSearch(c.Options, question)
	found, note := s.best()
	if len(found) == 0 && !e.json {
		return s.nothing(question)
	}
	if err := e.listOptions(found); err != nil || note == "" || e.json {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "\n%s\n", note)
	return err
}

func runOptionsShow(ctx context.Context, e *env, path string) error {
	c, err := e.catalog(ctx)
	if err != nil {
		return err
	}
	found := at(c.Options, path)
	if len(found) == 0 {
		hint := "'hostctl options search WORD' looks for words"
		if near := meantPlace(places(c.Options), path); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return fmt.Errorf("cannot find an option at or below %q; %s", path, hint)
	}
	if e.json {
		return e.writeJSON(found)
	}
	var b strings.Builder
	var files []string
	for i, o := range found {
		if i > 0 {
			b.WriteString("\n")
		}
		writeOption(&b, o)
		if !slices.Contains(files, o.File) {
			files = append(files, o.File)
		}
	}
	for _, file := range files {
		fmt.Fprintf(&b, "\n---- %s\n\n%s", file, c.Source(file))
	}
	_, err = fmt.Fprint(e.stdout, b.String())
	return err
}

func writeOption(b *strings.Builder, o eval.OptionDoc) {
	fmt.Fprintf(b, "%s\n", o.Path)
	for line := range strings.Lines(o.Description) {
		fmt.Fprintf(b, "  %s\n", strings.TrimRight(line, "\n"))
	}
	readOnly := ""
	if o.ReadOnly {
		readOnly = ", read-only"
	}
	fmt.Fprintf(b, "  type      %s%s\n", o.Type, readOnly)
	for _, part := range []struct{ name, text string }{{"default", o.Default}, {"example", o.Example}} {
		if part.text != "" {
			fmt.Fprintf(b, "  %-9s %s\n", part.name, strings.ReplaceAll(part.text, "\n", "\n            "))
		}
	}
	fmt.Fprintf(b, "  declared  %s:%d\n", o.File, o.Line)
}

// catalog documents the library and, where there is a flake, what the
// modules of --host or of all its hosts declare.
func (e *env) catalog(ctx context.Context) (*eval.Catalog, error) {
	ctx, end := e.bounded(ctx)
	defer end()
	f, hosts, err := e.flakeIfAny()
	if err != nil {
		return nil, err
	}
	c, diags := eval.Options(ctx, f, hosts)
	// What does not parse or load is validate's to report.
	if f == nil {
		return c, e.report(nil, diags)
	}
	return c, nil
}

func (e *env) flakeIfAny() (f *flake.Flake, hosts []string, err error) {
	_, err = os.Stat(filepath.Join(e.flakeDir, "flake.hcl"))
	if errors.Is(err, os.ErrNotExist) && e.flakeDir == "." {
		return nil, nil, nil
	}
	f, diags := e.load()
	if diags.HasErrors() {
		return nil, nil, e.report(f, diags)
	}
	if e.host != "" {
		if f.Host(e.host) == nil {
			return nil, nil, fmt.Errorf("cannot find host %q in %s; it has: %s", e.host, f.Dir, strings.Join(f.Hosts(), ", "))
		}
		return f, []string{e.host}, nil
	}
	return f, f.Hosts(), nil
}

func (e *env) listOptions(options []eval.OptionDoc) error {
	if e.json {
		return e.writeJSON(options)
	}
	width := 0
	for _, o := range options {
		width = max(width, len(o.Path))
	}
	var b strings.Builder
	for _, o := range options {
		first, _, _ := strings.Cut(o.Description, "\n")
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-*s  %-14s  %s", width, o.Path, o.Type, first), " "))
	}
	_, err := fmt.Fprint(e.stdout, b.String())
	return err
}

// at are the options that path names or stands above: user.anna.shell is
// user.*.shell.
func at(options []eval.OptionDoc, path string) []eval.OptionDoc {
	want := elements(path)
	return slices.DeleteFunc(slices.Clone(options), func(o eval.OptionDoc) bool {
		have := strings.Split(o.Path, ".")
		if len(have) < len(want) {
			return true
		}
		for i, w := range want {
			if w != have[i] && have[i] != option.Any {
				return true
			}
		}
		return false
	})
}

// elements splits a path that people typed: file["/etc/motd"].mode.
func elements(path string) []string {
	var out []string
	for path != "" {
		if rest, ok := strings.CutPrefix(path, `["`); ok {
			key, after, _ := strings.Cut(rest, `"]`)
			out, path = append(out, key), strings.TrimPrefix(after, ".")
			continue
		}
		i := strings.IndexAny(path, ".[")
		switch {
		case i < 0:
			return append(out, path)
		case path[i] == '.':
			out, path = append(out, path[:i]), path[i+1:]
		case i == 0:
			return append(out, path)
		default:
			out, path = append(out, path[:i]), path[i:]
		}
	}
	return out
}

// meantPlace is the only place that ends as a path does or, failing that, the one
// that a misspelt path probably meant; "" is none.
func meantPlace(all []string, path string) string {
	ends := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return !strings.HasSuffix(p, "."+path) })
	if len(ends) == 1 {
		return ends[0]
	}
	return option.NearestPath(elements(path), all)
}

// places are all paths of options and of what stands above them.
func places(options []eval.OptionDoc) []string {
	seen := map[string]bool{}
	for _, o := range options {
		parts := strings.Split(o.Path, ".")
		for i := range parts {
			seen[strings.Join(parts[:i+1], ".")] = true
		}
	}
	return sortedKeys(seen)
}

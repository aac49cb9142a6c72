package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/eval"
)

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeHosts offers the names of the flake's hosts to the shell.
func completeHosts(e *env) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		f, diags := e.readFlake(cmd.Context())
		if diags.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f.Hosts(), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeInputs offers the names of the flake's inputs that are not given
// yet.
func completeInputs(e *env) completer {
	return func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		f, diags := e.readFlake(cmd.Context())
		if diags.HasErrors() {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		left := slices.DeleteFunc(f.InputNames(), func(name string) bool { return slices.Contains(given, name) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeOptions offers paths of options as far as the next dot, so that the
// shell goes down the tree with the user.
func completeOptions(e *env) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		quiet := *e
		quiet.stderr = io.Discard // a shell that completes shows no errors
		c, err := quiet.catalog(cmd.Context())
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		out, deeper := nextElements(places(c.Options), typed)
		if deeper {
			return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeValues offers what lies on a host at the path that is typed: its entries
// and the elements of its values, where it can be evaluated; else options.
func completeValues(e *env) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		quiet := *e
		quiet.stderr = io.Discard
		f, name, err := quiet.loadFlake()
		if err != nil || len(args) > 0 {
			return completeOptions(e)(cmd, args, typed)
		}
		r, diags := eval.Host(cmd.Context(), f, name)
		if diags.HasErrors() {
			return completeOptions(e)(cmd, args, typed)
		}
		out := r.Continue(typed)
		if slices.ContainsFunc(out, func(path string) bool { return strings.HasSuffix(path, ".") }) {
			return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// nextElements are the paths that start with typed and have no element more
// than it, with a dot where something lies below; deeper says that one does.
func nextElements(paths []string, typed string) (out []string, deeper bool) {
	above := map[string]bool{}
	for _, p := range paths {
		if i := strings.LastIndex(p, "."); i > 0 {
			above[p[:i]] = true
		}
	}
	for _, p := range paths {
		if strings.HasPrefix(p, typed) && !strings.Contains(p[len(typed):], ".") {
			if above[p] {
				p, deeper = p+".", true
			}
			out = append(out, p)
		}
	}
	return out, deeper
}

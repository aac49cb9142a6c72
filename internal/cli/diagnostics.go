package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
)

// report prints what is wrong, or only doubtful, in a configuration. Its
// error has been said already. With --json all of it is kept until the end,
// which prints one document.
func (e *env) report(f *flake.Flake, diags hcl.Diagnostics) error {
	if e.cancelled() {
		return context.Canceled
	}
	e.doubtful = e.doubtful || len(diags) > 0
	if e.shownBefore() && !diags.HasErrors() { // said where it was typed
		return nil
	}
	if f != nil {
		e.files = f.Files
	}
	if shown := some(diags); e.json {
		e.found = append(e.found, shown...)
	} else if err := e.writeDiagnostics(shown); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &exitError{code: exitFailed}
	}
	return nil
}

// maxShown is how many diagnostics a command shows. Nobody reads more, and to
// print all that can be wrong with a configuration takes longer than to evaluate
// it.
const maxShown = 1000

// some are the diagnostics that are shown, errors before warnings where these are
// not all.
func some(diags hcl.Diagnostics) hcl.Diagnostics {
	if len(diags) <= maxShown {
		return diags
	}
	sorted := slices.Clone(diags)
	slices.SortStableFunc(sorted, func(a, b *hcl.Diagnostic) int { return int(a.Severity) - int(b.Severity) })
	return append(sorted[:maxShown], &hcl.Diagnostic{
		Severity: sorted[maxShown].Severity, Summary: fmt.Sprintf("%d more", len(diags)-maxShown),
		Detail: "They are not shown; these come first.",
	})
}

func (e *env) writeDiagnostics(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if err := writeDiagnostic(e.stderr, d, e.files, color(e.stderr)); err != nil {
			return err
		}
	}
	return nil
}

// load reads the flake.
func (e *env) load() (*flake.Flake, hcl.Diagnostics) {
	f, diags := flake.Load(e.flakeDir)
	if f != nil {
		f.Offline = e.offline
	}
	return f, diags
}

// readFlake is for what reads flake.hcl and evaluates nothing.
func (e *env) readFlake(ctx context.Context) (*flake.Flake, hcl.Diagnostics) {
	_, end := e.bounded(ctx)
	defer end()
	return e.load()
}

// loadFlake reads the flake and tells which of its hosts is meant: --host, or
// the one that this machine is called.
func (e *env) loadFlake() (*flake.Flake, string, error) {
	f, diags := e.load()
	if err := e.report(f, diags); err != nil {
		return nil, "", err
	}
	name, err := e.hostName()
	if err != nil {
		return nil, "", err
	}
	if f.Host(name) == nil {
		known := strings.Join(f.Hosts(), ", ")
		if known == "" {
			return nil, "", fmt.Errorf("cannot find host %q: %s has no host; add one to its flake.hcl: host %q { modules = [...] }", name, f.Dir, name)
		}
		if e.host == "" {
			return nil, "", fmt.Errorf("cannot find host %q (this machine's name) in %s; give --host, one of: %s", name, f.Dir, known)
		}
		return nil, "", errors.New("cannot find host \"" + name + "\" in " + f.Dir + "; it has: " + known)
	}
	return f, name, nil
}

// hostName is the host that is meant: --host, else this machine's name.
func (e *env) hostName() (string, error) {
	if e.host != "" {
		return e.host, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cannot tell this machine's host name: %w; give --host", err)
	}
	name, _, _ = strings.Cut(name, ".")
	return name, nil
}

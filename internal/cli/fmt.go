package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/syntax"
	"github.com/hostctl/hostctl/internal/config/tree"
)

type fmtOptions struct {
	check bool
}

func newFmt(e *env) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [FILE...]",
		Short: "Format the files of the flake",
		Long: `Rewrite FILEs, or every .hcl file of the flake, in the canonical HCL format (that
of 'terraform fmt'), with one newline at the end, and print the names of the
files that changed. fmt skips hidden folders and folders with their own
flake.hcl. It keeps line ends, even CRLF. If a file has both kinds, all of them
become LF, including those inside texts, and a line on stderr says so. fmt
reports a file that does not parse and leaves it alone. It replaces a file as a
whole or not at all. - formats stdin to stdout. With --json, print mistakes as
'hostctl validate --json' does, the names of changed files in "changed", and
those that had both kinds of line ends in "mixed_line_ends".

Exit codes: 0 done, or with --check, nothing to do; 1 a file cannot be read or
does not parse; 3 with --check, some files are not formatted (fmt lists them and
does not write them).`,
		Example: `  hostctl fmt
  hostctl fmt --check
  hostctl fmt hosts/web/default.hcl`,
		RunE: func(_ *cobra.Command, args []string) error { return runFmt(e, o, args) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit code 3 where something would change")
	return cmd
}

func runFmt(e *env, o fmtOptions, names []string) error {
	if len(names) == 1 && names[0] == "-" {
		return e.formatStdin()
	}
	if len(names) == 0 {
		var err error
		if names, err = flake.Sources(e.flakeDir); err != nil {
			return err
		}
		for i, name := range names {
			names[i] = filepath.Join(e.flakeDir, name)
		}
	}
	files := map[string]*hcl.File{}
	var diags hcl.Diagnostics
	var errs []error
	done := formatted{Changed: []string{}}
	for _, name := range names {
		src, err := e.ownFile(name).Read(tree.MaxModule)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot format: %w", err))
			continue
		}
		made, mixed, d := syntax.Format(name, src, files)
		diags = append(diags, d...)
		if d.HasErrors() || bytes.Equal(made, src) {
			continue
		}
		if !o.check {
			if err := replaceFile(name, made); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		done.Changed = append(done.Changed, name)
		if mixed {
			done.Mixed = append(done.Mixed, name)
		}
	}
	e.files = files
	if err := e.sayFormatted(done, o.check, diags, errs); err != nil {
		return err
	}
	if o.check && len(done.Changed) > 0 {
		return &exitError{code: exitUnformatted}
	}
	return nil
}

// ownFile is a file that a command line names, of the flake if it lies there.
func (e *env) ownFile(path string) tree.File {
	root, rootErr := filepath.Abs(e.flakeDir)
	full, err := filepath.Abs(path)
	if rootErr == nil && err == nil {
		if name, err := filepath.Rel(root, full); err == nil && filepath.IsLocal(name) {
			return tree.File{Root: e.flakeDir, Name: name}
		}
	}
	return tree.File{Root: filepath.Dir(path), Name: filepath.Base(path)}
}

// formatted is what fmt prints as JSON: which files it wrote, or with --check
// would, beside what is wrong with others.
type formatted struct {
	verdictJSON
	Changed []string `json:"changed"`
	Mixed   []string `json:"mixed_line_ends,omitempty"` // of those, where all become LF
}

func (e *env) sayFormatted(done formatted, check bool, diags hcl.Diagnostics, errs []error) error {
	if e.json {
		for _, err := range errs {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: err.Error()})
		}
		done.verdictJSON = asJSON(diags, e.files)
		if err := e.writeJSON(done); err != nil {
			return err
		}
	} else {
		for _, name := range done.Changed {
			fmt.Fprintln(e.stdout, name)
		}
		for _, name := range done.Mixed {
			e.sayMixed(name, check)
		}
		if err := e.writeDiagnostics(diags); err != nil {
			return err
		}
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
	if diags.HasErrors() {
		return &exitError{code: exitFailed}
	}
	return nil
}

func (e *env) sayMixed(name string, check bool) {
	become := "are LF now"
	if check {
		become = "would become LF"
	}
	e.say("%s had line ends of both kinds, CRLF and LF: all %s", name, become)
}

func (e *env) formatStdin() error {
	if e.json {
		return errors.New("cannot print JSON: what 'hostctl fmt -' prints is the file; name files instead")
	}
	src, err := io.ReadAll(e.stdin)
	if err != nil {
		return fmt.Errorf("cannot format stdin: %w", err)
	}
	e.files = map[string]*hcl.File{}
	made, mixed, diags := syntax.Format("stdin", src, e.files)
	if err := e.writeDiagnostics(diags); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &exitError{code: exitFailed}
	}
	if mixed {
		e.sayMixed("stdin", false)
	}
	e.stdout.exact = true
	_, err = e.stdout.Write(made)
	return err
}

package flake

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Sources are the .hcl files below a flake's folder, relative to it, sorted,
// whether or not something imports them. Hidden folders are left out, and
// folders with a flake.hcl of their own: these are other flakes.
func Sources(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != dir && (strings.HasPrefix(d.Name(), ".") || ownFlake(p)):
			return filepath.SkipDir
		case !d.Type().IsRegular() || filepath.Ext(p) != ".hcl":
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the files of %s: %w", dir, err)
	}
	return out, nil
}

func ownFlake(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "flake.hcl"))
	return err == nil
}

// ParseRest parses the files of the flake that nothing has loaded, so that a
// mistake in one that is not imported yet, or no more, is seen. What the files
// mean is not known: it depends on who imports them.
func (f *Flake) ParseRest() hcl.Diagnostics {
	names, err := Sources(f.Dir)
	if err != nil {
		return failure("Cannot read the flake", err.Error()+".", nil)
	}
	var diags hcl.Diagnostics
	for _, name := range names {
		if name == "flake.hcl" || f.Files[name] != nil {
			continue
		}
		src, err := os.ReadFile(filepath.Join(f.Dir, name))
		if err != nil {
			diags = append(diags, failure("Cannot read the flake", err.Error()+".", nil)...)
			continue
		}
		file, d := Parse(name, src)
		if file == nil {
			file = &hcl.File{Bytes: src}
		}
		f.Files[name] = file
		diags = append(diags, d...)
	}
	return diags
}

// ParseExpression reads one expression, as Parse reads a file.
func ParseExpression(name string, src []byte) (hclsyntax.Expression, hcl.Diagnostics) {
	if diags := guard(name, src); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseExpression(src, name, hcl.InitialPos)
}

package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/syntax"
	"github.com/hostctl/hostctl/internal/config/tree"
)

// Sources are the .hcl files below a flake's folder, relative to it, sorted,
// whether or not something imports them. It leaves out hidden folders and folders
// with their own flake.hcl, which are other flakes.
func Sources(dir string) ([]string, error) {
	var out []string
	err := tree.Walk(dir, func(e *tree.Entry) error {
		base := filepath.Base(e.Name)
		switch {
		case e.IsDir() && e.Name != "." && (strings.HasPrefix(base, ".") || ownFlake(dir, e.Name)):
			return fs.SkipDir
		case e.IsRegular() && filepath.Ext(base) == ".hcl":
			out = append(out, e.Name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the files of %s: %w", dir, err)
	}
	return out, nil
}

func ownFlake(root, name string) bool {
	_, err := tree.File{Root: root, Name: name}.Join("flake.hcl").Stat()
	return !errors.Is(err, fs.ErrNotExist)
}

// ParseRest parses the files of the flake that nothing has loaded, to find mistakes
// in files that are not imported yet or no longer. What such a file means is
// unknown: it depends on who imports it.
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
		src, err := f.File(name).Read(tree.MaxModule)
		if err != nil {
			diags = append(diags, failure("Cannot read the flake", fmt.Sprintf("Cannot read %s: %v.", name, underlying(err)), nil)...)
			continue
		}
		file, d := syntax.Parse(name, src)
		if file == nil {
			file = &hcl.File{Bytes: src}
		}
		f.Files[name] = file
		diags = append(diags, d...)
	}
	return diags
}

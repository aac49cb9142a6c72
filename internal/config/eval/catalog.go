package eval

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
)

// Catalog documents options.
type Catalog struct {
	Options []OptionDoc // by path
	files   map[string]*hcl.File
}

// OptionDoc is the content of an option block. Default and Example are the
// text of their expressions.
type OptionDoc struct {
	Path        string `json:"path"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	Default     string `json:"default,omitempty"`
	Example     string `json:"example,omitempty"`
	ReadOnly    bool   `json:"read_only,omitempty"`
	File        string `json:"file"` // library/... for the library
	Line        int    `json:"line"`
}

// Options documents the library and what the modules of the named hosts
// declare, without evaluating anything but module lists; f may be nil.
func Options(ctx context.Context, f *flake.Flake, hosts []string) (*Catalog, hcl.Diagnostics) {
	if f == nil {
		f, hosts = &flake.Flake{Files: map[string]*hcl.File{}}, nil
	}
	fleet := NewFleet(f)
	c := &Catalog{files: f.Files}
	var diags hcl.Diagnostics
	e := newEvaluator(ctx, fleet)
	c.add(e)
	diags = append(diags, e.log.All()...)
	for _, name := range hosts {
		e := newEvaluator(ctx, fleet)
		if e.host = f.Host(name); e.host == nil {
			continue
		}
		e.loadAll()
		c.add(e)
		diags = append(diags, e.log.All()...)
	}
	slices.SortFunc(c.Options, func(a, b OptionDoc) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.File, b.File))
	})
	c.Options = slices.Compact(c.Options)
	return c, diags
}

func (c *Catalog) add(e *evaluator) {
	e.root.Walk(func(n *option.Node) {
		if n == e.root {
			return
		}
		d := e.declaration(n)
		if d.Range.Filename == "" {
			return // its file did not parse
		}
		c.Options = append(c.Options, OptionDoc{
			Path: d.Path.String(), Type: d.Type.String(), Description: d.Description, ReadOnly: d.ReadOnly,
			Default: e.sourceOf(d.Default), Example: e.sourceOf(d.Example), File: d.Range.Filename, Line: d.Range.Start.Line,
		})
	})
}

// Source is the text of a file that declares options, or "".
func (c *Catalog) Source(file string) string {
	if f := c.files[file]; f != nil {
		return string(f.Bytes)
	}
	return ""
}

// sourceOf is an expression as written in its file, without the
// indentation of its block.
func (e *evaluator) sourceOf(x hcl.Expression) string {
	if x == nil {
		return ""
	}
	text, _ := e.fleet.text(x.Range())
	return strings.TrimSuffix(strings.ReplaceAll(text, "\n  ", "\n"), "\n")
}

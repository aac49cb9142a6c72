package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const renamed = `
-- t.hcl --
option "gfx.new.enable" {
  type    = bool
  default = false
}
option "gfx.new.level" { type = optional(number) }
option "gfx.deep.er.x" { type = optional(string) }
option "my.text" { type = optional(string) }
option "box.*.groups" { type = list(string) }
moved {
  from = "gfx.old.enable"
  to   = "gfx.new.enable"
}
moved {
  from = "gfx.old.level"
  to   = "gfx.new.level"
}
moved {
  from = "gfx.x"
  to   = "gfx.deep.er.x"
}
moved {
  from = "box.*.extra_groups"
  to   = "box.*.groups"
}
moved {
  from = "crate"
  to   = "box"
}
moved {
  from    = "gfx.colours"
  message = "Write them into my.text."
}
`

func movedCases() []evalCase {
	return []evalCase{
		{name: "moved: a definition of the old path is one of the new", option: "gfx.new.enable", want: `true`,
			warns: []string{"gfx.old.enable is now gfx.new.enable"}, files: `
gfx {
  old { enable = true }
}` + renamed},
		{name: "moved: a read of the old path is one of the new", option: "my.text", want: `"true"`,
			warns: []string{"gfx.old.enable is now gfx.new.enable"}, files: `
gfx {
  new { enable = true }
}
my { text = config.gfx.old.enable }` + renamed},
		{name: "moved: below a map", option: "my.text", want: `"a"`,
			warns: []string{"box.*.extra_groups is now box.*.groups", "box.*.extra_groups is now box.*.groups"}, files: `
box "b" { extra_groups = ["a"] }
my { text = join(" ", [for n, b in config.box : b.extra_groups[0]]) }` + renamed},
		{name: "moved: a whole map", option: "my.text", want: `"a"`, warns: []string{"crate is now box", "crate is now box"}, files: `
crate "b" { groups = ["a"] }
my { text = config.crate.b.groups[0] }` + renamed},
		{name: "moved: what is gone says what to do", errs: []string{"gfx.colours is gone. Write them into my.text.", "gfx.colours is gone"}, files: `
gfx { colours = 1 }
my { text = config.gfx.colours }` + renamed},
		{name: "moved: the old name is no name that could be meant", errs: []string{`There is no option "lod" below gfx.`}, files: `
gfx { lod = 1 }` + renamed},
		{name: "moved: the new path exists and the old does not", errs: []string{
			"within its map", "box.*.groups is still declared", `no option "nothing" below my`, "takes from, to and message", "A moved block takes from and to, two option paths"}, files: `
moved {
  from = "box.*.a"
  to   = "my.text"
}
moved {
  from = "box.*.groups"
  to   = "box.*.other"
}
moved {
  from = "my.gone"
  to   = "my.nothing"
}
moved {
  from    = "my.g"
  message = "x"
  too     = "y"
}
moved { from = "x" }` + renamed},
		{name: "moved: a computed map must use the new name", errs: []string{"box.*.extra_groups is now box.*.groups, and a computed map"}, files: `
box = { for k in ["a"] : k => { extra_groups = [k] } }` + renamed},
		{name: "moved: twice", option: "my.b", want: `"x"`, warns: []string{"my.a1 is now my.b"}, files: `
option "my.b" { type = string }
moved {
  from = "my.a1"
  to   = "my.a2"
}
moved {
  from = "my.a2"
  to   = "my.b"
}
my { a1 = "x" }`},
		{name: "moved: in a circle", errs: []string{"in a circle", "in a circle"}, files: `
moved {
  from = "my.a1"
  to   = "my.a2"
}
moved {
  from = "my.a2"
  to   = "my.a1"
}`},
	}
}

func TestFixes(t *testing.T) {
	dir := writeFlake(t, `
gfx {
  old {
    enable = true # kept
    level  = 2
  }
}
my { text = "${config.gfx.old.level} ${config.box["a b"].extra_groups[0]}" }
box "a b" { extra_groups = ["x"] }
config {
  gfx { x = "by hand" }
}
`+renamed)
	r, diags := evalDir(t, dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	fixes := r.Fixes()
	slices.SortFunc(fixes, func(a, b Fix) int { return b.Range.Start.Byte - a.Range.Start.Byte })
	src, err := os.ReadFile(filepath.Join(dir, "h.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	for _, f := range fixes {
		if f.ByHand == "" {
			text = text[:f.Range.Start.Byte] + f.Text + text[f.Range.End.Byte:]
		} else if f.From != "gfx.x" {
			t.Errorf("by hand: %+v", f)
		}
	}
	want := `
gfx {
  new {
    enable = true # kept
    level  = 2
  }
}
my { text = "${config.gfx.new.level} ${config.box["a b"].groups[0]}" }
box "a b" { groups = ["x"] }
config {
  gfx { x = "by hand" }
}
`
	if strings.TrimSpace(text) != strings.TrimSpace(want) {
		t.Errorf("fixed it is\n%s\nwant\n%s", text, want)
	}
}

// The old path also finds the option on the command line.
func TestMovedPaths(t *testing.T) {
	r, diags := evalDir(t, writeFlake(t, `
box "b" { groups = ["a"] }
gfx {
  new { enable = true }
}`+renamed))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for old, now := range map[string]string{
		"gfx.old.enable": "gfx.new.enable", "box.b.extra_groups": "box.b.groups", "crate.b.extra_groups": "box.b.groups", "gfx.x": "gfx.deep.er.x", "box.b.groups": "box.b.groups",
	} {
		if x, diags := r.Explain(old); diags.HasErrors() || x.Path != now {
			t.Errorf("%s explains %+v (%v), want %s", old, x, diags, now)
		}
	}
	if _, diags := r.Explain("gfx.old.nothing"); !diags.HasErrors() {
		t.Error("gfx.old.nothing is explained")
	}
}

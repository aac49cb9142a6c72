package eval

import "testing"

// The rows of language.md's Merging, each by its words. What every pair of
// layer and priority comes to is TestMergeLayers and option's TestMergePairs.

// libraryRow: options.hcl declares what these cases define.
const libraryRow = `
-- options.hcl --
option "m.s" {
  type    = optional(string)
  default = "d"
}
option "m.must" { type = string }
option "m.list" {
  type    = list(string)
  default = ["d"]
}
option "m.set" {
  type    = set(string)
  default = ["d"]
}
option "m.lines" {
  type    = lines
  default = "d"
}
option "m.map" {
  type    = map(string)
  default = { d = "d" }
}
option "m.obj" {
  type    = object({ a = string, b = optional(string) })
  default = { a = "d" }
}
option "m.any" {
  type    = any
  default = { d = { d = 1 } }
}
` + threeLayers

func rowCases() []evalCase {
	return append(append(scalarRows(), listRows()...), keyedRows()...)
}

func scalarRows() []evalCase {
	empty := "-- flake1.hcl --\n-- flake2.hcl --\n-- template1.hcl --\n-- template2.hcl --\n-- host2.hcl --\n"
	return []evalCase{
		{name: "layers: library < flake < template < host", option: "m.s", want: `"h"`, files: empty + `
-- flake1.hcl --
m { s = "f" }
-- template1.hcl --
m { s = "t" }
-- host1.hcl --
m { s = "h" }` + libraryRow},
		{name: "layers: a module belongs to the layer that first reached it", option: "m.s", want: `"t"`, files: empty + `
-- shared.hcl --
m { s = "shared" }
-- flake1.hcl --
imports = ["./shared.hcl"]
-- template1.hcl --
m { s = "t" }
-- host1.hcl --
imports = ["./shared.hcl"]` + libraryRow},
		{name: "priorities: the option's own default is the weakest", option: "m.s", want: `"f"`, files: empty + `
-- flake1.hcl --
m { s = default("f") }
-- host1.hcl --` + libraryRow},
		{name: "scalars: two plain values of one layer show both ranges", errs: []string{
			`host2.hcl:1,13-18: Conflicting definitions; m.s is the string "two" here and the string "one" at host1.hcl:1, all in the host layer`}, files: empty + `
-- host1.hcl --
m { s = "one" }
-- host2.hcl --
m {     s = "two" }` + libraryRow},
		{name: "scalars: a value of a stronger layer ends a conflict of weaker ones", option: "m.s", want: `"h"`, files: empty + `
-- template1.hcl --
m { s = "one" }
-- template2.hcl --
m { s = "two" }
-- host1.hcl --
m { s = "h" }` + libraryRow},
		{name: "scalars: equal values agree", option: "m.s", want: `"22"`, files: empty + `
-- host1.hcl --
m { s = 22 }
-- host2.hcl --
m { s = "22" }` + libraryRow},
		{name: "files: a file beats those it imports, directly or not", option: "m.s", want: `"h"`, files: empty + `
-- host1.hcl --
imports = ["./mid.hcl"]
m { s = "h" }
-- mid.hcl --
imports = ["./deep.hcl"]
-- deep.hcl --
m { s = "deep" }` + libraryRow},
		{name: "files: an import that nothing relates conflicts", errs: []string{"all in the host layer"}, files: empty + `
-- host1.hcl --
imports = ["./a.hcl", "./b.hcl"]
-- a.hcl --
m { s = "a" }
-- b.hcl --
m { s = "b" }` + libraryRow},
		{name: "files: force against the force of an import", option: "m.s", want: `"h"`, files: empty + `
-- host1.hcl --
imports = ["./a.hcl"]
m { s = force("h") }
-- a.hcl --
m { s = force("a") }` + libraryRow},
		{name: "null: not defined here", option: "m.s", want: `"t"`, files: empty + `
-- template1.hcl --
m { s = "t" }
-- host1.hcl --
m { s = null }` + libraryRow},
		{name: "null: force(null) drops the weaker and the default", option: "m.s", want: `null`, files: empty + `
-- template1.hcl --
m { s = force("t") }
-- host1.hcl --
m { s = force(null) }` + libraryRow},
		{name: "null: a stronger force wins over force(null)", option: "m.s", want: `"h"`, files: empty + `
-- template1.hcl --
m { s = force(null) }
-- host1.hcl --
m { s = force("h") }` + libraryRow},
		{name: "errors: all of a run, each with the nearest name", errs: []string{
			`Did you mean "list"?`, "expected a string, got a list", "m.must has no value", "m.obj needs a: a string"}, files: empty + `
-- host1.hcl --
m { lits = [] }
m { s = ["x"] }
m { lines = config.m.must }
m { obj = force({ b = "x" }) }` + libraryRow},
	}
}

func listRows() []evalCase {
	empty := "-- flake1.hcl --\n-- flake2.hcl --\n-- template1.hcl --\n-- template2.hcl --\n-- host2.hcl --\n"
	return []evalCase{
		{name: "lists: only the highest priority counts, weakest layer first", option: "m.list", want: `["f","t","h"]`, files: empty + `
-- flake1.hcl --
m { list = ["f"] }
-- template1.hcl --
m { list = ["t"] }
-- template2.hcl --
m { list = default(["no"]) }
-- host1.hcl --
m { list = ["h"] }` + libraryRow},
		{name: "lists: default() in two layers, where nothing is plain", option: "m.list", want: `["f","h"]`, files: empty + `
-- flake1.hcl --
m { list = default(["f"]) }
-- host1.hcl --
m { list = default(["h"]) }` + libraryRow},
		{name: "lists: force replaces", option: "m.list", want: `["t"]`, files: empty + `
-- template1.hcl --
m { list = force(["t"]) }
-- host1.hcl --
m { list = ["h"] }` + libraryRow},
		{name: "lists: an element may be forced, which drops those that are not", option: "m.list", want: `["x"]`, warns: []string{"Beaten in its own list"}, files: empty + `
-- template1.hcl --
m { list = ["t"] }
-- host1.hcl --
m { list = [force("x"), "y"] }` + libraryRow},
		{name: "lists: before and after order, of the whole and of elements", option: "m.list", want: `["b","bt","t","h","ah","a"]`, files: empty + `
-- template1.hcl --
m { list = ["t", before("bt"), after("ah")] }
-- flake1.hcl --
m { list = before(["b"]) }
-- host1.hcl --
m { list = ["h", after("a")] }` + libraryRow},
		{name: "lists: duplicates stay, in a set they do not", option: "m.list", want: `["x","x"]`, files: empty + `
-- template1.hcl --
m { list = ["x"] }
-- host1.hcl --
m { list = ["x"] }` + libraryRow},
		{name: "sets: duplicates are dropped", option: "m.set", want: `["x","y"]`, files: empty + `
-- template1.hcl --
m { set = ["y", "x"] }
-- host1.hcl --
m { set = ["x"] }` + libraryRow},
		{name: "lists: without() takes what the default put in, and keeps the rest of it", option: "m.list", want: `[]`, files: empty + `
-- host1.hcl --
m { list = without("d") }` + libraryRow},
		{name: "lists: without() beside elements takes what a weaker layer put in", option: "m.list", want: `["b","h"]`, files: empty + `
-- template1.hcl --
m { list = ["a", "b"] }
-- host1.hcl --
m { list = ["h", without("a")] }` + libraryRow},
		{name: "lists: without() leaves its own layer", option: "m.list", want: `["a"]`, warns: []string{"No weaker layer"}, files: empty + `
-- host1.hcl --
m { list = ["a"] }
-- host2.hcl --
m { list = without("a") }` + libraryRow},
		{name: "lists: null elements are none", option: "m.list", want: `["a"]`, files: empty + `
-- host1.hcl --
m { list = ["a", null, host.name == "h" ? null : "b"] }` + libraryRow},
		{name: "lists: null alone is no definition", option: "m.list", want: `["d"]`, files: empty + `
-- host1.hcl --
m { list = null }` + libraryRow},
		{name: "lines: joined by one newline, in the order of lists", option: "m.lines", want: `"t\nh\n"`, files: empty + `
-- template1.hcl --
m { lines = "t\n" }
-- host1.hcl --
m { lines = "h" }` + libraryRow},
		{name: "lines: before and after", option: "m.lines", want: `"h\nt\nz\n"`, files: empty + `
-- template1.hcl --
m { lines = "t" }
-- template2.hcl --
m { lines = after("z") }
-- host1.hcl --
m { lines = before("h") }` + libraryRow},
	}
}

func keyedRows() []evalCase {
	empty := "-- flake1.hcl --\n-- flake2.hcl --\n-- template1.hcl --\n-- template2.hcl --\n-- host2.hcl --\n"
	return []evalCase{
		{name: "maps: key by key, the default's too", option: "m.map", want: `{"d":"h","t":"t"}`, files: empty + `
-- template1.hcl --
m { map = { t = "t" } }
-- host1.hcl --
m { map = { d = "h" } }` + libraryRow},
		{name: "maps: a block says the same", option: "m.map", want: `{"d":"d","h":"h","t":"t"}`, files: empty + `
-- template1.hcl --
m {
  map { t = "t" }
}
-- host1.hcl --
m = { map = { h = "h" } }` + libraryRow},
		{name: "maps: a key may be forced", option: "m.map", want: `{"a":"t","d":"d"}`, files: empty + `
-- template1.hcl --
m { map = { a = force("t") } }
-- host1.hcl --
m { map = { a = "h" } }` + libraryRow},
		{name: "maps: force of the whole empties it", option: "m.map", want: `{"h":"h"}`, files: empty + `
-- template1.hcl --
m { map = { t = "t" } }
-- host1.hcl --
m { map = force({ h = "h" }) }` + libraryRow},
		{name: "maps: force of the whole empties what an import put in", option: "m.map", want: `{"h":"h"}`, files: empty + `
-- host1.hcl --
imports = ["./a.hcl"]
m { map = force({ h = "h" }) }
-- a.hcl --
m { map = force({ a = "a" }) }` + libraryRow},
		{name: "maps: a null value is no key", option: "m.map", want: `{"d":"d"}`, files: empty + `
-- host1.hcl --
m { map = { x = null } }` + libraryRow},
		{name: "maps: force(null) of a key drops it", option: "m.map", want: `{}`, files: empty + `
-- host1.hcl --
m { map = { d = force(null) } }` + libraryRow},
		{name: "maps: without() takes keys", option: "m.map", want: `{"t2":"x"}`, files: empty + `
-- template1.hcl --
m { map = { t1 = "x", t2 = "x" } }
-- host1.hcl --
m { map = without(["t1", "d"]) }` + libraryRow},
		{name: "objects: attribute by attribute", option: "m.obj", want: `{"a":"d","b":"h"}`, files: empty + `
-- host1.hcl --
m { obj = { b = "h" } }` + libraryRow},
		{name: "any: deeply, every leaf as it is", option: "m.any", want: `{"d":{"d":1,"h":true},"l":["t",2]}`, files: empty + `
-- template1.hcl --
m { any = { l = ["t"] } }
-- host1.hcl --
m { any = { d = { h = true }, l = [2] } }` + libraryRow},
	}
}

func TestMergingRows(t *testing.T) {
	for _, c := range rowCases() {
		t.Run(c.name, c.run)
	}
}

package eval

import "strings"

// detailRuleCases are the second halves of rules: what they say after their first
// sentence.
func detailRuleCases() []evalCase {
	return []evalCase{
		{name: "rule 14 for_each takes a list, and null makes nothing", option: "thing", want: `{"x":{"a":"a of x","b":"1","part":{}},"y":{"a":"a of y","b":"1","part":{}}}`, files: `
thing {
  for_each = ["x", "y"]
  b        = "1"
}
thing {
  for_each = null
  b        = "2"
}` + myOptions},
		{name: "rule 16 force(null) in the place of an entry takes it out", option: "thing", want: `{"y":{"a":"a of y","b":"1","part":{}}}`, files: `
thing = { x = force(null), y = { b = "1" } }
thing "x" { b = "2" }` + myOptions},
		{name: "rule 11 files that import each other are equal", errs: []string{"Conflicting definitions"}, files: `
imports = ["./a.hcl"]
my { text = "h" }` + myOptions + `
-- a.hcl --
imports = ["./h.hcl"]
my { text = "a" }`},
		{name: "rule 26 an empty text adds no line", option: "my.lines", want: `"a\nb\n"`, files: `
config {
  my { lines = "a" }
}
config {
  my { lines = "" }
}
config {
  my { lines = "b" }
}` + myOptions},
		{name: "rule 01 what is counted is a reference, too, in a computed key", option: "my.map", want: `{"A":"2","psiri-x":"1"}`, files: `
my {
  map = {
    "${args.user}-x"         = "1"
    (upper(config.my.other)) = "2"
  }
  other = "a"
}` + myOptions},
		{name: "rule 01 in what a splat is over", option: "my.list", want: `["A"]`, files: `
my {
  list  = [upper(config.my.other)][*]
  other = "a"
}` + myOptions},
		{name: "rule 01 in what a template loops over", option: "my.text", want: `"x 1,y a of y,"`, files: `
my { text = "%{for n, t in config.thing}${n} ${coalesce(t.b, t.a)},%{endfor}" }
thing "x" { b = "1" }
thing "y" {}` + myOptions},
		{name: "rule 03 a map needs no declaration but its options", option: "a.b.x.c.y.d", want: `"x y"`, files: `
option "a.b.*.c.*.d" {
  type    = string
  default = "${self.parent.name} ${self.name}"
}
a {
  b "x" {
    c "y" {}
  }
}`},
		{name: "rule 03 nothing is named beside a map", errs: []string{"a.b is a map"}, files: `
option "a.b.*.c" { type = string }
option "a.b.c" { type = string }`},
		{name: "rule 04 every entry has a name that can be read", option: "my.text", want: `"x x"`, files: `
thing "x" {}
my { text = join(" ", [for t in config.thing : "${t.name} ${config.thing.x.name}"]) }` + myOptions},
		{name: "rule 04 a map written as a value is the whole map", option: "thing", want: `{"x":{"a":"a of x","b":"1","part":{}},"y":{"a":"a of y","b":null,"part":{}}}`, files: `
thing = {
  x = { b = "1" }
  y = {}
}` + myOptions},
		{name: "rule 06 the object form of a group is its block form", option: "my", want: `{"data":null,"lines":null,"list":[],"map":{},"on":true,"other":null,"port":null,"set":[],"text":"x"}`, files: `
my = { text = "x", on = true, list = [], set = [], map = {} }
my { data = null }` + myOptions},
		{name: "rule 06 keys that are no identifiers need the form with =", option: "my.map", want: `{"1password":"y","a.b":"x"}`, files: `
my { map = { "a.b" = "x", "1password" = "y" } }` + myOptions},
		{name: "rule 07 a removal leaves its own layer", option: "my.list", want: `["a"]`, warns: []string{"No weaker layer"}, files: `
imports = ["./a.hcl"]
my { list = [without("a")] }` + myOptions + `
-- a.hcl --
my { list = ["a"] }`},
		{name: "rule 09 a file that would overflow the parser's stack", errs: []string{"h.hcl:1"}, files: "-- h.hcl --\nmy { list = " +
			strings.Repeat("[", 300) + strings.Repeat("]", 300) + " }\n" + myOptions},
		{name: "rule 10 force on a group clears no siblings", option: "my.other", want: `"t"`, files: `
my = force({ text = "h" })` + myOptions + `
my {
  text  = "t"
  other = "t"
}`},
		{name: "rule 10 before and after are places, not priorities", option: "my.list", want: `["plain"]`, files: `
my { list = before(default(["h"])) }` + myOptions + `
my { list = ["plain"] }`},
		{name: "rule 12 in a file by place, in for_each by key, numbers as text", option: "my.list", want: `["1","10","9","z"]`, files: `
config {
  for_each = { 9 = "x", 10 = "y", 1 = "z" }
  my { list = [each.key] }
}
my { list = ["z"] }` + myOptions},
		{name: "rule 14 a read through a group is all its options", errs: []string{"Cycle"}, files: `
my { text = jsonencode(config.my) }` + myOptions},
		{name: "rule 14 enumerating asks gates and no leaf", option: "thing.x.b", want: `"2"`, files: `
thing "x" { b = length(config.thing) }
thing "y" { b = config.thing.x.b }` + myOptions},
		{name: "rule 15 a sibling is merged first", option: "thing.x.b", want: `"is h"`, files: `
thing "x" { a = "h" }` + myOptions + `
thing "x" {
  a = "t"
  b = "is ${self.a}"
}`},
		{name: "rule 15 self outside of an entry", errs: []string{"self is the entry of a map"}, files: `
my { text = self.name }` + myOptions},
		{name: "rule 16 a read of an optional option that nothing defines is null", option: "my.text", want: `"none"`, files: `
my { text = config.my.other == null ? "none" : "some" }` + myOptions},
		{name: "rule 16 an entry of a map that is null", option: "my.map", want: `{"b":"2"}`, files: `
my { map = { a = null, b = "2" } }` + myOptions},
		{name: "rule 18 sections keep their order, keys do not", option: "my.text", want: `"a=1\n\n[z]\nk=v\n\n[z]\nj=w\n"`, files: `
my { text = ini({ z = [{ k = "v" }, { j = "w" }], a = 1 }) }` + myOptions},
		{name: "rule 19 interpolation and locals pass the placeholder", option: "my.text", want: `"no"`, files: secretFiles + `
locals { p = "p=${config.secret.s.placeholder}" }
file "/x" { content = "${local.p}!" }
my { text = contains(keys(config.file), "/y") ? "yes" : "no" }` + myOptions},
		{name: "rule 26 a part of lines is neither split nor dropped for being there", option: "my.lines", want: `"a\n\nb\na\n\nb\n"`, files: `
my { lines = "a\n\nb\n" }` + myOptions + `
my { lines = "a\n\nb" }`},
		{name: "rule 28 self.parent is the same around entries", option: "thing.x.part.y.c", want: `"x x y"`, files: `
thing {
  for_each = toset(["x"])
  part {
    for_each = toset(["y"])
    c        = "${each.parent.key} ${self.parent.name} ${each.key}"
  }
}` + myOptions},
		{name: "rule 28 each.parent goes on outwards", option: "my.list", want: `["a b c"]`, files: `
config {
  for_each = { a = 1 }
  config {
    for_each = { b = 2 }
    my {
      for_each = { c = 3 }
      list     = ["${each.parent.parent.key} ${each.parent.key} ${each.key}${each.parent.value - 2}" == "a b c0" ? "a b c" : "no"]
    }
  }
}` + myOptions},
		{name: "rule 31 two forces of one layer that differ", errs: []string{"Conflicting definitions"}, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { text = force("a") }
-- b.hcl --
my { text = force("b") }`},
		{name: "rule 31 and two that are equal after conversion", option: "my.port", want: `22`, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { port = force(22) }
-- b.hcl --
my { port = force("22") }`},
		{name: "rule 32 every validation, of every entry, on what was merged", errs: []string{"web.x.n: 12 is over 10", "web.x.n: 12 is x's"}, files: `
option "web.*.n" {
  type = list(number)
  validation {
    condition     = sum(value) <= 10
    error_message = "${sum(value)} is over 10"
  }
  validation {
    condition     = length(value) < 2
    error_message = "${sum(value)} is ${self.name}'s"
  }
}
web "x" { n = [6] }
web "y" { n = [1] }
-- t.hcl --
web "x" { n = [6] }`},
		{name: "rule 33 force([]) empties, without a warning", option: "my.set", want: `[]`, files: `
my { set = force([]) }` + myOptions + `
my { set = ["t"] }`},
		{name: "rule 33 an empty list where there is nothing else is a value", option: "my.set", want: `[]`, files: `
my { set = [] }` + myOptions},
	}
}

package eval

const myOptions = `
-- t.hcl --
option "my.text" { type = optional(string) }
option "my.other" { type = optional(string) }
option "my.list" { type = list(string) }
option "my.set" { type = set(string) }
option "my.data" { type = any }
option "my.map" { type = map(string) }
option "my.port" { type = optional(port) }
option "my.lines" { type = optional(lines) }
option "my.on" {
  type    = bool
  default = false
}
option "thing.*.a" {
  type    = optional(string)
  default = "a of ${self.name}"
}
option "thing.*.b" { type = optional(string) }
option "thing.*.part.*.c" {
  type    = optional(string)
  default = "${self.parent.name}/${self.name}"
}
`

// mergeRuleCases are those of language rules 1 to 10: evaluation, types and merging.
func mergeRuleCases() []evalCase {
	return []evalCase{
		{name: "rule 01 a loop over a map waits only for what it reads", option: "user.psiri.groups", want: `["libvirt"]`, files: `
option "my.users" { type = list(string) }
my { users = [for n, u in config.user : n if !u.system] }
user "psiri" { groups = contains(config.my.users, "psiri") ? ["libvirt"] : [] }`},
		{name: "rule 01 a branch that is not taken is not evaluated", option: "my.text", want: `"OFF"`, files: `
my {
  text  = upper(config.my.on ? config.my.other : "off")
  other = config.my.on ? "x" : config.my.text
}` + myOptions},
		{name: "rule 01 try needs only what it takes", option: "my.text", want: `"x"`, files: `
my {
  text  = try("x", config.my.other)
  other = config.my.text
}` + myOptions},
		{name: "rule 01 each.value is as lazy", option: "thing.x.b", want: `"1"`, files: `
option "out.*.v" { type = optional(string) }
out {
  for_each = config.thing
  v        = each.value.b
}
thing "x" { b = config.out.y.v }
thing "y" { b = "1" }` + myOptions},
		{name: "rule 01 a key that another option computes", option: "my.text", want: `"B"`, files: `
my {
  text  = config.thing[config.my.other].b
  other = "y"
}
thing "x" { b = config.my.text }
thing "y" { b = "B" }` + myOptions},
		{name: "rule 01 locals are as lazy", option: "my.text", want: `"o"`, files: `
locals { all = { text = config.my.text, other = config.my.other } }
my {
  text  = local.all.other
  other = "o"
}` + myOptions},
		{name: "rule 01 a true cycle is found", errs: []string{"my.other needs, at h.hcl:3,\n  my.text needs, at h.hcl:2,\n  my.other."}, files: `
my { text = config.my.other }
my { other = config.my.text }` + myOptions},
		{name: "rule 02 a modifier counts in the branch that is taken", option: "my.text", want: `"t"`, files: `
my { text = config.my.on ? force("h") : default("h") }` + myOptions + `
my { text = "t" }`},
		{name: "rule 02 a reader of a forced option is not forced", option: "my.other", want: `"plain"`, files: `
my { text = force("f") }
my { other = "plain" }` + myOptions + `
my { other = config.my.text }`},
		{name: "rule 02 a modifier inside an expression is an error", errs: []string{"force() is syntax"}, files: `
my { text = "${force("a")}" }` + myOptions},
		{name: "rule 02 priorities exclude each other", errs: []string{"default inside force has no meaning"}, files: `
my { text = force(default("h")) }` + myOptions},
		{name: "rule 02 nothing modifies a removal", errs: []string{"force inside without has no meaning"}, files: `
my { set = without(force(["h"])) }` + myOptions + `
my { set = ["h"] }`},
		{name: "rule 02 a place and a priority combine", option: "my.list", want: `["h","t"]`, files: `
my { list = before(force(["h"])) }` + myOptions + `
my { list = force(["t"]) }
my { list = ["plain"] }`},
		{name: "rule 03 options of entries come from any file", option: "user.psiri.mail", want: `"/home/psiri/Maildir"`, files: `
option "user.*.mail" {
  type    = path
  default = "${self.home}/Maildir"
}
user "psiri" {}`},
		{name: "rule 03 no option below an option", errs: []string{"my.text is already an option"}, files: `
imports = ["./x.hcl"]` + myOptions + `
-- x.hcl --
option "my.text.x" { type = bool }`},
		{name: "rule 03 no option twice", errs: []string{"my.text: it is already declared at t.hcl:"}, files: `
option "my.text" { type = bool }` + myOptions},
		{name: "rule 03 no when in an option block", errs: []string{"take no when"}, files: `
option "my.x" {
  type = optional(bool)
  when = true
}`},
		{name: "rule 04 a computed name", option: "thing", want: `{"psiri":{"a":"a of psiri","b":"x","part":{}}}`, files: `
thing {
  name = args.user
  b    = "x"
}` + myOptions},
		{name: "rule 04 for_each names by key", option: "thing.y.b", want: `"Y"`, files: `
thing {
  for_each = { x = "X", y = "Y" }
  b        = each.value
}` + myOptions},
		{name: "rule 04 a label and a name exclude each other", errs: []string{"remove them, or the label"}, files: `
thing "x" {
  name = "y"
}` + myOptions},
		{name: "rule 04 name is no option", errs: []string{"every entry has an option called name"}, files: `
option "x.*.name" { type = string }`},
		{name: "rule 05 a dotted definition is explained", errs: []string{"A name has no dots: nest it"}, files: `
services.openssh.enable = true`},
		{name: "rule 05 two arguments on one line are explained", errs: []string{"break the line"}, files: `
file "/x" { content = "a" mode = "0600" }`},
		{name: "rule 06 a block and an attribute merge", option: "my.map", want: `{"a":"1","b":"2"}`, files: `
my {
  map = { a = "1" }
  map { b = "2" }
}` + myOptions},
		{name: "rule 06 when is data in an object", option: "my.data", want: `{"when":"x"}`, files: `
my { data = { when = "x" } }` + myOptions},
		{name: "rule 06 a key given twice", errs: []string{"given twice"}, files: `
my { map = { a = "1", a = "2" } }` + myOptions},
		{name: "rule 06 a key given twice inside a function", errs: []string{`"a" is given twice in one object`}, files: `
my { text = jsonencode(merge({}, { a = 1, a = 2 })) }` + myOptions},
		{name: "rule 06 reserved names", errs: []string{"is a word of the language"}, files: `
option "config.x" { type = bool }`},
		{name: "rule 07 add and take away in one list", option: "my.set", want: `["a","c"]`, files: `
my { set = ["c", without("b")] }` + myOptions + `
my { set = ["a", "b"] }`},
		{name: "rule 07 a removal displaces no default", option: "my.kept", want: `["x"]`, files: `
option "my.kept" {
  type    = list(string)
  default = ["x", "y"]
}
my { kept = [without("y")] }`},
		{name: "rule 07 a removal of nothing warns", option: "my.set", want: `["a"]`, warns: []string{"No weaker layer adds"}, files: `
my { set = ["a", without("b")] }` + myOptions},
		{name: "rule 07 without takes entries of a map", option: "thing", want: `{"y":{"a":"a of y","b":null,"part":{}}}`, files: `
thing = without(["x"])` + myOptions + `
thing "x" {}
thing "y" {}`},
		{name: "rule 07 without of a list within a list", option: "my.set", want: `["c"]`, files: `
my { set = ["c", without(["a", "b"])] }` + myOptions + `
my { set = ["a", "b"] }`},
		{name: "rule 07 without of null takes nothing", option: "my.set", want: `["a"]`, files: `
my { set = [without(config.my.on ? "a" : null)] }` + myOptions + `
my { set = ["a"] }`},
		{name: "rule 07 without takes keys of a map option", option: "my.map", want: `{"b":"2"}`, files: `
my { map = without(["a"]) }` + myOptions + `
my { map = { a = "1", b = "2" } }`},
		{name: "rule 12 sets are sorted: numbers by size, then strings", option: "my.ports", want: `[9,10,"1-2"]`, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = [10, "1-2", 9, 10] }`},
		{name: "rule 08 any keeps the types of leaves", option: "my.data", want: `{"a":1,"b":"x","c":true}`, files: `
my { data = { a = 1, b = "x", c = true } }` + myOptions},
		{name: "rule 08 one_of checks scalars by the first type that fits", option: "my.ports", want: `[22,443,"1714-1764"]`, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = [443, "1714-1764", "22"] }`},
		{name: "rule 08 a package_ref is an input that packages come from", errs: []string{`flake.hcl has no debian input "sid"`, `flake.hcl has no debian input "5"`}, files: `
option "my.p" { type = list(optional(package_ref)) }
my { p = ["debian", input.debian, "sid", 5] }`},
		{name: "rule 08 a package_ref reads as the input's name", option: "my.p", want: `["debian"]`, files: `
option "my.p" { type = list(package_ref) }
my { p = [input.debian] }`},
		{name: "rule 08 a secret_ref holds no value", errs: []string{"expected a secret"}, files: `
option "my.s" { type = secret_ref }
my { s = "hunter2" }`},
		{name: "rule 08 one_of refuses what no type fits", errs: []string{"or a range of ports such as \"1714-1764\", got the string \"1764-1714\""}, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = ["1764-1714"] }`},
		{name: "rule 08 one_of merges by a collection that all fit", option: "my.l", want: `["t","h"]`, files: `
option "my.l" { type = one_of(list(string), string) }
my { l = ["h"] }` + myOptions + `
my { l = ["t"] }`},
		{name: "rule 08 one_of of a list and a string", option: "my.l", want: `"h"`, files: `
option "my.l" { type = one_of(list(string), string) }
my { l = "h" }`},
		{name: "rule 08 scalars convert where that is exact", option: "my.o", want: `{"b":true,"n":5,"s":"1.5"}`, files: `
option "my.o" { type = object({ b = bool, n = number, s = string }) }
my { o = { b = "true", n = "5", s = 1.5 } }`},
		{name: "rule 08 and not where it is not", errs: []string{`expected a number, got the string "05"`}, files: `
option "my.n" { type = number }
my { n = "05" }`},
		{name: "rule 08 sizes, durations, modes and paths", errs: []string{"a size such as", "a duration such as", "a mode such as", "expected a path"}, files: `
option "my.o" { type = object({ size = size, duration = duration, mode = mode, path = path }) }
my { o = { size = "big", duration = "soon", mode = "9", path = "" } }`},
		{name: "rule 08 and their good ones", option: "my.o", want: `{"duration":"1h 30m","mode":"0644","path":"/x","size":"1.5G"}`, files: `
option "my.o" { type = object({ size = size, duration = duration, mode = mode, path = path }) }
my { o = { size = "1.5G", duration = "1h 30m", mode = "0644", path = "/x" } }`},
		{name: "rule 08 enum names the nearest", errs: []string{`expected one of red, green, got "gren". Did you mean "green"?`}, files: `
option "my.c" { type = enum("red", "green") }
my { c = "gren" }`},
		{name: "rule 08 a missing attribute", errs: []string{"my.o needs b: a number"}, files: `
option "my.o" { type = object({ a = optional(number), b = number }) }
my { o = { a = 1 } }`},
		{name: "rule 08 any: kinds that do not merge conflict", errs: []string{"my.data is"}, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { data = { a = 1 } }
-- b.hcl --
my { data = [1] }`},
		{name: "rule 08 any merges deeply", option: "my.data", want: `{"a":{"b":[1,2],"c":"h"}}`, files: `
my { data = { a = { b = [2], c = "h" } } }` + myOptions + `
my { data = { a = { b = [1], c = "t" } } }`},
		{name: "rule 16 any takes keys out with without", option: "my.data", want: `{"b":2}`, files: `
my { data = without("a") }` + myOptions + `
my { data = { a = 1, b = 2 } }`},
		{name: "rule 08 one wrong entry of a map of objects", errs: []string{"expected a number, got the string \"x\""}, files: `
option "my.m" { type = map(object({ a = number })) }
my { m = { p = { a = 1 }, q = { a = "x" } } }`},
		{name: "rule 08 types are checked when declared", errs: []string{"list needs the type", `"strng" is not a type. Did you mean "string"?`}, files: `
option "my.a" { type = list }
option "my.b" { type = map(strng) }`},
		{name: "rule 08 an unknown attribute is an error", errs: []string{`no attribute "typo"`}, files: `
option "my.o" { type = object({ a = number }) }
my { o = { a = 1, typo = 2 } }`},
		{name: "rule 08 a mode is a string", errs: []string{`write "0644"`}, files: `
file "/x" {
  content = ""
  mode    = 0644
}`},
		{name: "rule 08 a port is checked", errs: []string{"expected a port (1 to 65535), got the number 70000"}, files: `
my { port = 70000 }` + myOptions},
		{name: "rule 10 force over layers, default under them", option: "my.text", want: `"t"`, files: `
my { text = "h" }` + myOptions + `
my { text = force("t") }`},
		{name: "rule 10 lists of the highest priority, weakest layer first", option: "my.list", want: `["t","h"]`, files: `
my { list = ["h"] }` + myOptions + `
my { list = ["t"] }
my { list = default(["d"]) }`},
		{name: "rule 10 before and after", option: "my.list", want: `["h","t","z"]`, files: `
my { list = before(["h"]) }` + myOptions + `
my { list = ["t", after("z")] }`},
		{name: "rule 10 force empties the rest of a map", option: "my.map", want: `{"h":"1"}`, files: `
my { map = force({ h = "1" }) }` + myOptions + `
my { map = { t = "1" } }`},
		{name: "rule 10 a key of a map leaves the default's other keys", option: "my.m", want: `{"a":"1","b":"9"}`, files: `
option "my.m" {
  type    = map(string)
  default = { a = "1", b = "2" }
}
my { m = { b = "9" } }`},
		{name: "rule 10 force on a group reaches its leaves", option: "my.text", want: `"h"`, files: `
my = force({ text = "h" })` + myOptions + `
my { text = force("t") }`},
		{name: "rule 10 force of a whole map of entries", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing = force({ z = {} })` + myOptions + `
thing "x" {}`},
	}
}

const secretFiles = `
secret "s" { file = "./s.yaml" }
-- s.yaml --
s: ENC
-- h.hcl --
secret "s" { file = "./s.yaml" }
`

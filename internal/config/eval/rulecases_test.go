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

func ruleCases() []evalCase {
	return []evalCase{
		{name: "1 a loop over a map waits only for what it reads", option: "user.psiri.groups", want: `["libvirt"]`, files: `
option "my.users" { type = list(string) }
my { users = [for n, u in config.user : n if !u.system] }
user "psiri" { groups = contains(config.my.users, "psiri") ? ["libvirt"] : [] }`},
		{name: "1 a branch that is not taken is not evaluated", option: "my.text", want: `"OFF"`, files: `
my {
  text  = upper(config.my.on ? config.my.other : "off")
  other = config.my.on ? "x" : config.my.text
}` + myOptions},
		{name: "1 try needs only what it takes", option: "my.text", want: `"x"`, files: `
my {
  text  = try("x", config.my.other)
  other = config.my.text
}` + myOptions},
		{name: "1 each.value is as lazy", option: "thing.x.b", want: `"1"`, files: `
option "out.*.v" { type = optional(string) }
out {
  for_each = config.thing
  v        = each.value.b
}
thing "x" { b = config.out.y.v }
thing "y" { b = "1" }` + myOptions},
		{name: "1 a key that another option computes", option: "my.text", want: `"B"`, files: `
my {
  text  = config.thing[config.my.other].b
  other = "y"
}
thing "x" { b = config.my.text }
thing "y" { b = "B" }` + myOptions},
		{name: "1 locals are as lazy", option: "my.text", want: `"o"`, files: `
locals { all = { text = config.my.text, other = config.my.other } }
my {
  text  = local.all.other
  other = "o"
}` + myOptions},
		{name: "1 a true cycle is found", errs: []string{"my.other asks at h.hcl:3 for\n  my.text asks at h.hcl:2 for\n  my.other."}, files: `
my { text = config.my.other }
my { other = config.my.text }` + myOptions},
		{name: "2 a modifier counts in the branch that is taken", option: "my.text", want: `"t"`, files: `
my { text = config.my.on ? force("h") : default("h") }` + myOptions + `
my { text = "t" }`},
		{name: "2 a reader of a forced option is not forced", option: "my.other", want: `"plain"`, files: `
my { text = force("f") }
my { other = "plain" }` + myOptions + `
my { other = config.my.text }`},
		{name: "2 a modifier inside an expression is an error", errs: []string{"force() is syntax"}, files: `
my { text = "${force("a")}" }` + myOptions},
		{name: "3 options of entries come from any file", option: "user.psiri.mail", want: `"/home/psiri/Maildir"`, files: `
option "user.*.mail" {
  type    = path
  default = "${self.home}/Maildir"
}
user "psiri" {}`},
		{name: "3 no option below an option", errs: []string{"my.text is an option already"}, files: `
imports = ["./x.hcl"]` + myOptions + `
-- x.hcl --
option "my.text.x" { type = bool }`},
		{name: "3 no option twice", errs: []string{"my.text is declared at t.hcl:"}, files: `
option "my.text" { type = bool }` + myOptions},
		{name: "3 no when in an option block", errs: []string{"take no when"}, files: `
option "my.x" {
  type = optional(bool)
  when = true
}`},
		{name: "4 a computed name", option: "thing", want: `{"psiri":{"a":"a of psiri","b":"x","part":{}}}`, files: `
thing {
  name = args.user
  b    = "x"
}` + myOptions},
		{name: "4 for_each names by key", option: "thing.y.b", want: `"Y"`, files: `
thing {
  for_each = { x = "X", y = "Y" }
  b        = each.value
}` + myOptions},
		{name: "4 a label and a name exclude each other", errs: []string{"drop the label"}, files: `
thing "x" {
  name = "y"
}` + myOptions},
		{name: "4 name is no option", errs: []string{"read-only option called name"}, files: `
option "x.*.name" { type = string }`},
		{name: "5 a dotted definition is explained", errs: []string{"A dotted name is no definition"}, files: `
services.openssh.enable = true`},
		{name: "5 two arguments on one line are explained", errs: []string{"break the line"}, files: `
file "/x" { content = "a" mode = "0600" }`},
		{name: "6 a block and an attribute merge", option: "my.map", want: `{"a":"1","b":"2"}`, files: `
my {
  map = { a = "1" }
  map { b = "2" }
}` + myOptions},
		{name: "6 when is data in an object", option: "my.data", want: `{"when":"x"}`, files: `
my { data = { when = "x" } }` + myOptions},
		{name: "6 a key given twice", errs: []string{"given twice"}, files: `
my { map = { a = "1", a = "2" } }` + myOptions},
		{name: "6 reserved names", errs: []string{"kept for the language"}, files: `
option "config.x" { type = bool }`},
		{name: "7 add and take away in one list", option: "my.set", want: `["a","c"]`, files: `
my { set = ["c", without("b")] }` + myOptions + `
my { set = ["a", "b"] }`},
		{name: "7 a removal displaces no default", option: "my.kept", want: `["x"]`, files: `
option "my.kept" {
  type    = list(string)
  default = ["x", "y"]
}
my { kept = [without("y")] }`},
		{name: "7 a removal of nothing warns", option: "my.set", want: `["a"]`, warns: []string{"No weaker layer puts"}, files: `
my { set = ["a", without("b")] }` + myOptions},
		{name: "7 without takes entries of a map", option: "thing", want: `{"y":{"a":"a of y","b":null,"part":{}}}`, files: `
thing = without(["x"])` + myOptions + `
thing "x" {}
thing "y" {}`},
		{name: "7 without of a list within a list", option: "my.set", want: `["c"]`, files: `
my { set = ["c", without(["a", "b"])] }` + myOptions + `
my { set = ["a", "b"] }`},
		{name: "7 without of null takes nothing", option: "my.set", want: `["a"]`, files: `
my { set = [without(config.my.on ? "a" : null)] }` + myOptions + `
my { set = ["a"] }`},
		{name: "7 without takes keys of a map option", option: "my.map", want: `{"b":"2"}`, files: `
my { map = without(["a"]) }` + myOptions + `
my { map = { a = "1", b = "2" } }`},
		{name: "12 sets are sorted: numbers by size, then strings", option: "my.ports", want: `[9,10,"1-2"]`, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = [10, "1-2", 9, 10] }`},
		{name: "8 any keeps the types of leaves", option: "my.data", want: `{"a":1,"b":"x","c":true}`, files: `
my { data = { a = 1, b = "x", c = true } }` + myOptions},
		{name: "8 one_of checks scalars by the first type that fits", option: "my.ports", want: `[22,443,"1714-1764"]`, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = [443, "1714-1764", "22"] }`},
		{name: "8 one_of refuses what no type fits", errs: []string{"expected one_of(port, port_range), got the string \"1764-1714\""}, files: `
option "my.ports" { type = set(one_of(port, port_range)) }
my { ports = ["1764-1714"] }`},
		{name: "8 one_of merges by a collection that all fit", option: "my.l", want: `["t","h"]`, files: `
option "my.l" { type = one_of(list(string), string) }
my { l = ["h"] }` + myOptions + `
my { l = ["t"] }`},
		{name: "8 one_of of a list and a string", option: "my.l", want: `"h"`, files: `
option "my.l" { type = one_of(list(string), string) }
my { l = "h" }`},
		{name: "8 scalars convert where that is exact", option: "my.o", want: `{"b":true,"n":5,"s":"1.5"}`, files: `
option "my.o" { type = object({ b = bool, n = number, s = string }) }
my { o = { b = "true", n = "5", s = 1.5 } }`},
		{name: "8 and not where it is not", errs: []string{`expected a number, got the string "05"`}, files: `
option "my.n" { type = number }
my { n = "05" }`},
		{name: "8 sizes, durations, modes and paths", errs: []string{"a size such as", "a duration such as", "a mode such as", "expected a path"}, files: `
option "my.o" { type = object({ size = size, duration = duration, mode = mode, path = path }) }
my { o = { size = "big", duration = "soon", mode = "9", path = "" } }`},
		{name: "8 and their good ones", option: "my.o", want: `{"duration":"1h 30m","mode":"0644","path":"/x","size":"1.5G"}`, files: `
option "my.o" { type = object({ size = size, duration = duration, mode = mode, path = path }) }
my { o = { size = "1.5G", duration = "1h 30m", mode = "0644", path = "/x" } }`},
		{name: "8 enum names the nearest", errs: []string{`expected one of red, green, got "gren". Did you mean "green"?`}, files: `
option "my.c" { type = enum("red", "green") }
my { c = "gren" }`},
		{name: "8 a missing attribute", errs: []string{"my.o needs b (number)"}, files: `
option "my.o" { type = object({ a = optional(number), b = number }) }
my { o = { a = 1 } }`},
		{name: "8 any: kinds that do not merge conflict", errs: []string{"my.data is"}, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { data = { a = 1 } }
-- b.hcl --
my { data = [1] }`},
		{name: "8 any merges deeply", option: "my.data", want: `{"a":{"b":[1,2],"c":"h"}}`, files: `
my { data = { a = { b = [2], c = "h" } } }` + myOptions + `
my { data = { a = { b = [1], c = "t" } } }`},
		{name: "16 any takes keys out with without", option: "my.data", want: `{"b":2}`, files: `
my { data = without("a") }` + myOptions + `
my { data = { a = 1, b = 2 } }`},
		{name: "8 one wrong entry of a map of objects", errs: []string{"expected a number, got the string \"x\""}, files: `
option "my.m" { type = map(object({ a = number })) }
my { m = { p = { a = 1 }, q = { a = "x" } } }`},
		{name: "8 types are checked when declared", errs: []string{"list needs the type", `"strng" is no type. Did you mean "string"?`}, files: `
option "my.a" { type = list }
option "my.b" { type = map(strng) }`},
		{name: "8 an unknown attribute is an error", errs: []string{`no attribute "typo"`}, files: `
option "my.o" { type = object({ a = number }) }
my { o = { a = 1, typo = 2 } }`},
		{name: "8 a mode is a string", errs: []string{`write "0644"`}, files: `
file "/x" {
  content = ""
  mode    = 0644
}`},
		{name: "8 a port is checked", errs: []string{"expected a port (1 to 65535), got the number 70000"}, files: `
my { port = 70000 }` + myOptions},
		{name: "10 force over layers, default under them", option: "my.text", want: `"t"`, files: `
my { text = "h" }` + myOptions + `
my { text = force("t") }`},
		{name: "10 lists of the highest priority, weakest layer first", option: "my.list", want: `["t","h"]`, files: `
my { list = ["h"] }` + myOptions + `
my { list = ["t"] }
my { list = default(["d"]) }`},
		{name: "10 before and after", option: "my.list", want: `["h","t","z"]`, files: `
my { list = before(["h"]) }` + myOptions + `
my { list = ["t", after("z")] }`},
		{name: "10 force empties the rest of a map", option: "my.map", want: `{"h":"1"}`, files: `
my { map = force({ h = "1" }) }` + myOptions + `
my { map = { t = "1" } }`},
		{name: "10 a key of a map leaves the default's other keys", option: "my.m", want: `{"a":"1","b":"9"}`, files: `
option "my.m" {
  type    = map(string)
  default = { a = "1", b = "2" }
}
my { m = { b = "9" } }`},
		{name: "10 force on a group reaches its leaves", option: "my.text", want: `"h"`, files: `
my = force({ text = "h" })` + myOptions + `
my { text = force("t") }`},
		{name: "10 force of a whole map of entries", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing = force({ z = {} })` + myOptions + `
thing "x" {}`},
		{name: "11 unrelated files conflict", errs: []string{"my.text is the string \"b\" here and the string \"a\" at a.hcl:1"}, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { text = "a" }
-- b.hcl --
my { text = "b" }`},
		{name: "11 a file beats the files it imports", option: "my.text", want: `"h"`, files: `
imports = ["./a.hcl"]
my { text = "h" }` + myOptions + `
-- a.hcl --
my { text = "a" }`},
		{name: "11 a module belongs to the weakest layer that reaches it", option: "my.text", want: `"h"`, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- flake.hcl --
modules = ["./a.hcl", "./t.hcl"]
host "h" { modules = ["./h.hcl"] }
-- a.hcl --
my { text = "a" }
-- b.hcl --
my { text = "h" }`},
		{name: "12 load order: imports first, for_each by key", option: "my.list", want: `["a","x","y","h"]`, files: `
imports = ["./a.hcl"]
config {
  for_each = toset(["y", "x"])
  my { list = [each.key] }
}
my { list = ["h"] }` + myOptions + `
-- a.hcl --
my { list = ["a"] }`},
		{name: "13 a computed group", errs: []string{"my is a group of options"}, files: `
locals { x = {} }
my = local.x` + myOptions},
		{name: "13 an index into a group", errs: []string{"only a map can be indexed"}, files: `
my {
  text  = config.my[config.my.other]
  other = "on"
}` + myOptions},
		{name: "13 a computed map of entries", option: "thing.x1.b", want: `"1"`, files: `
thing = { for n in ["1", "2"] : "x${n}" => { b = n } }` + myOptions},
		{name: "13 an unknown option in a computed map", errs: []string{`no option "typo" below thing.*`}, files: `
thing = { for n in ["1"] : n => { typo = n } }` + myOptions},
		{name: "8 the branch of a map keeps the types of its values", option: "thing.x.data", want: `{"a":1,"b":"x"}`, files: `
option "thing.*.data" { type = any }
locals { v = { x = { data = { a = 1, b = "x" } } } }
thing = host.name == "h" ? local.v : {}` + myOptions},
		{name: "16 null is no entry", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing = {
  x = null
  y = config.my.on ? { b = "1" } : null
  z = config.my.on ? null : {}
}` + myOptions},
		{name: "24 a resource option cannot be declared again", errs: []string{"packages is declared in library/resources/package.hcl already", "there are options below file"}, files: `
option "packages" { type = any }
option "file" { type = any }`},
		{name: "when outside of a block", errs: []string{"when belongs into a block"}, files: `
when = true`},
		{name: "14 a when that reads what it gates", errs: []string{"move that definition out of the block"}, files: `
config {
  when = config.my.on
  my { on = true }
}` + myOptions},
		{name: "14 gates of other entries are not asked", option: "thing.x.b", want: `"yes"`, files: `
thing "x" { b = "yes" }
thing "y" {
  when = config.thing.x.b == "yes"
  b    = "no"
}` + myOptions},
		{name: "14 nor are those around them", option: "thing.x.b", want: `"yes"`, files: `
thing "x" { b = "yes" }
config {
  when = config.thing.x.b == "yes"
  thing "y" { b = "no" }
}` + myOptions},
		{name: "20 a key that a computed map has not", option: "my.text", want: `"none"`, files: `
thing = { for n in ["1"] : "x${n}" => { b = n } }
my { text = try(config.thing.y.b, "none") }` + myOptions},
		{name: "10 a weaker layer's force of a map takes a stronger one's plain entries", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing "x" {}` + myOptions + `
thing = force({ z = {} })`},
		{name: "7 without leaves what its own layer defines", option: "thing", want: `{"x":{"a":"a of x","b":"h","part":{}}}`, files: `
imports = ["./a.hcl"]
thing = without(["x"])` + myOptions + `
thing "x" { b = "t" }
-- a.hcl --
thing "x" { b = "h" }`},
		{name: "14 when without each is asked before for_each", option: "thing", want: `{}`, files: `
thing {
  when     = config.my.on
  for_each = config.my.on ? {} : config.my.nothing
}` + myOptions + `
option "my.nothing" { type = map(string) }`},
		{name: "14 when with each is asked for each", option: "thing.b.b", want: `"2"`, files: `
thing {
  for_each = { a = 1, b = 2 }
  when     = each.value > 1
  b        = each.value
}
assert "one" {
  condition = length(config.thing) == 1
  message   = "there are ${length(config.thing)}"
}` + myOptions},
		{name: "14 a gate may count what it is not part of", option: "user.guest.comment", want: `"two"`, files: `
user "a" {}
user "guest" {
  when    = contains(keys(config.thing), "x")
  comment = "two"
}
thing "x" {}` + myOptions},
		{name: "15 self and parent", option: "thing.x.part.y.c", want: `"x/y"`, files: `
thing "x" {
  part "y" {}
}` + myOptions},
		{name: "16 null is no definition", option: "my.list", want: `["t","a"]`, files: `
my {
  text = null
  list = ["a", config.my.on ? "b" : null]
}
assert "text" {
  condition = config.my.text == "t"
  message   = "no"
}` + myOptions + `
my {
  text = "t"
  list = ["t"]
}`},
		{name: "16 force(null) drops everything", option: "my.text", want: `null`, files: `
my { text = force(null) }` + myOptions + `
my { text = "t" }`},
		{name: "16 null is data in any", option: "my.data", want: `{"a":null}`, files: `
my { data = { a = null } }` + myOptions},
		{name: "16 a read of what nothing defines", errs: []string{"my.must has no value"}, files: `
option "my.must" { type = string }
my { text = config.my.must }` + myOptions},
		{name: "18 file() refuses text that would change", errs: []string{"copy it with source"}, files: `
my { text = file("./nfd.txt") }` + myOptions + `
-- nfd.txt --
e` + "\u0301"},
		{name: "19 a function that would destroy a placeholder", errs: []string{`upper() would change the placeholder of secret "s"`}, files: secretFiles + `
file "/x" { content = upper(config.secret.s.placeholder) }`},
		{name: "19 a secret is no string option", errs: []string{"expected a secret"}, files: secretFiles + `
user "u" { hashed_password_file = "x" }`},
		{name: "19 a file with a secret is nobody else's", errs: []string{"its mode must give nothing"}, files: secretFiles + `
file "/x" {
  content = "p=${config.secret.s.placeholder}"
  mode    = "0644"
}`},
		{name: "20 a typo inside try is an error", errs: []string{`Did you mean "text"?`}, files: `
my { other = try(config.my.txet, "x") }` + myOptions},
		{name: "20 an absent key names the nearest", errs: []string{`Nothing declares secret.tokem. Did you mean "token"?`}, files: secretFiles + `
secret "token" { file = "./s.yaml" }
my { text = config.secret.tokem.path }` + myOptions},
		{name: "20 try is for keys", option: "my.text", want: `"none"`, files: `
my { text = try(config.thing.nobody.b, "none") }` + myOptions},
		{name: "20 a typo in what is switched off is an error", errs: []string{`There is no option "nothing" below my`}, files: `
config {
  when = false
  my { text = config.my.nothing }
}` + myOptions},
		{name: "22 imports see host and args, not config", errs: []string{"cannot depend on what they hold"}, files: `
imports = config.my.on ? ["./a.hcl"] : []` + myOptions},
		{name: "22 a conditional import", option: "my.text", want: `"a"`, files: `
imports = host.name == "h" ? ["./a.hcl"] : ["./none.hcl"]` + myOptions + `
-- a.hcl --
my { text = "a" }`},
		{name: "22 args: the host's win over the template's and the flake's", option: "my.text", want: `"h t f"`, files: `
my { text = "${args.a} ${args.b} ${args.c}" }` + myOptions + `
-- flake.hcl --
args {
  a = "f"
  b = "f"
  c = "f"
}
template "t" {
  modules = ["./t.hcl"]
  args {
    a = "t"
    b = "t"
  }
}
host "h" {
  template = "t"
  modules  = ["./h.hcl"]
  args {
    a = "h"
  }
}`},
		{name: "22 paths are relative to the file with the call", option: "my.text", want: `"deep\n"`, files: `
imports = ["./sub"]` + myOptions + `
-- sub/default.hcl --
my { text = file("./x.txt") }
-- sub/x.txt --
deep
`},
		{name: "22 nothing outside the flake is read", errs: []string{"lies outside the flake"}, files: `
my { text = file("../../../etc/passwd") }` + myOptions},
		{name: "23 a path with dots in a key", option: `sysctl["net.ipv4.ip_forward"]`, want: `"1"`, files: `
sysctl = { "net.ipv4.ip_forward" = 1 }`},
		{name: "25 shell in a heredoc is explained", errs: []string{"write $${NAME}"}, files: `
my { text = "${HOME}" }` + myOptions},
		{name: "25 substitute wants every mark and every value", errs: []string{"nothing gives a value to @home@"}, files: `
my { text = substitute("@user@ @home@ $HOME a@b.c", { user = "u" }) }` + myOptions},
		{name: "25 substitute", option: "my.text", want: `"u $HOME %{x} a@b.c\n"`, files: `
my { text = substitute(file("./x.sh"), { user = "u" }) }` + myOptions + `
-- x.sh --
@user@ $HOME %{x} a@b.c
`},
		{name: "26 lines join with one newline", option: "my.lines", want: `"a\nb\n"`, files: `
my { lines = "b\n" }` + myOptions + `
my { lines = "a\n" }`},
		{name: "27 a splat over a map is explained", errs: []string{"values(MAP)[*].NAME"}, files: `
my { list = config.user[*].home }
user "a" {}` + myOptions},
		{name: "28 the outer each", option: "thing.y.b", want: `"x y"`, files: `
config {
  for_each = toset(["x"])
  thing {
    for_each = toset(["y"])
    b        = "${each.parent.key} ${each.key}"
  }
}` + myOptions},
		{name: "29 one mistake, one error", errs: []string{"expected a bool"}, files: `
my {
  on    = "maybe"
  text  = config.my.on ? "a" : "b"
  other = "${config.my.text}!"
}` + myOptions},
		{name: "29 an unparsed file is the only error", errs: []string{"b.hcl:2,1-1: Missing expression"}, files: `
imports = ["./b.hcl"]
b { x = 1 }
my { text = config.b.x }` + myOptions + `
-- b.hcl --
option = {
`},
		{name: "29 all errors of a run", errs: []string{"wrong", "expected a bool", "expected a port"}, files: `
wrong = 1
my {
  on   = "maybe"
  port = "x"
}` + myOptions},
		{name: "31 equal after conversion", option: "my.port", want: `22`, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { port = 22 }
-- b.hcl --
my { port = "22" }`},
		{name: "32 validation names the value", errs: []string{"my.even: 3 is odd"}, files: `
option "my.even" {
  type    = number
  validation {
    condition     = value % 2 == 0
    error_message = "${value} is odd"
  }
}
my { even = 3 }`},
		{name: "33 an empty list warns", option: "my.set", want: `["t"]`, warns: []string{"force([]) empties it"}, files: `
my { set = [] }` + myOptions + `
my { set = ["t"] }`},
		{name: "34 a file is one thing", errs: []string{"content stands at h.hcl:3 already"}, files: `
file "/x" {
  content = "a"
  symlink = "b"
}`},
		{name: "34 of two members the stronger wins", option: "my.text", want: `null`, files: `
file "/x" { symlink = "b" }` + myOptions + `
file "/x" { content = "a" }`},
		{name: "34 a file is something", errs: []string{`file["/x"] needs one of content`}, files: `
file "/x" { mode = "0600" }`},
		{name: "19 a secret where nothing renders it", errs: []string{"Misplaced secret", "Misplaced secret"}, files: secretFiles + `
unit "x.service" { content = config.secret.s.placeholder }
sysctl = { x = config.secret.s.placeholder }`},
		{name: "assertions are all reported", errs: []string{"m1", "m2"}, warns: []string{"m3"}, files: `
assert "a" {
  condition = 1 == 2
  message   = "m1"
}
assert "b" {
  condition = false
  message   = "m2"
}
warn "c" {
  condition = false
  message   = "m3"
}`},
		{name: "an unknown option names the nearest", errs: []string{`Did you mean "content"?`}, files: `
file "/x" { contents = "a" }`},
	}
}

const secretFiles = `
secret "s" { file = "./s.yaml" }
-- s.yaml --
s: ENC
-- h.hcl --
secret "s" { file = "./s.yaml" }
`

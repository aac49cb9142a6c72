package eval

// referenceRuleCases are those of language rules 11 to 34: layers, references, modules,
// errors.
func referenceRuleCases() []evalCase {
	return []evalCase{
		{name: "rule 11 unrelated files conflict", errs: []string{"my.text is the string \"b\" here and the string \"a\" at a.hcl:1"}, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { text = "a" }
-- b.hcl --
my { text = "b" }`},
		{name: "rule 11 a file beats the files it imports", option: "my.text", want: `"h"`, files: `
imports = ["./a.hcl"]
my { text = "h" }` + myOptions + `
-- a.hcl --
my { text = "a" }`},
		{name: "rule 11 a module belongs to the weakest layer that reaches it", option: "my.text", want: `"h"`, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- flake.hcl --
modules = ["./a.hcl", "./t.hcl"]
host "h" { modules = ["./h.hcl"] }
-- a.hcl --
my { text = "a" }
-- b.hcl --
my { text = "h" }`},
		{name: "rule 12 load order: imports first, for_each by key", option: "my.list", want: `["a","x","y","h"]`, files: `
imports = ["./a.hcl"]
config {
  for_each = toset(["y", "x"])
  my { list = [each.key] }
}
my { list = ["h"] }` + myOptions + `
-- a.hcl --
my { list = ["a"] }`},
		{name: "rule 13 a computed group", errs: []string{"my is a group of options"}, files: `
locals { x = {} }
my = local.x` + myOptions},
		{name: "rule 13 an index into a group", errs: []string{"only a map takes a computed key"}, files: `
my {
  text  = config.my[config.my.other]
  other = "on"
}` + myOptions},
		{name: "rule 13 a computed map of entries", option: "thing.x1.b", want: `"1"`, files: `
thing = { for n in ["1", "2"] : "x${n}" => { b = n } }` + myOptions},
		{name: "rule 13 an unknown option in a computed map", errs: []string{`An entry of thing has no option "typo"`}, files: `
thing = { for n in ["1"] : n => { typo = n } }` + myOptions},
		{name: "rule 08 the branch of a map keeps the types of its values", option: "thing.x.data", want: `{"a":1,"b":"x"}`, files: `
option "thing.*.data" { type = any }
locals { v = { x = { data = { a = 1, b = "x" } } } }
thing = host.name == "h" ? local.v : {}` + myOptions},
		{name: "rule 16 null is no entry", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing = {
  x = null
  y = config.my.on ? { b = "1" } : null
  z = config.my.on ? null : {}
}` + myOptions},
		{name: "rule 24 a resource option cannot be declared again", errs: []string{"library/resources/package.hcl already declares it", "Cannot declare file: there are options below it"}, files: `
option "packages" { type = any }
option "file" { type = any }`},
		{name: "when outside of a block", errs: []string{"when belongs in a block"}, files: `
when = true`},
		{name: "rule 14 a when that reads what it gates", errs: []string{"move that definition out of the block"}, files: `
config {
  when = config.my.on
  my { on = true }
}` + myOptions},
		{name: "rule 14 gates of other entries are not asked", option: "thing.x.b", want: `"yes"`, files: `
thing "x" { b = "yes" }
thing "y" {
  when = config.thing.x.b == "yes"
  b    = "no"
}` + myOptions},
		{name: "rule 14 nor are those around them", option: "thing.x.b", want: `"yes"`, files: `
thing "x" { b = "yes" }
config {
  when = config.thing.x.b == "yes"
  thing "y" { b = "no" }
}` + myOptions},
		{name: "rule 20 a key that a computed map has not", option: "my.text", want: `"none"`, files: `
thing = { for n in ["1"] : "x${n}" => { b = n } }
my { text = try(config.thing.y.b, "none") }` + myOptions},
		{name: "rule 10 a weaker layer's force of a map takes a stronger one's plain entries", option: "thing", want: `{"z":{"a":"a of z","b":null,"part":{}}}`, files: `
thing "x" {}` + myOptions + `
thing = force({ z = {} })`},
		{name: "rule 07 without leaves what its own layer defines", option: "thing", want: `{"x":{"a":"a of x","b":"h","part":{}}}`, files: `
imports = ["./a.hcl"]
thing = without(["x"])` + myOptions + `
thing "x" { b = "t" }
-- a.hcl --
thing "x" { b = "h" }`},
		{name: "rule 14 when without each is asked before for_each", option: "thing", want: `{}`, files: `
thing {
  when     = config.my.on
  for_each = config.my.on ? {} : config.my.nothing
}` + myOptions + `
option "my.nothing" { type = map(string) }`},
		{name: "rule 14 when with each is asked for each", option: "thing.b.b", want: `"2"`, files: `
thing {
  for_each = { a = 1, b = 2 }
  when     = each.value > 1
  b        = each.value
}
assert "one" {
  condition = length(config.thing) == 1
  message   = "there are ${length(config.thing)}"
}` + myOptions},
		{name: "rule 14 a gate may count what it is not part of", option: "user.guest.comment", want: `"two"`, files: `
user "a" {}
user "guest" {
  when    = contains(keys(config.thing), "x")
  comment = "two"
}
thing "x" {}` + myOptions},
		{name: "rule 15 self and parent", option: "thing.x.part.y.c", want: `"x/y"`, files: `
thing "x" {
  part "y" {}
}` + myOptions},
		{name: "rule 16 null is no definition", option: "my.list", want: `["t","a"]`, files: `
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
		{name: "rule 16 force(null) drops everything", option: "my.text", want: `null`, files: `
my { text = force(null) }` + myOptions + `
my { text = "t" }`},
		{name: "rule 16 null is data in any", option: "my.data", want: `{"a":null}`, files: `
my { data = { a = null } }` + myOptions},
		{name: "rule 16 a read of what nothing defines", errs: []string{"my.must has no value"}, files: `
option "my.must" { type = string }
my { text = config.my.must }` + myOptions},
		{name: "rule 18 file() refuses text that would change", errs: []string{"copy it with source"}, files: `
my { text = file("./nfd.txt") }` + myOptions + `
-- nfd.txt --
e` + "\u0301"},
		{name: "rule 19 a function that would destroy a placeholder", errs: []string{`upper() would change the placeholder of secret "s"`}, files: secretFiles + `
file "/x" { content = upper(config.secret.s.placeholder) }`},
		{name: "rule 19 a function that chooses takes a placeholder along, and no other", option: "my.list", want: `["b","x","b","b","b"]`, files: secretFiles + `
locals {
  map  = { a = config.secret.s.placeholder, b = "b" }
  list = [config.secret.s.placeholder, "b"]
}
my { list = [lookup(local.map, "b", ""), lookup(local.map, "c", "x"), values(local.map)[1], element(local.list, 1), reverse(slice(local.list, 0, 2))[0]] }
file "/x" { content = join("", values(local.map)) }` + myOptions},
		{name: "rule 19 a key of for_each is no placeholder", errs: []string{`a key of for_each would be the placeholder of secret "s"`}, files: secretFiles + `
file {
  for_each = { "/srv/${config.secret.s.placeholder}" = 1 }
  name     = "/srv/x"
  content  = each.key
}`},
		{name: "rule 19 what was chosen is a placeholder still", errs: []string{`user.u.comment contains the placeholder of secret "s"`}, files: secretFiles + `
locals { map = { a = config.secret.s.placeholder, b = "b" } }
user "u" { comment = lookup(local.map, "a", "") }`},
		{name: "rule 19 a secret is no string option", errs: []string{"expected a secret"}, files: secretFiles + `
user "u" { hashed_password_file = "x" }`},
		{name: "rule 19 a file with a secret is nobody else's", errs: []string{"its mode must grant nothing"}, files: secretFiles + `
file "/x" {
  content = "p=${config.secret.s.placeholder}"
  mode    = "0644"
}`},
		{name: "rule 20 a typo inside try is an error", errs: []string{`Did you mean "text"?`}, files: `
my { other = try(config.my.txet, "x") }` + myOptions},
		{name: "rule 20 an absent key names the nearest", errs: []string{`Nothing declares secret.tokem. Did you mean "token"?`}, files: secretFiles + `
secret "token" { file = "./s.yaml" }
my { text = config.secret.tokem.path }` + myOptions},
		{name: "rule 20 try is for keys", option: "my.text", want: `"none"`, files: `
my { text = try(config.thing.nobody.b, "none") }` + myOptions},
		{name: "rule 20 a typo in what is switched off is an error", errs: []string{`There is no option "nothing" below my`}, files: `
config {
  when = false
  my { text = config.my.nothing }
}` + myOptions},
		{name: "rule 20 a typo in a loop of a branch that is not taken", errs: []string{`has no option "shel". Did you mean "shell"?`}, files: `
my { list = config.my.on ? [for n, u in config.user : u.shel] : [] }` + myOptions},
		{name: "rule 20 a typo of self in what is switched off, in a default and in a validation", errs: []string{`"aa"`, `"bb"`, `"cc"`, `"parrent"`}, files: `
option "thing.*.d" {
  type    = optional(string)
  default = self.aa
  validation {
    condition     = self.bb == value
    error_message = "no"
  }
}
config {
  when = false
  thing "x" {
    b = self.cc
    part "y" { c = self.parrent.a }
  }
}` + myOptions},
		{name: "rule 22 a missing argument names the flake's line that wants it", errs: []string{`h.hcl:2,17-25: Unknown name; args has no "nothing"`}, files: `
my { text = args.nothing }` + myOptions},
		{name: "rule 22 args cannot read config", errs: []string{"flake.hcl:3"}, files: `
my { text = args.a }
-- flake.hcl --
host "h" {
  modules = ["./t.hcl", "./h.hcl"]
  args { a = config.my.other }
}` + myOptions},
		{name: "rule 22 imports see host and args, not config", errs: []string{"cannot depend on what the modules define"}, files: `
imports = config.my.on ? ["./a.hcl"] : []` + myOptions},
		{name: "rule 22 a conditional import", option: "my.text", want: `"a"`, files: `
imports = host.name == "h" ? ["./a.hcl"] : ["./none.hcl"]` + myOptions + `
-- a.hcl --
my { text = "a" }`},
		{name: "rule 22 args: the host's win over the template's and the flake's", option: "my.text", want: `"h t f"`, files: `
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
		{name: "rule 22 paths are relative to the file with the call", option: "my.text", want: `"deep\n"`, files: `
imports = ["./sub"]` + myOptions + `
-- sub/default.hcl --
my { text = file("./x.txt") }
-- sub/x.txt --
deep
`},
		{name: "rule 22 nothing outside the flake is read", errs: []string{"lies outside the flake"}, files: `
my { text = file("../../../etc/passwd") }` + myOptions},
		{name: "rule 23 a path with dots in a key", option: `sysctl["net.ipv4.ip_forward"]`, want: `"1"`, files: `
sysctl = { "net.ipv4.ip_forward" = 1 }`},
		{name: "rule 25 shell in a heredoc is explained", errs: []string{"write $${HOME}"}, files: `
my { text = "${HOME}" }` + myOptions},
		{name: "rule 25 substitute wants every mark and every value", errs: []string{"@home@ in the text has no value"}, files: `
my { text = substitute("@user@ @home@ $HOME a@b.c", { user = "u" }) }` + myOptions},
		{name: "rule 25 substitute", option: "my.text", want: `"u $HOME %{x} a@b.c\n"`, files: `
my { text = substitute(file("./x.sh"), { user = "u" }) }` + myOptions + `
-- x.sh --
@user@ $HOME %{x} a@b.c
`},
		{name: "rule 26 lines join with one newline", option: "my.lines", want: `"a\nb\n"`, files: `
my { lines = "b\n" }` + myOptions + `
my { lines = "a\n" }`},
		{name: "rule 27 a splat over a map is explained", errs: []string{"values(MAP)[*].NAME"}, files: `
my { list = config.user[*].home }
user "a" {}` + myOptions},
		{name: "rule 28 the outer each", option: "thing.y.b", want: `"x y"`, files: `
config {
  for_each = toset(["x"])
  thing {
    for_each = toset(["y"])
    b        = "${each.parent.key} ${each.key}"
  }
}` + myOptions},
		{name: "rule 29 one mistake, one error", errs: []string{"expected a bool"}, files: `
my {
  on    = "maybe"
  text  = config.my.on ? "a" : "b"
  other = "${config.my.text}!"
}` + myOptions},
		{name: "rule 29 an unparsed file is the only error", errs: []string{"b.hcl:2,1-1: Missing expression"}, files: `
imports = ["./b.hcl"]
b { x = 1 }
my { text = config.b.x }` + myOptions + `
-- b.hcl --
option = {
`},
		{name: "rule 29 all errors of a run", errs: []string{"wrong", "expected a bool", "expected a port"}, files: `
wrong = 1
my {
  on   = "maybe"
  port = "x"
}` + myOptions},
		{name: "rule 31 equal after conversion", option: "my.port", want: `22`, files: `
imports = ["./a.hcl", "./b.hcl"]` + myOptions + `
-- a.hcl --
my { port = 22 }
-- b.hcl --
my { port = "22" }`},
		{name: "rule 32 validation names the value", errs: []string{"my.even: 3 is odd"}, files: `
option "my.even" {
  type    = number
  validation {
    condition     = value % 2 == 0
    error_message = "${value} is odd"
  }
}
my { even = 3 }`},
		{name: "rule 33 an empty list warns", option: "my.set", want: `["t"]`, warns: []string{"force([]) empties it"}, files: `
my { set = [] }` + myOptions + `
my { set = ["t"] }`},
		{name: "rule 34 a file is one thing", errs: []string{"content at h.hcl:3"}, files: `
file "/x" {
  content = "a"
  symlink = "b"
}`},
		{name: "rule 34 of two members the stronger wins", option: "my.text", want: `null`, files: `
file "/x" { symlink = "b" }` + myOptions + `
file "/x" { content = "a" }`},
		{name: "rule 34 a file is something", errs: []string{`file["/x"] needs one of content`}, files: `
file "/x" { mode = "0600" }`},
		{name: "rule 19 a secret where nothing renders it", errs: []string{"Misplaced secret", "Misplaced secret"}, files: secretFiles + `
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

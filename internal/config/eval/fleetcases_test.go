package eval

// fleetRuleCases are those that need more than the text of one file: identity, the
// library, origins, and what flakes export to each other.
func fleetRuleCases() []evalCase {
	return []evalCase{
		{name: "rule 17 objects in a list are equal after conversion", option: "my.rules", want: `[{"port":80,"why":null}]`, files: `
option "my.rules" { type = list(object({ port = number, why = optional(string) })) }
my { rules = [without({ port = "22" })] }
-- t.hcl --
my { rules = [{ port = 22, why = null }, { port = 80 }] }`},
		{name: "rule 17 and are appended, not changed", option: "my.rules", want: `[{"port":22,"why":"t"},{"port":22,"why":"h"}]`, files: `
option "my.rules" { type = list(object({ port = number, why = optional(string) })) }
my { rules = [{ port = 22, why = "h" }] }
-- t.hcl --
my { rules = [{ port = 22, why = "t" }] }`},
		{name: "rule 17 entries of a map are changed by their label", option: "thing.x", want: `{"a":"h","b":"t","part":{}}`, files: `
thing "x" { a = "h" }` + myOptions + `
thing "x" {
  a = "t"
  b = "t"
}`},
		{name: "rule 21 a library option that is read does nothing", option: "my.text", want: `"false"`, files: `
my { text = config.services.openssh.enable }
assert "inert" {
  condition = length(config.package) == 0
  message   = "there are packages: ${join(" ", keys(config.package))}"
}` + myOptions},
		{name: "rule 21 one that is set acts", option: "my.text", want: `"true"`, files: `
programs {
  mtr { enable = true }
}
my { text = contains(keys(config.package), "mtr-tiny") }` + myOptions},
		{name: "rule 24 an option of one's own at the top warns", option: "mine", want: `"x"`, warns: []string{
			`h.hcl:2,8-14: Option at the top`, `such as option "acme.site.*.port"`}, files: `
option "mine" { type = string }
option "site.*.port" { type = port }
option "user.*.mail_dir" { type = optional(string) }
option "acme.on" { type = optional(bool) }
mine = "x"`},
		{name: "rule 23 an error writes a path as it can be written", errs: []string{`sysctl["net.ipv4.ip_forward"]: expected a string, got a list`}, files: `
sysctl = { "net.ipv4.ip_forward" = [1] }`},
		{name: "rule 30 the host's line", option: "my.text", want: `"h"`, origin: "h.hcl:3 host plain", files: `
imports = ["./a.hcl"]
my { text = "h" }` + myOptions + `
my { text = "t" }
-- a.hcl --
my { text = "a" }`},
		{name: "rule 30 the element's line", option: "my.set", want: `["a","b"]`, origin: "h.hcl:2 host plain", files: `
my { set = ["a", "b"] }` + myOptions},
	}
}

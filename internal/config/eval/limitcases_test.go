package eval

import (
	"fmt"
	"strings"
)

// limitCases are those of language rule 9: what one host may produce.
func limitCases() []evalCase {
	doubling := func(format string) string {
		var b strings.Builder
		b.WriteString("locals {\n  a0 = \"0123456789\"\n")
		for i := 1; i < 40; i++ {
			fmt.Fprintf(&b, "  a%d = "+format+"\n", i, i-1, i-1)
		}
		return b.String() + "}\n"
	}
	return []evalCase{
		{name: "rule 09 a loop in a loop in a loop ends, and names the expression", errs: []string{"Result too large"}, files: `
locals { l = range(1000) }
my { list = [for a in local.l : [for b in local.l : [for c in local.l : "${a}${b}${c}"]]] }` + myOptions},
		{name: "rule 09 so does one inside try", errs: []string{"Result too large"}, files: `
locals { l = range(1000) }
my { text = try(length([for a in local.l : [for b in local.l : [for c in local.l : c]]]), "x") }` + myOptions},
		{name: "rule 09 and one that a function hides", errs: []string{"Result too large"}, files: `
function "f" {
  params = [l]
  result = [for a in l : [for b in l : [for c in l : c]]]
}
my { text = length(f(range(1000))) }` + myOptions},
		{name: "rule 09 text that doubles", errs: []string{"Result too large"}, files: doubling(`"${local.a%d}${local.a%d}"`) + `
my { text = local.a39 }` + myOptions},
		{name: "rule 09 lists that double without memory, until they are written", errs: []string{"Result too large"}, files: doubling(`[local.a%d, local.a%d]`) + `
my { text = jsonencode(local.a39) }` + myOptions},
		{name: "rule 09 a template of a file that loops", errs: []string{"Result too large"}, files: `
my { text = templatefile("./x.tmpl", { l = range(1000) }) }
-- x.tmpl --
%{ for a in l ~}%{ for b in l ~}%{ for c in l ~}
0123456789 ${a} ${b} ${c}
%{ endfor ~}%{ endfor ~}%{ endfor ~}` + myOptions},
		{name: "rule 09 functions whose result is many times what they get", errs: []string{
			"Its result would exceed the limit", "Its result would exceed the limit", "Its result would exceed the limit", "Its result would exceed the limit", "Its result would exceed the limit"}, files: `
locals {
  s = join("", [for n in range(1000) : "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"])
  l = range(1000)
}
my { text = replace(local.s, "x", local.s) }
my { list = setproduct(local.l, local.l, local.l) }
my { lines = format("%1000000000s", "x") }
my { other = join(local.s, [for n in range(1000) : ""], [for n in range(1000) : ""], [for n in range(1000) : ""], [for n in range(1000) : ""], [for n in range(1000) : ""]) }
my { data = indent(1000000000, "a\nb") }` + myOptions},
		{name: "rule 09 a number that would be written out", errs: []string{"Number too large"}, files: `
my { text = "${1e200000000}" }` + myOptions},
		{name: "rule 09 one that is computed", errs: []string{"Result too large"}, files: `
locals {
  a = 1e9000
  b = local.a * local.a * local.a * local.a
  c = local.b * local.b * local.b * local.b
  d = local.c * local.c * local.c * local.c
  e = local.d * local.d * local.d * local.d
  f = local.e * local.e * local.e * local.e
  g = local.f * local.f * local.f * local.f
  h = local.g * local.g * local.g * local.g
}
my { text = "${local.h}" }` + myOptions},
		{name: "rule 18 a template spells numbers as tostring does", option: "my.list", want: `["1","-7","0","-0","0.5","1000000000000000000000","9223372036854775807","9223372036854775808","true"]`, files: `
locals { l = [1.0, -7, 0, -0, 0.5, 1e21, 9223372036854775807, 9223372036854775808] }
my { list = concat([for n in local.l : "${n}${""}"], ["${[for n in local.l : "${n}${""}"] == [for n in local.l : tostring(n)]}${""}"]) }` + myOptions},
		{name: "rule 09 decoded data nests no deeper than files", errs: []string{"nests more than 200 levels deep", "nests more than 200 levels deep", "nests more than 200 levels deep"}, files: `
my { data = yamldecode(file("./dashes")) }
my { text = yamldecode(file("./brackets")) }
my { other = jsondecode(file("./brackets")) }` + myOptions + `
-- dashes --
` + strings.Repeat("- ", 3000) + `x
-- brackets --
` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + `
`},
	}
}

package costly

import (
	"fmt"
	"strings"
)

// flake is a configuration that is made to do harm, and how hostctl refuses it.
type flake struct {
	name  string
	files map[string]text
	args  []string // nil: eval, with a short deadline where no other limit is wanted
	stdin string
	want  []string // in the error, next to the place
}

// text is made when it is needed: what is kept would count as memory of what runs.
type text func() string

const (
	megabyte = 1<<20 - 200 // what a module may have, but for a line around it
	data     = "option \"my.data\" { type = any }\n"
	hosts    = "host \"h\" {\n  modules = [\"./m.hcl\"]\n}\n"

	late   = "deadline"
	budget = "64 MB"
	syntax = "400000 words"
	second = "m.hcl:2" // in its second line
)

func plain(s string) text { return func() string { return s } }

// repeated is a text of size bytes.
func repeated(before, s string, size int, after string) text {
	return func() string { return before + strings.Repeat(s, size/len(s)) + after }
}

// numbered is repeated with a number for each #.
func numbered(before, s string, size int, after string) text {
	return func() string {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < size; i++ {
			b.WriteString(strings.ReplaceAll(s, "#", fmt.Sprint(i)))
		}
		return b.String() + after
	}
}

// module is a flake of one module.
func module(name string, m text, want ...string) flake {
	return flake{name: name, files: map[string]text{"flake.hcl": plain(hosts), "m.hcl": m}, want: want}
}

// value is a flake whose line 2 of m.hcl holds an expression, in which R is a
// thousand numbers.
func value(name, expr string, want ...string) flake {
	expr = strings.ReplaceAll(expr, "R", "range(1000)")
	return module(name, plain(data+"my { data = "+expr+" }\n"), append(want, second)...)
}

// decoded is a flake whose expression reads the file d, as D.
func decoded(name, expr string, d text, want ...string) flake {
	f := module(name, plain(data+"my { data = "+strings.ReplaceAll(strings.ReplaceAll(expr, "R", "range(1000)"), "D", `file("./d")`)+" }\n"), want...)
	f.files["d"] = d
	return f
}

// modules is a flake of n modules with the same text.
func modules(name string, n int, m text, want ...string) flake {
	f := module(name, nil, want...)
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "\"./m%d.hcl\", ", i)
		f.files[fmt.Sprintf("m%d.hcl", i)] = m
	}
	f.files["m.hcl"] = plain("imports = [" + list.String() + "]\n")
	return f
}

// doubling is n locals that each hold the one before twice; use uses the last.
func doubling(first, expr string, n int, use string) text {
	return func() string {
		var b strings.Builder
		b.WriteString(data + "locals {\n  a0 = " + first + "\n")
		for i := range n {
			fmt.Fprintf(&b, "  a%d = %s\n", i+1, strings.ReplaceAll(expr, "#", fmt.Sprint(i)))
		}
		return b.String() + "}\nmy { data = " + strings.ReplaceAll(use, "#", fmt.Sprint(n)) + " }\n"
	}
}

// calling is n functions that each call the one before twice.
func calling(n int) text {
	return func() string {
		var b strings.Builder
		b.WriteString(data + "function \"f0\" {\n  params = [x]\n  result = x\n}\n")
		for i := range n {
			fmt.Fprintf(&b, "function \"f%d\" {\n  params = [x]\n  result = f%d(x) + f%d(x)\n}\n", i+1, i, i)
		}
		return b.String() + fmt.Sprintf("my { data = f%d(1) }\n", n)
	}
}

// aliases is a document of 430 bytes whose last line is 9 to the power of 9
// numbers.
func aliases() string {
	s := "a: &a [1,1,1,1,1,1,1,1,1]\n"
	for c := 'b'; c < 'j'; c++ {
		s += fmt.Sprintf("%c: &%c [", c, c) + strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ",") + "]\n"
	}
	return s
}

func flakes() []flake {
	all := append(loops(), decoders()...)
	all = append(all, functions()...)
	all = append(all, files()...)
	for i, f := range all {
		switch {
		case f.args != nil:
		case len(f.want) == 0 || f.want[0] == late || f.want[0] == second: // it may take long, and some of it would
			all[i].args = []string{"eval", "--host", "h", "--eval-timeout", "2s"}
		default:
			all[i].args = []string{"eval", "--host", "h"}
		}
	}
	return all
}

// loops produce nothing, or more and more.
func loops() []flake {
	return []flake{
		value("loops that yield nothing", "[for a in R : 0 if length([for b in R : 0 if length([for c in R : 0 if false]) == 1]) == 1]", budget),
		value("loops over long operations", "[for a in R : 0 if length([for b in R : 0 if "+strings.Repeat("1 + ", 4000)+"1 == 0]) == 1]", late),
		value("loops of splats", "[for a in R : length([for b in R : R[*]])]", budget),
		value("loops of keys", "{ for a in R : a => { for b in R : b => { for c in R : c => c } } }", budget),
		value("loops of text", `[for a in R : join("", [for b in R : "`+strings.Repeat("x", 1000)+`"])]`, budget),
		module("doubled texts", doubling(`"0123456789abcdef"`, `"${local.a#}${local.a#}"`, 60, "local.a#"), budget),
		module("doubled lists", doubling("[1]", "[local.a#, local.a#]", 60, "local.a#"), budget),
		module("doubled lists as JSON", doubling("[1]", "[local.a#, local.a#]", 60, "jsonencode(local.a#)"), budget),
		module("doubled calls", calling(60), budget),
		{
			name: "the console", args: []string{"console", "--host", "h"},
			files: map[string]text{"flake.hcl": plain(hosts), "m.hcl": plain("")},
			stdin: strings.ReplaceAll("[for a in R : 0 if length([for b in R : 0 if length([for c in R : 0 if false]) == 1]) == 1]\n", "R", "range(1000)"),
			want:  []string{budget},
		},
	}
}

// decoders read 10 MB, or a small text that expands to a lot.
func decoders() []flake {
	const ten = 10<<20 - 500 // what a data file may have, but for a line around it
	return []flake{
		decoded("YAML aliases", "yamldecode(D)", aliases, budget),
		decoded("YAML aliases as JSON", "jsonencode(yamldecode(D))", aliases, budget),
		decoded("YAML numbers", "yamldecode(D)", repeated("[", "1,", ten, "1]"), budget),
		decoded("YAML maps", "yamldecode(D)", repeated("[", "{},", ten, "1]"), budget),
		decoded("YAML lines", "yamldecode(D)", repeated("", "- 1\n", ten, ""), budget),
		decoded("YAML keys", "yamldecode(D)", numbered("", "a#: 1\n", ten, ""), budget),
		decoded("YAML merges", "yamldecode(D)", func() string {
			return numbered("a: &a\n", "  k#: 1\n", ten/2, "b:\n")() + repeated("", "  <<: *a\n", ten/2, "")()
		}, budget),
		decoded("JSON numbers", "jsondecode(D)", repeated("[", "1,", ten, "1]"), budget),
		decoded("JSON objects", "jsondecode(D)", repeated("[", "{},", ten, "1]"), budget),
		decoded("JSON brackets", "jsondecode(D)", repeated("", "[", ten, ""), "200 levels"),
		decoded("CSV cells", "csvdecode(D)", repeated("a,b\n", "1,2\n", ten, ""), budget),
		decoded("CSV columns", "csvdecode(D)", func() string { return numbered("", "a#,", ten/2, "b\n")() + repeated("", ",", ten/2, "\n")() }, budget),
		decoded("lines", `split("\n", D)`, repeated("", "\n", ten, ""), budget),
		decoded("a template", `templatefile("./d", { x = 1 })`, repeated("", "${x}", ten, ""), "larger than the 1 MB"),
		decoded("a template with loops", `templatefile("./d", { x = R })`,
			plain("%{ for a in x }%{ for b in x }%{ for c in x }a%{ endfor }%{ endfor }%{ endfor }"), budget),
	}
}

// functions make much of little, or take long over it.
func functions() []flake {
	deep := func(key string) string {
		s := "1"
		for range 90 {
			s = fmt.Sprintf("{ %s = %s }", key, s)
		}
		return s
	}
	objects := numbered("[", `{"a":1,"b#":[]},`, megabyte, "{}]")
	return []flake{
		decoded("matches", `regexall("a", D)`, repeated("", "a", megabyte, ""), budget),
		decoded("groups", `regexall("`+strings.Repeat("()", 500)+`", D)`, repeated("", "a", megabyte/4, ""), budget),
		decoded("replacements", `replace(D, "/a*/", "`+strings.Repeat("x", 1000)+`")`, repeated("", "ab", megabyte, ""), budget),
		decoded("a slow expression", `regexall("(`+strings.Repeat("a?", 40)+`){100}b", D)`, repeated("", "a", megabyte/2, ""), "takes too long"),
		value("a large expression", `regex("(`+strings.Repeat("xy*", 100)+`){1000}", "x")`, "50000 states"),
		value("widths", `[for a in R : format("%1000000d", a)]`, budget),
		decoded("arguments named often", `format("`+strings.Repeat("%[1]s", 1000)+`", D)`, repeated("", "x", megabyte, ""), budget),
		value("pairs", "setproduct(R, R, R)", budget),
		value("digits", "1e600000000 % 7", "so many digits"),
		value("digits of a text", `tonumber("1e-600000000")`, "so many digits"),
		decoded("digits by the million", "parseint(D, 10)", repeated("", "9", megabyte, ""), "so many digits"),
		decoded("digits in JSON", "jsonencode(jsondecode(D))", plain(`{"a": [1, 1e-600000000]}`), budget),
		decoded("digits in YAML", "jsonencode(yamldecode(D))", plain("a: 1e-600000000\n"), budget),
		decoded("objects to a list", "tolist(jsondecode(D))", objects),
		decoded("a set", "length(toset([for x in jsondecode(D) : jsonencode(x)]))", objects),
		decoded("a condition", "length(R) > 1 ? jsondecode(D) : [1]", objects),
		decoded("comparisons", "[for a in R : 0 if jsondecode(D) == [a]]", objects),
		value("unlike objects in a list", "[for a in R : tolist([{ (a) = "+deep("x")+" }, { (a+1) = "+deep("x")+" }, "+deep("y")+"])]"),
		decoded("distinct values", "distinct([for x in jsondecode(D) : [x, x]])", objects),
	}
}

// files are a megabyte of syntax each, which is what a module may have.
func files() []flake {
	return []flake{
		module("numbers", repeated("locals {\n  x = [", "1,", megabyte, "1]\n}\n"), syntax),
		module("empty lines", repeated("", "\n", megabyte, "}"), syntax),
		module("a long text", repeated("locals {\n  x = <<A\n", "a\n", megabyte, "A\n}\n"), "m.hcl"),
		module("parts of a text", repeated(data+"my { data = \"", "${1}", megabyte, "\" }\n"), syntax),
		module("unclosed brackets", repeated("", "x = [", megabyte/2, ""), "200 levels"),
		module("mistakes", repeated("", "a = ]\n", megabyte, "")),
		module("unknown names", numbered("", "a#abcdefgh = 1\n", megabyte, "")),
		module("file entries", numbered("", "file \"/a#\" {\n  content = \"\"\n}\n", megabyte, "")),
		module("definitions", repeated(data, "my { data = [1] }\n", megabyte, "")),
		module("functions", numbered("", "function \"f#\" { result = 1 }\n", megabyte, "")),
		module("checks", numbered("", "assert \"a#\" {\n  condition = false\n  message   = \"m\"\n}\n", megabyte, "")),
		module("moves", numbered("", "moved {\n  from = \"user.a#\"\n  to   = \"user.b#\"\n}\n", megabyte, "")),
		modules("a hundred modules", 100, repeated("locals {\n  x = [", "1,", megabyte/4, "1]\n}\n")),
		modules("prose", 100, repeated("", "# a comment as long as lines are, more or less, in a module of prose\n", megabyte, ""), "16 MB"),
		{
			name: "hosts", args: []string{"validate", "--eval-timeout", "5s"}, want: []string{late}, // 20,000 of them
			files: map[string]text{"flake.hcl": numbered("", "host \"h#abcdefghijklm\" {}\n", megabyte/2, "")},
		},
		{
			name: "args", args: []string{"validate"}, want: []string{syntax},
			files: map[string]text{"flake.hcl": repeated("args {\n  x = [", "1,", megabyte, "1]\n}\n"+hosts)},
		},
	}
}

package eval

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/function"
)

// lazyKinds are the values of options, their types, and the expressions to make of
// them: X stands for the value. A row that does not apply to a value without
// elements begins with "+", one that the console has no function for with "~".
var lazyKinds = []struct {
	name          string
	filled, empty string
	types         []string
	rows          []string
}{
	{"strings", `["a", "b"]`, "[]", []string{"list(string)", "set(string)", "optional(list(string))", "any", "list(any)", "set(any)", "list(group_name)", "set(one_of(port, string))"}, []string{
		`length(X)`, `reverse(X)`, `tolist(X)`, `toset(X)`, `sort(X)`, `distinct(X)`, `compact(X)`, `join(",", X)`, `contains(X, "b")`, `+element(X, 1)`,
		`+slice(X, 0, 1)`, `concat(X, ["z"])`, `flatten([X])`, `length(flatten([[X], X]))`, `coalescelist(X, ["z"])`, `chunklist(X, 1)`, `setunion(X, ["z"])`,
		`setintersection(X, ["a"])`, `setsubtract(X, ["a"])`, `setproduct(X, ["z"])`, `zipmap(X, X)`, `formatlist("%s!", X)`, `format("%d", length(X))`, `+format("%s%s", X...)`,
		`jsonencode(X)`, `yamlencode(X)`, `keyvalue({ k = X })`, `toml({ k = X })`, `ini({ s = { k = X } })`, `X == ["a", "b"]`, `["a"] != X`, `X == []`, `X == toset(["b", "a"])`,
		`[for x in X : x]`, `{ for i, x in X : x => i }`, `X[*]`, `"%{for x in X}${x}.%{endfor}"`, `try(X[0], "none")`, `can(X[0])`, `length(merge({ a = X }, { b = 1 }))`,
		`values({ a = X })`, `keys({ for x in X : x => 1 })`, `lookup({ a = X }, "a", [])`, `did_you_mean("aardvark", concat(X, ["aardvarks"]))`,
		`alltrue([for x in X : x == "a"])`, `anytrue([for x in X : x == "a"])`, `sum([for x in X : 1])`, `range(length(X))`, `max(length(X), 1)`, `min(length(X), 1)`,
		`length(X) == 0 ? "none" : X[0]`, `coalesce(join("", X), "none")`, `length(toset(concat(X, X)))`,
		`~twice(X)`, `~counted(X...)`, `templatefile("./t.tmpl", { xs = X })`, `length(templatefile("./t.tmpl", { xs = flatten([X, X]) }))`,
	}},
	{"numbers", "[1, 2]", "[]", []string{"list(number)", "list(port)", "set(port)", "any", "list(any)", "set(one_of(port, port_range))"}, []string{
		`sum(X)`, `+max(X...)`, `+min(X...)`, `length(setproduct(X, X))`, `length(flatten([X]))`, `X == [1, 2]`, `formatlist("%v", X)`, `+sum([for x in X : pow(x, 2)])`,
		`[for x in X : x if x > 1]`, `length([for x in flatten([X]) : abs(ceil(floor(signum(x))))])`, `+log(X[1], 2)`, `+tonumber(tostring(X[0]))`,
	}},
	{"lists", `[["a"], ["b", "c"]]`, "[]", []string{"list(list(string))", "any", "list(any)", "list(set(string))"}, []string{
		`flatten(X)`, `length(flatten(X))`, `length(X)`, `sum([for x in X : length(x)])`, `+concat(X...)`, `[for x in X : x[0]]`, `X == [["a"], ["b", "c"]]`, `+setproduct(X...)`,
	}},
	{"maps", `{ a = "x", b = "y" }`, "{}", []string{"map(string)", "map(any)", "any", "map(optional(string))"}, []string{
		`keys(X)`, `values(X)`, `length(X)`, `merge(X, { c = "z" })`, `lookup(X, "a", "none")`, `zipmap(keys(X), values(X))`, `tomap(X)`, `X == { a = "x", b = "y" }`, `X != {}`,
		`jsonencode(X)`, `yamlencode(X)`, `keyvalue(X)`, `ini({ s = X })`, `toml(X)`, `dotted({ top = X })`, `[for k, v in X : "${k}${v}"]`, `flatten([values(X)])`,
		`+substitute("@a@@b@", X)`, `contains(values(X), "x")`, `contains(keys(X), "x")`, `xml({ top = X })`, `length(dotted({ top = X }))`,
	}},
	{"text", `"Ab-1"`, `""`, []string{"string", "any", "optional(string)"}, []string{
		`upper(X)`, `lower(X)`, `title(X)`, `trim(X, "A")`, `trimprefix(X, "A")`, `trimsuffix(X, "1")`, `trimspace(X)`, `chomp(X)`, `strrev(X)`, `substr(X, 0, 1)`, `split("-", X)`,
		`replace(X, "A", "b")`, `startswith(X, "A")`, `endswith(X, "1")`, `strcontains(X, "-")`, `sha256(X)`, `base64encode(X)`, `base64decode(base64encode(X))`, `+regex("[A-Z]", X)`,
		`regexall("[a-z]", X)`, `parseint("1${length(X)}", 10)`, `indent(2, X)`, `format("%s", X)`, `tostring(X)`, `jsondecode(jsonencode(X))`, `yamldecode(yamlencode(X))`,
		`+csvdecode("a\n${X}")`, `tobool(X == "")`, `X == "Ab-1"`, `X != "" ? X : "none"`, `coalesce(X, "none")`, `basename("/x/${X}")`, `dirname("/x/${X}")`, `length(X)`,
	}},
}

// What is made of an option's value is what is made of the same value written
// out: whatever was resolved before, below entries that perhaps are none, and in
// the console.
func TestFunctionsOfWhatIsNotResolvedYet(t *testing.T) {
	rows := ""
	for _, kind := range lazyKinds {
		rows += strings.Join(kind.rows, "\n")
		for _, typ := range kind.types {
			for _, value := range []string{kind.filled, kind.empty} {
				t.Run(kind.name+" "+typ+" "+value, func(t *testing.T) { lazyTable(t, typ, value, rowsFor(kind.rows, value == kind.empty)) })
			}
		}
	}
	for _, name := range sortedKeys(function.Shared()) {
		if !strings.Contains(rows, name+"(") {
			t.Errorf("no row calls %s()", name)
		}
	}
}

func rowsFor(rows []string, empty bool) []string {
	var out []string
	for _, row := range rows {
		expr, filledOnly := strings.CutPrefix(row, "+")
		if !filledOnly || !empty {
			out = append(out, expr)
		}
	}
	return out
}

const functions = `
function "twice" {
  params = [x]
  result = concat(x, x)
}
function "counted" {
  variadic_param = xs
  result         = "${length(xs)}: ${join(" ", xs)}"
}
`

func lazyTable(t *testing.T, typ, value string, rows []string) {
	sources := []string{"local.value", "config.a%n.value", "config.a%n.thing.psiri.value", "[for name, x in config.a%n.thing : x.value][0]"}
	files := fmt.Sprintf("locals { value = %s }\noption \"given\" { type = any }\noption \"who\" { type = string }\n"+functions+"given = %s\nwho = args.user\n", value, value)
	for i, row := range rows {
		row := strings.TrimPrefix(row, "~")
		for j, source := range sources {
			n := fmt.Sprintf("%dx%d", i, j)
			files += strings.NewReplacer("%n", n, "%t", typ, "%e", strings.ReplaceAll(row, "X", strings.ReplaceAll(source, "%n", n))).Replace(`
option "a%n.value" { type = %t }
option "a%n.thing.*.value" { type = %t }
option "out.o%n" { type = any }
a%n {
  value = config.given
  thing {
    name  = config.who
    value = config.given
  }
}
out { o%n = %e }
`)
		}
	}
	r, diags := evalDir(t, writeFlake(t, files+"-- t.tmpl --\n%{ for x in xs }${x} %{ endfor }${length(xs)}\n"))
	for _, d := range diags {
		if d.Summary != "Option at the top" {
			t.Error(d)
		}
	}
	for i, row := range rows {
		var got []string
		for j := range sources {
			v, _ := r.Option(fmt.Sprintf("out.o%dx%d", i, j))
			got = append(got, string(asJSON(v)))
		}
		if row, elsewhere := strings.CutPrefix(row, "~"); !elsewhere {
			v, diags := r.Expression("console", strings.ReplaceAll(row, "X", fmt.Sprintf("config.a%dx1.value", i)))
			if got = append(got, string(asJSON(v))); diags.HasErrors() {
				t.Error(diags)
			}
		}
		if len(slices.Compact(slices.Clone(got))) > 1 {
			t.Errorf("%s is %s; written out, read, below an entry, over entries, in the console", row, strings.Join(got, "; "))
		}
	}
}

package eval

import (
	"fmt"
	"strings"
	"testing"
)

func functionCases() []evalCase {
	return []evalCase{
		{name: "function: parameters and what follows them", option: "my.text", want: `"a-b-c 2"`, files: `
function "dashed" {
  params         = [first]
  variadic_param = rest
  result         = join("-", concat([first], rest))
}
function "twice" {
  params = [n]
  result = n * 2
}
my { text = "${dashed("a", "b", "c")} ${twice(1)}" }` + myOptions},
		{name: "rule 09 function: what was declared before it can be called", option: "my.text", want: `"((x))"`, files: `
function "one" {
  params = [s]
  result = "(${s})"
}
function "two" {
  params = [s]
  result = one(one(s))
}
my { text = two("x") }` + myOptions},
		{name: "rule 09 function: it cannot call itself, nor what follows", errs: []string{`self_call() calls itself`}, files: `
function "self_call" {
  params = [n]
  result = n == 0 ? 0 : self_call(n - 1)
}
my { text = self_call(3) }` + myOptions},
		{name: "rule 09 function: not by way of a template either", errs: []string{`no function named "again"`}, files: `
function "again" {
  params = [n]
  result = templatefile("./x.tmpl", { n = n })
}
my { text = again(3) }
-- x.tmpl --
${again(n)}` + myOptions},
		{name: "rule 09 a template renders no template", errs: []string{"a template cannot render another"}, files: `
my { text = templatefile("./x.tmpl", {}) }
-- x.tmpl --
${templatefile("./x.tmpl", {})}` + myOptions},
		{name: "function: it sees its parameters only", errs: []string{"A function sees only its parameters"}, files: `
function "f" {
  params = []
  result = config.my.other
}
my { text = f() }` + myOptions},
		{name: "function: what the result does not need is not evaluated", option: "my.text", want: `"x"`, files: `
function "first" {
  params = [a, b]
  result = a
}
my {
  text  = first("x", config.my.other)
  other = config.my.text
}` + myOptions},
		{name: "function: the placeholder of a secret stays one", errs: []string{"would change the placeholder of secret \"s\""}, files: secretFiles + `
function "loud" {
  params = [s]
  result = upper(s)
}
file "/x" { content = loud(config.secret.s.placeholder) }`},
		{name: "function: malformed", errs: []string{"one label, an identifier", "choose another name", "choose another name", "choose another name", "without quotes", "needs a result", `not "results"`, "and no block"}, files: `
function "a-b!" { result = 1 }
function "upper" { result = 1 }
function "force" { result = 1 }
function "f" { result = 1 }
function "f" { result = 1 }
function "g" {
  params = ["x"]
  result = 1
}
function "h" { params = [] }
function "i" {
  results = 1
}
function "j" {
  result = 1
  x {}
}` + myOptions},
	}
}

// Language rule 9: a long chain of functions does not take the Go stack.
func TestRule09FunctionDepth(t *testing.T) {
	var b strings.Builder
	b.WriteString("function \"f0\" {\n  params = [x]\n  result = x\n}\n")
	for i := 1; i < 5000; i++ {
		fmt.Fprintf(&b, "function \"f%d\" {\n  params = [x]\n  result = f%d(x)\n}\n", i, i-1)
	}
	b.WriteString("my { text = f4999(\"x\") }")
	evalCase{files: b.String() + myOptions, errs: []string{"more than 100 deep"}}.run(t)
}

package eval

import "testing"

// Rule 18: keys are sorted, a list repeats its key, sections keep order.
func TestRule18Writers(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`keyvalue({ b = [1, 2], a = true, n = null })`, `"a yes\nb 1\nb 2\n"`},
		{`keyvalue({ a = "10.0" }, { separator = "=", quote = true })`, `"a=\"10.0\"\n"`},
		{`ini({ z = { k = true }, top = 1, a = { l = ["x", "y"] } })`, `"top=1\n\n[a]\nl=x\nl=y\n\n[z]\nk=true\n"`},
		{`ini({ Peer = [{ K = "2" }, { K = "1" }] }, { separator = " = " })`, `"[Peer]\nK = 2\n\n[Peer]\nK = 1\n"`},
		{`toml({ t = { x = { "a b" = 1 } }, s = "q\"\\", l = [true, "x"], aot = [{ n = 1 }, { n = 2 }] })`,
			`"l = [true, \"x\"]\ns = \"q\\\"\\\\\"\n\n[[aot]]\nn = 1\n\n[[aot]]\nn = 2\n\n[t]\n\n[t.x]\n\"a b\" = 1\n"`},
		{`yamlencode({ a = [1], b = "x" })`, `"\"a\":\n- 1\n\"b\": \"x\"\n"`},
		{`jsonencode(yamldecode("a: [1, x]"))`, `"{\"a\":[1,\"x\"]}"`},
		{`replace("a1b2", "/[0-9]/", "-")`, `"a-b-"`},
		{`"${length("äb")} ${length([1])} ${sum([1, 2])} ${alltrue([true, false])} ${anytrue([true])} ${startswith("ab", "a")} ${endswith("ab", "a")}"`,
			`"2 1 3 false true true false"`},
		{`"${basename("/a/b")} ${dirname("/a/b")} ${base64decode(base64encode("x"))} ${strcontains("abc", "b")}"`, `"b /a x true"`},
		{`substr(sha256("x"), 0, 8)`, `"2d711642"`},
	} {
		evalCase{name: c.expr, option: "my.text", want: c.want, files: "my {\n text = " + c.expr + "\n}" + myOptions}.run(t)
	}
	for _, c := range []struct{ expr, want string }{
		{`keyvalue({ a = "x\ny" })`, "line break"},
		{`keyvalue({ a = {} })`, "a string, a number or a bool is wanted"},
		{`ini("x")`, "A map is wanted"},
		{`ini({}, { seperator = "" })`, `not "seperator"`},
		{`substitute("@a@", { a = "1", b = "2" })`, "he text has no @b@"},
		{`templatefile("./none", {})`, "annot read ./none"},
	} {
		evalCase{name: c.expr, errs: []string{c.want}, files: "my {\n text = " + c.expr + "\n}" + myOptions}.run(t)
	}
}

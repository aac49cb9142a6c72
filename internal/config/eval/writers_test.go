package eval

import "testing"

// Language rule 18: keys are sorted, a list repeats its key, sections keep order.
func TestRule18Writers(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`keyvalue({ b = [1, 2], a = true, n = null })`, `"a yes\nb 1\nb 2\n"`},
		{`keyvalue({ a = "10.0" }, { separator = "=", quote = true })`, `"a=\"10.0\"\n"`},
		{`ini({ z = { k = true }, top = 1, a = { l = ["x", "y"] } })`, `"top=1\n\n[a]\nl=x\nl=y\n\n[z]\nk=true\n"`},
		{`ini({ on = true, all = [true, "x", false], a = { l = [false], on = false } })`, `"all=true\nall=x\nall=false\non=true\n\n[a]\nl=false\non=false\n"`},
		{`ini({ Peer = [{ K = "2" }, { K = "1" }] }, { separator = " = " })`, `"[Peer]\nK = 2\n\n[Peer]\nK = 1\n"`},
		{`toml({ t = { x = { "a b" = 1 } }, s = "q\"\\", l = [true, "x"], aot = [{ n = 1 }, { n = 2 }] })`,
			`"l = [true, \"x\"]\ns = \"q\\\"\\\\\"\n\n[[aot]]\nn = 1\n\n[[aot]]\nn = 2\n\n[t]\n\n[t.x]\n\"a b\" = 1\n"`},
		{`xml({ fontconfig = { match = [{ "@target" = "font", edit = { "@name" = "a<b", bool = true, int = 3 } }, null, "x & y"], "#" = [{ dir = "b" }, { alias = {} }, { dir = "a" }] } }, { doctype = "fontconfig SYSTEM \"fonts.dtd\"" })`,
			`"\u003c?xml version=\"1.0\" encoding=\"UTF-8\"?\u003e\n\u003c!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"\u003e\n\u003cfontconfig\u003e\n  \u003cdir\u003eb\u003c/dir\u003e\n  \u003calias/\u003e\n  \u003cdir\u003ea\u003c/dir\u003e\n  \u003cmatch target=\"font\"\u003e\n    \u003cedit name=\"a\u0026lt;b\"\u003e\n      \u003cbool\u003etrue\u003c/bool\u003e\n      \u003cint\u003e3\u003c/int\u003e\n    \u003c/edit\u003e\n  \u003c/match\u003e\n  \u003cmatch\u003ex \u0026amp; y\u003c/match\u003e\n\u003c/fontconfig\u003e\n"`},
		{`replace(xml({ a = { "@b" = 1, "#" = "t" } }), "/.*\n</", "<")`, `"\u003ca b=\"1\"\u003et\u003c/a\u003e\n"`},
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
		{`keyvalue({ a = {} })`, "expected a string, a number or a bool"},
		{`xml({ a = 1, b = 2 })`, "one root element"},
		{`xml({ "a b" = 1 })`, "not a valid XML element name"},
		{`xml({ a = "\u0001" })`, "XML does not allow the character U+0001"},
		{`ini("x")`, "Expected a map"},
		{`ini({}, { seperator = "" })`, `not "seperator"`},
		{`substitute("@a@", { a = "1", b = "2" })`, "he text has no @b@"},
		{`templatefile("./none", {})`, "annot read ./none"},
	} {
		evalCase{name: c.expr, errs: []string{c.want}, files: "my {\n text = " + c.expr + "\n}" + myOptions}.run(t)
	}
}

package eval

import (
	"fmt"
	"strings"
	"testing"
)

// Language rule 30: explain says of each definition whether it counts.
func TestRule30Explain(t *testing.T) {
	for _, c := range []struct{ name, option, h, t, want string }{
		{"a scalar", "my.text", `my { text = "h" }`, `my { text = "t" }`, `h.hcl:1 host plain counts, t.hcl:N template plain beaten`},
		{"force", "my.text", `my { text = "h" }`, `my { text = force("t") }`, `t.hcl:N template force counts, h.hcl:1 host plain beaten`},
		{"equal values agree", "my.port", "imports = [\"./a.hcl\", \"./b.hcl\"]", "", `b.hcl:1 host plain counts, a.hcl:1 host plain counts`},
		{"a list", "my.list", `my { list = ["h"] }`, `my { list = default(["t"]) }`, `h.hcl:1 host plain counts, t.hcl:N template default beaten`},
		{"an empty list that counts", "my.list", `my { list = force([]) }`, `my { list = ["t"] }`, `h.hcl:1 host force counts, t.hcl:N template plain beaten`},
		{"a removal", "my.list", `my { list = [without("t")] }`, `my { list = ["t"] }`, `h.hcl:1 host plain counts, t.hcl:N template plain beaten`},
		{"a map", "my.map", `my { map = { a = "h" } }`, `my { map = { a = "t", b = "t" } }`, `h.hcl:1 host plain counts, t.hcl:N template plain counts`},
		{"an empty map", "my.map", `my { map = force({}) }`, `my { map = { a = "t" } }`, `h.hcl:1 host force counts, t.hcl:N template plain beaten`},
		{"null", "my.text", `my { text = force(null) }`, `my { text = "t" }`, `h.hcl:1 host force counts, t.hcl:N template plain beaten`},
	} {
		t.Run(c.name, func(t *testing.T) {
			archive := c.h + "\n" + myOptions + c.t + "\n-- a.hcl --\nmy { port = 22 }\n-- b.hcl --\nmy { port = \"22\" }\n"
			r, diags := evalDir(t, writeFlake(t, archive))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			x, diags := r.Explain(c.option)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			var got []string
			for _, d := range x.Definitions {
				verdict := "beaten"
				if d.Wins {
					verdict = "counts"
				}
				line := fmt.Sprint(d.Line)
				if d.File == "t.hcl" {
					line = "N"
				}
				got = append(got, fmt.Sprintf("%s:%s %s %s %s", d.File, line, d.Layer, d.Priority, verdict))
			}
			if g := strings.Join(got, ", "); g != c.want {
				t.Errorf("got  %s\nwant %s", g, c.want)
			}
		})
	}
}

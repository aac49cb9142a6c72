package eval

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/meter"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/config/syntax"
)

const (
	megabyte = 1 << 20
	// maxFuzzTime is for an input of a megabyte on a busy machine.
	maxFuzzTime   = 30 * time.Second
	maxFuzzMemory = 1 << 30
)

// nasty are inputs that have stopped some reader of HCL: deep, long, or much
// larger when evaluated.
func nasty(size int) []string {
	var out []string
	for _, s := range []string{
		"(", "[", "{", "a {\n", "a = [", "${", "\"${", "%{if x}", "-", "!", "{a=", "a \"", "<<A\n", "/*", "#", "\\", "\x00", "\xff", "a = 1\n", "a.b = 1\n",
		"a = 1 + ", "a ? b : ", "f(", "x[", "x.*.", "a\n", "option \"x\" {}\n", "user \"x\" {}\n", "a = \"\n", "}\n", "é", "e\u0301", "file = {}\n", "packages = [\"x\"]\n",
	} {
		out = append(out, strings.Repeat(s, size/len(s)), "a = "+strings.Repeat(s, size/len(s)), strings.Repeat(s, 300))
	}
	doubling := "locals {\n  a0 = [1, 2]\n"
	text := "locals {\n  a0 = \"0123456789abcdef\"\n"
	for i := 1; i < 40; i++ {
		doubling += strings.ReplaceAll(strings.ReplaceAll("  aN = [local.aM, local.aM]\n", "N", digits(i)), "M", digits(i-1))
		text += strings.ReplaceAll(strings.ReplaceAll("  aN = \"${local.aM}${local.aM}\"\n", "N", digits(i)), "M", digits(i-1))
	}
	out = append(out, doubling+"}\nmy { data = local.a39 }\n", text+"}\nmy { text = local.a39 }\n")
	for _, expr := range []string{
		"[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : d]]]]",
		"{ for a in range(1000) : a => { for b in range(1000) : b => { for c in range(1000) : c => c } } }",
		"flatten([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]])",
		"length([for a in range(1000) : length([for b in range(1000) : length([for c in range(1000) : c])])])",
		"[for a in range(1000) : try([for b in range(1000) : [for c in range(1000) : c]], 1)]",
		"setproduct(range(1000), range(1000), range(1000), range(1000))",
		"join(\"" + strings.Repeat("x", 10000) + "\", split(\"\", \"" + strings.Repeat("y", 100000) + "\"))",
		"replace(\"" + strings.Repeat("x", 100000) + "\", \"x\", \"" + strings.Repeat("y", 100000) + "\")",
		"format(\"%2000000000d\", 1)", "format(\"%.2000000000f\", 1)", "format(\"%*d\", 2000000000, 1)", "formatlist(\"%2000000000s\", [1, 2])",
		"indent(2000000000, \"a\\nb\")", "pow(10, 100000000)", "1e1000000000", "tostring(1e1000000000)", "\"${1e999999999}\"", "1e-1000000000", "log(0, 0)",
		"parseint(\"" + strings.Repeat("9", 500000) + "\", 10)", strings.Repeat("9", 500000), "range(0, 1, 0)", "range(1e100, 2e100)", "range(0, 1e6)", "chunklist([1], 0)", "chunklist(range(1000), -1)",
		"substr(\"a\", -1e30, 1e30)", "slice([1], 1e30, 2)", "element([], 0)", "element([1], -1)", "[1][1e100]", "[1][-1]", "floor(1e1000000000)", "1 / 0", "1 % 0", "-1 % 1e1000000",
		"regexall(\"(a*)*b\", \"" + strings.Repeat("a", 100000) + "\")", "regex(\"(((((a{1000}){1000}){1000}){1000})\", \"a\")",
		"jsondecode(\"" + strings.Repeat("[", 100000) + "\")", "yamldecode(\"" + strings.Repeat("[", 100000) + "\")", "yamldecode(\"" + strings.Repeat("{a: ", 100000) + "\")",
		"yamldecode(\"a: &a [1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\\n\")",
		"csvdecode(\"" + strings.Repeat("a,", 100000) + "\\n\")", "jsondecode(\"1e1000000000\")", "zipmap([null], [1])", "merge(null, {})", "lookup({}, null, 1)",
		"config.my.text", "config.my", "config", "self", "each.key", "local.nothing", "args", "host", "input", "config.my[*].text", "config.user[*]", "config.user[null]", "config.user[[]]",
		"templatefile(\"./m.hcl\", {})", "file(\"/etc/shadow\")", "file(\"../../../../etc/passwd\")", "file(\"./m.hcl\")", "file(\"\\u0000\")",
	} {
		if out = append(out, "my { data = "+expr+" }\n"); size < megabyte {
			continue
		}
		out = append(out, "my {\n  text = "+expr+"\n}\n", "locals { x = "+expr+" }\nuser {\n  for_each = local.x\n  comment = each.value\n}\n")
	}
	return out
}

func digits(i int) string { return string(rune('0'+i/10)) + string(rune('0'+i%10)) }

// seeds are the nasty inputs and every HCL file of this repository.
func seeds(f *testing.F) {
	for _, s := range nasty(1 << 14) {
		f.Add([]byte(s))
	}
	err := filepath.WalkDir("../../..", func(p string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(p) == ".hcl" {
			var b []byte
			if b, err = os.ReadFile(p); err == nil {
				f.Add(b)
			}
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// within fails where f takes long or much memory.
func within(t *testing.T, f func()) {
	t.Helper()
	debug.SetTraceback("all")
	debug.SetMemoryLimit(maxFuzzMemory / 2) // garbage of the input before does not count
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		f()
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		select {
		case p := <-done:
			if p != nil {
				t.Fatalf("panic: %v", p)
			}
			return
		case <-tick.C:
			if time.Since(begun) > maxFuzzTime {
				panic("it takes longer than " + maxFuzzTime.String()) // with the stack of f
			}
			if metrics.Read(sample); sample[0].Value.Uint64() > maxFuzzMemory {
				panic("it takes more than 1 GB")
			}
		}
	}
}

// parseAll reads an input as everything that is read as syntax: flake.hcl, a
// module, a type, a template, and text to format.
func parseAll(t *testing.T, dir string, src []byte) {
	within(t, func() {
		own, _ := flake.LoadUnsaved(dir, map[string][]byte{filepath.Join(dir, "flake.hcl"): src})
		if own != nil {
			own.Hosts()
		}
		if syntax.GuardTemplate("t", string(src)) == nil {
			_, _ = hclsyntax.ParseTemplate(src, "t", hcl.InitialPos)
		}
		file, diags := syntax.Parse("m.hcl", src)
		if file == nil || diags.HasErrors() {
			return
		}
		hclwrite.Format(src)
		body := file.Body.(*hclsyntax.Body)
		meter.Wrap(body)
		_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			if a, ok := n.(*hclsyntax.Attribute); ok {
				usesOf(a.Expr, nil)
				_, _ = option.ParseType(a.Expr)
			}
			return nil
		})
	})
}

// evalAll evaluates a host that an input is a module of.
func evalAll(t *testing.T, dir string, src []byte) {
	const own = `
option "my.text" { type = optional(string) }
option "my.data" { type = any }
option "my.list" { type = list(string) }
option "my.many.*.size" { type = number }
file {
  for_each = config.my.many
  name     = "/many/${each.key}"
  content  = each.value.size
}
`
	at := func(name string) string { return filepath.Join(dir, name) }
	within(t, func() {
		fl, diags := flake.LoadUnsaved(dir, map[string][]byte{
			at("flake.hcl"): []byte("host \"h\" {\n  modules = [\"./own.hcl\", \"./m.hcl\"]\n}\n"), at("own.hcl"): []byte(own), at("m.hcl"): src,
		})
		if diags.HasErrors() {
			t.Error(diags)
			return
		}
		r, _ := Host(context.Background(), fl, "h")
		if r.Spec != nil {
			if _, err := r.Spec.Canonical(); err != nil {
				t.Error(err)
			}
		}
	})
}

// emptyModules is a folder with the modules of evalAll, which have to be there.
func emptyModules(t testing.TB) string {
	dir := t.TempDir()
	for _, name := range []string{"m.hcl", "own.hcl"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func notShort(f *testing.F) {
	if testing.Short() {
		f.Skip("its seeds take ten seconds")
	}
}

func FuzzParse(f *testing.F) {
	notShort(f)
	seeds(f)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src []byte) { parseAll(t, dir, src) })
}

func FuzzEval(f *testing.F) {
	notShort(f)
	seeds(f)
	dir := emptyModules(f)
	f.Fuzz(func(t *testing.T, src []byte) { evalAll(t, dir, src) })
}

// No input of a megabyte takes long, or a gigabyte of memory.
func TestMegabyte(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("it takes minutes: runs where CI is set")
	}
	dir := emptyModules(t)
	for _, s := range nasty(megabyte) {
		parseAll(t, dir, []byte(s))
		evalAll(t, dir, []byte(s))
	}
}

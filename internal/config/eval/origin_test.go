package eval

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/spec"
)

// mustEval evaluates host h after locking the flake's inputs.
func mustEval(t *testing.T, dir string) *Result {
	t.Helper()
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, err := f.Update(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r, diags := Host(context.Background(), f, "h")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return r
}

// Language rule 30: a resource's origin is the user's line, also where a module of the
// library lowers it.
func TestRule30Origins(t *testing.T) {
	r := mustEval(t, writeFlake(t, `
packages = ["git"]
services {
  openssh {
    enable = true
  }
}
file "/etc/motd" {
  content = "h"
}
sysctl = { "vm.swappiness" = 10 }
file {
  for_each = toset(["a"])
  name     = "/etc/${each.key}"
  content  = "x"
}
-- t.hcl --
file "/etc/motd" { content = "t" }
`))
	for id, want := range map[spec.ID]string{
		{Kind: spec.KindPackage, Name: "git"}:            "h.hcl:2 host",
		{Kind: spec.KindFile, Name: "/etc/motd"}:         "h.hcl:8 host",
		{Kind: spec.KindFile, Name: "/etc/a"}:            "h.hcl:12 host",
		{Kind: spec.KindSysctl, Name: "vm.swappiness"}:   "h.hcl:11 host",
		{Kind: spec.KindPackage, Name: "openssh-server"}: "h.hcl:5 host",
	} {
		o := r.Spec.Origins[id]
		if got := o.String() + " " + o.Layer; got != want {
			t.Errorf("%s comes from %s, want %s", id, got, want)
		}
	}
	for _, k := range spec.Kinds() {
		for id := range r.Spec.Origins {
			if id.Kind == k && r.Spec.Origins[id].File == "" {
				t.Errorf("%s has no origin", id)
			}
		}
	}
}

const foreign = `
sysctl = { "vm.swappiness" = 10 }
file "/etc/h" { content = "${input.data.rev}|${file("${input.data.path}/x.txt")}" }
file "/etc/raw" { source = "${input.data.path}/x.txt" }
-- flake.hcl --
input "hw" { url = "path:./hw" }
input "data" {
  url   = "path:./data"
  flake = false
}
args {
  user = "psiri"
}
host "h" { modules = ["./h.hcl", input.hw.modules.laptop] }
-- data/x.txt --
data
-- hw/flake.hcl --
args {
  user = "nobody"
}
export { modules = { laptop = "./laptop.hcl" } }
-- hw/laptop.hcl --
imports = ["./more"]
locals { x = "local of hw" }
sysctl = { "vm.swappiness" = 60 }
-- hw/more/default.hcl --
file "/etc/hw" { content = "${args.user} ${host.name} ${file("./f.txt")}" }
-- hw/more/f.txt --
of hw
`

// Language rules 11 and 22: a module of another flake counts as imported by the list
// that names it; its paths are its own, args and host are the consumer's.
func TestRule22ForeignModules(t *testing.T) {
	r := mustEval(t, writeFlake(t, foreign))
	if got := r.Spec.Sysctls["vm.swappiness"]; got != "10" {
		t.Errorf("vm.swappiness is %s: the flake's own module beats another flake's", got)
	}
	if got := r.Spec.Files["/etc/hw"].Content; got != "psiri h of hw\n" {
		t.Errorf("/etc/hw is %q", got)
	}
	if got := r.Spec.Files["/etc/h"].Content; got != "|data\n" {
		t.Errorf("/etc/h is %q", got)
	}
	digest := r.Spec.Files["/etc/raw"].Digest
	if !strings.HasSuffix(r.Spec.Blobs[digest], "/data/x.txt") || digest != spec.Sum([]byte("data\n")) {
		t.Errorf("/etc/raw is %s from %q", digest, r.Spec.Blobs[digest])
	}
	if o := r.Spec.Origins[spec.ID{Kind: spec.KindFile, Name: "/etc/hw"}]; o.String() != "@hw/more/default.hcl:1" {
		t.Errorf("/etc/hw comes from %s", o)
	}
}

// Language rule 24: a flake exports modules, templates and packages, and another
// uses them by these names. The definitions in a template of another flake are in
// the template layer.
func TestRule24Exports(t *testing.T) {
	r := mustEval(t, writeFlake(t, `
option "my.layer" { type = string }
my { layer = host.template }
sysctl = { "vm.swappiness" = 1 }
file "/pkg" { source = "${input.hw.packages.tool}/x.txt" }
-- flake.hcl --
input "hw" { url = "path:./hw" }
host "h" {
  template = input.hw.templates.laptop
  modules  = ["./h.hcl", input.hw.modules.quiet]
}
-- hw/flake.hcl --
export {
  modules   = { quiet = "./quiet.hcl" }
  templates = { laptop = "./laptop" }
  packages  = { tool = "./pkgs/tool" }
}
-- hw/quiet.hcl --
sysctl = { "kernel.printk" = 3 }
-- hw/laptop/default.hcl --
imports = ["../power.hcl"]
sysctl = { "vm.swappiness" = 2, "vm.laptop_mode" = 5 }
-- hw/power.hcl --
sysctl = { "vm.laptop_mode" = 4 }
-- hw/pkgs/tool/x.txt --
`))
	want := map[string]string{"vm.swappiness": "1", "vm.laptop_mode": "5", "kernel.printk": "3"}
	if !maps.Equal(r.Spec.Sysctls, want) {
		t.Errorf("sysctl is %v, want %v", r.Spec.Sysctls, want)
	}
	if v, diags := r.Option("my.layer"); diags.HasErrors() || v.AsString() != "laptop" {
		t.Errorf("host.template is %#v (%v)", v, diags)
	}
	if f := r.Spec.Files["/pkg"]; !strings.HasSuffix(r.Spec.Blobs[f.Digest], "/pkgs/tool/x.txt") {
		t.Errorf("/pkg is %+v", f)
	}
	x, _ := r.Explain("sysctl")
	layers := map[string]bool{}
	for _, d := range x.Definitions {
		layers[d.File+" "+d.Layer] = true
	}
	if !layers["@hw/laptop/default.hcl template"] || !layers["@hw/quiet.hcl host"] {
		t.Errorf("the definitions stand in %v", layers)
	}
}

// The same files give the same bytes, in whatever folder they are.
func TestSpecIsHermetic(t *testing.T) {
	archive := foreign + `
-- h.hcl --
packages = ["bb", "aa"]
user {
  for_each = toset(["x", "y"])
  comment  = input.data.path
}
`
	first, err := mustEval(t, writeFlake(t, archive)).Spec.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := mustEval(t, writeFlake(t, archive)).Spec.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatalf("the spec differs:\n%s\n%s", first, again)
		}
	}
}

func TestRule19SecretsInText(t *testing.T) {
	r := mustEval(t, writeFlake(t, `
secret "a" { file = "./s.yaml" }
secret "b" { 
  file             = "./s.yaml"
  needed_for_users = true
}
locals { a = config.secret.a.placeholder }
file "/json" { content = jsonencode({ p = local.a, q = ["x"] }) }
file "/toml" { content = toml({ p = local.a }) }
file "/xml" { content = xml({ p = local.a }) }
file "/kv" { content = keyvalue({ p = local.a }) }
file "/tmpl" { content = templatefile("./x.tmpl", { p = local.a }) }
file "/join" { content = join(",", [local.a, format("%s!", config.secret["b"].placeholder)]) }
file "/other" { content = config.secret.a.mode == "0400" ? "plain" : local.a }
file "/sub" { content = substitute("@p@", { p = local.a }) }
user "u" { hashed_password_file = config.secret.b.path }
-- s.yaml --
-- x.tmpl --
pass=${p}
-- h2 --
`))
	want := map[string]string{
		"/json":  `{"p":"{{secret:a|json}}","q":["x"]} [a] 0400`,
		"/toml":  "p = \"{{secret:a|json}}\"\n [a] 0400",
		"/xml":   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<p>{{secret:a|xml}}</p>\n [a] 0400",
		"/kv":    "p {{secret:a}}\n [a] 0400",
		"/tmpl":  "pass={{secret:a}}\n [a] 0400",
		"/join":  "{{secret:a}},{{secret:b}}! [a b] 0400",
		"/other": "plain [] 0644",
		"/sub":   "{{secret:a}} [a] 0400",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		f := r.Spec.Files[name]
		if got := f.Content + " [" + strings.Join(f.Secrets, " ") + "] " + f.Mode; got != want[name] {
			t.Errorf("%s is %q, want %q", name, got, want[name])
		}
	}
	if got := r.Spec.Users["u"].PasswordSecret; got != "b" {
		t.Errorf("the password of u comes from secret %q", got)
	}
}

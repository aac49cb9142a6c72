package eval

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/option"
	"github.com/hostctl/hostctl/internal/spec"
)

type originCase struct {
	kind spec.Kind
	name string
	want string
}

func checkOrigins(t *testing.T, r *Result, cases []originCase) {
	t.Helper()
	for _, c := range cases {
		if got := r.Spec.Origins[spec.ID{Kind: c.kind, Name: c.name}].String(); got != c.want {
			t.Errorf("%s %s comes from %s, want %s", c.kind, c.name, got, c.want)
		}
	}
}

// What the library lowers comes from the user's line that made it happen: the
// entry that names the path, the element of the list.
func TestRule30OriginsThroughTheLibrary(t *testing.T) {
	r := mustEval(t, writeFlake(t, `imports = ["./a.hcl"]
user "u" { authorized_keys = ["`+sshKey+`"] }
user "v" { home = "/home/v" }
home "u" {
  packages = [
    "jq",
    "nano",
  ]
  file ".a" { content = "x" }
  file ".b/c" {
    content = "y"
  }
}
home {
  for_each = toset(["v"])
  file     = { ".a" = { content = "z" }
    ".d" = { directory = true } }
}
environment {
  packages = ["git",
    "tree"]
}
packages = concat(["age"],
  ["sops"])
programs {
  wireshark { enable = true }
  gnupg {
    agent {
      enable           = true
      pinentry_package = "pinentry-qt"
    }
  }
}
networking {
  hosts = { "192.0.2.1" = ["n"] }
}
sysctl = {
  "vm.swappiness"       = 10
  "net.ipv4.ip_forward" = 1
}
-- a.hcl --
user "u" { shell = "zsh" }
`))
	checkOrigins(t, r, []originCase{
		{spec.KindFile, "/home/u/.a", "h.hcl:9"},
		{spec.KindFile, "/home/u/.b/c", "h.hcl:10"},
		{spec.KindFile, "/home/v/.a", "h.hcl:16"},
		{spec.KindFile, "/home/v/.d", "h.hcl:17"},
		{spec.KindPackage, "jq", "h.hcl:6"},
		{spec.KindPackage, "nano", "h.hcl:7"},
		{spec.KindPackage, "git", "h.hcl:20"},
		{spec.KindPackage, "tree", "h.hcl:21"},
		{spec.KindPackage, "sops", "h.hcl:23"},
		{spec.KindPackage, "tshark", "h.hcl:26"},
		{spec.KindPackage, "pinentry-qt", "h.hcl:30"},
		{spec.KindPackage, "gpg-agent", "h.hcl:29"},
		{spec.KindFile, "/etc/hosts", "h.hcl:35"},
		{spec.KindFile, "/etc/ssh/authorized_keys.d/u", "h.hcl:2"},
		{spec.KindSysctl, "net.ipv4.ip_forward", "h.hcl:39"},
		{spec.KindUser, "u", "h.hcl:2"},
	})
}

// evalWith evaluates a flake with one more module in the library.
func evalWith(t *testing.T, module, dir string) *Result {
	t.Helper()
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	e := newEvaluator(context.Background(), NewFleet(f))
	const name = "library/extra.hcl"
	m := e.newModule(nil, name, name, option.Library)
	m.counted = true
	e.modules[name] = m
	e.read(m, e.fleet.parse(name, name, func() ([]byte, error) { return []byte(module), nil }))
	e.loaded = append(e.loaded, m)
	r := e.run("h")
	if e.log.All().HasErrors() {
		t.Fatal(e.log.All())
	}
	return r
}

// A line that has nothing to do with a resource is not its origin: the
// library's own is right where no other is.
func TestOriginsAreRelated(t *testing.T) {
	r := evalWith(t, `
option "extra.names" {
  type    = set(string)
  default = ["by-default"]
}
option "extra.more" { type = set(string) }
option "extra.user.*.on" {
  type    = bool
  default = false
}
option "extra.text" { type = string }
extra { more = ["in-library"] }
packages = config.extra.names
environment { packages = config.extra.more }
package {
  for_each = toset([for name, u in config.extra.user : "of-${name}" if u.on])
}
file "/etc/any" {
  when    = anytrue([for name, u in config.extra.user : u.on])
  content = "x"
}
file "/etc/text" { content = "<${config.extra.text}>" }
`, writeFlake(t, `
packages = ["git"]
environment { packages = ["tree"] }
extra {
  more = ["in-user"]
  text = "t"
  user "a" { on = false }
  user "b" { on = true }
}
`))
	checkOrigins(t, r, []originCase{
		{spec.KindPackage, "git", "h.hcl:2"},
		{spec.KindPackage, "tree", "h.hcl:3"},
		{spec.KindPackage, "in-user", "h.hcl:5"},
		{spec.KindPackage, "in-library", "library/extra.hcl:12"},
		{spec.KindPackage, "by-default", "library/extra.hcl:4"},
		{spec.KindPackage, "of-b", "library/extra.hcl:15"},
		{spec.KindFile, "/etc/any", "h.hcl:8"},
		{spec.KindFile, "/etc/text", "h.hcl:6"},
	})
}

// What the decoder refuses is shown where the user wrote it, with paths as
// the user knows them.
func TestErrorsNameTheUsersLine(t *testing.T) {
	for _, c := range []struct {
		name, h string
		want    []string
	}{
		{"the default file of secrets is missing", `
secrets { default_file = "./none.yaml" }
secret "a" {}
secret "b" {
  owner = "root"
}
secret "c" {
  file = "sub/none.yaml"
}
secret "d" {
  file = "./none.yaml"
}`, []string{
			`h.hcl:3: Cannot read file; secret.a: cannot read none.yaml: no such file or directory.`,
			`h.hcl:4: Cannot read file; secret.b: cannot read none.yaml: no such file or directory.`,
			`h.hcl:8: Cannot read file; secret.c: cannot read sub/none.yaml: no such file or directory.`,
			`h.hcl:11: Cannot read file; secret.d: cannot read none.yaml: no such file or directory.`,
		}},
		{"no default file", `
secret "a" {}
secret "b" {}`, []string{"h.hcl:2: Missing file", "h.hcl:3: Missing file"}},
		{"a secret in a home file", `
secret "a" { file = "./h.hcl" }
user "u" { home = "/home/u" }
home "u" {
  file ".x" { content = "x" }
  file ".netrc" {
    content = config.secret.a.placeholder
    mode    = "0644"
  }
}`, []string{"h.hcl:8: Secret readable by others"}},
		{"an empty home file", `
user "u" { home = "/home/u" }
home "u" {
  file ".x" {
    mode = "0600"
  }
}`, []string{"h.hcl:4: Incomplete entry"}},
		{"a missing source of a home file", `
user "u" { home = "/home/u" }
home "u" {
  file ".x" {
    source = "./none"
  }
}`, []string{"h.hcl:5: Cannot read file; file[\"/home/u/.x\"]: cannot read none: no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, diags := evalDir(t, writeFlake(t, c.h))
			var got []string
			for _, d := range diags {
				if d.Severity == hcl.DiagError {
					got = append(got, option.At(*d.Subject)+": "+d.Summary+"; "+d.Detail)
				}
			}
			match(t, "error", got, c.want)
		})
	}
}

func TestTheTitleOfAWarning(t *testing.T) {
	_, diags := evalDir(t, writeFlake(t, `
warn "late" {
  condition = false
  message   = "It is late."
}`))
	if len(diags) != 1 || diags[0].Summary != "late" || !strings.Contains(diags[0].Detail, "It is late.") {
		t.Errorf("got %v", diags)
	}
}

// A file of an input is named as diagnostics name the input's own files.
func TestErrorsNameFilesOfInputs(t *testing.T) {
	dir := writeFlake(t, `
file "/none" { source = "${input.data.path}/none" }
file "/out" { source = "${input.data.path}/../x" }
-- flake.hcl --
input "data" {
  url   = "path:./data"
  flake = false
}
host "h" { modules = ["./h.hcl"] }
-- data/x.txt --
`)
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, err := f.Update(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	_, diags = Host(context.Background(), f, "h")
	var got []string
	for _, d := range diags {
		got = append(got, d.Detail)
	}
	match(t, "error", got, []string{"cannot read @data/none: no such file", "cannot open @data/../x: it lies outside"})
}

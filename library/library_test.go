package library_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/library"
)

// An option is documented where it is declared. One whose values go without
// saying needs no example.
func TestOptionsAreDocumented(t *testing.T) {
	for _, name := range library.Modules() {
		src, err := library.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
		if diags.HasErrors() {
			t.Errorf("%v", diags)
			continue
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			if b.Type != "option" {
				continue
			}
			attrs := b.Body.Attributes
			if attrs["description"] == nil {
				t.Errorf("%s: option %s has no description", b.DefRange(), b.Labels[0])
			}
			if attrs["type"] == nil {
				t.Errorf("%s: option %s has no type", b.DefRange(), b.Labels[0])
				continue
			}
			if typeOf := string(attrs["type"].Expr.Range().SliceBytes(src)); attrs["example"] == nil && !plain(typeOf) && !strings.HasPrefix(name, "resources/") {
				t.Errorf("%s: option %s of type %s has no example", b.DefRange(), b.Labels[0], typeOf)
			}
		}
	}
}

func plain(typeOf string) bool {
	return typeOf == "bool" || typeOf == "optional(bool)" || strings.HasPrefix(typeOf, "enum(")
}

// A module that nobody asks anything of does nothing, although it is loaded
// (language rule 21).
func TestModulesAreInert(t *testing.T) {
	lazy := evaluate(t, "")
	var all strings.Builder
	all.WriteString("locals { none = {} }\n")
	asked := map[string]bool{}
	for label := range library.Index() {
		// An empty map of entries also uses the module.
		before, _, below := strings.Cut(label, ".*")
		if asked[before] {
			continue
		}
		asked[before] = true
		value := "null"
		if below {
			value = "local.none"
		}
		keys := strings.Split(before, ".")
		text := fmt.Sprintf("%s = %s\n", keys[len(keys)-1], value)
		for _, group := range slices.Backward(keys[:len(keys)-1]) {
			text = fmt.Sprintf("%s {\n%s}\n", group, text)
		}
		all.WriteString("config {\n" + text + "}\n")
	}
	if eager := evaluate(t, all.String()); !bytes.Equal(lazy, eager) {
		t.Errorf("with every module loaded the spec is\n%s\nand without\n%s", eager, lazy)
	}
}

// Modules of the initrd reach a file, or an error says why they cannot.
func TestInitrdModulesSayWhoMakesIt(t *testing.T) {
	const modules = "boot {\n  initrd {\n    kernel_modules = [\"dummy\"]\n%s  }\n}\n"
	if _, diags := host(t, fmt.Sprintf(modules, "")); !strings.Contains(diags.Error(), "false is initramfs-tools") {
		t.Errorf("nobody is said to make the initrd: %v", diags)
	}
	for enable, path := range map[string]string{"true": "/etc/dracut.conf.d/50-hostctl.conf", "false": "/etc/initramfs-tools/modules"} {
		spec := evaluate(t, fmt.Sprintf(modules, "    systemd { enable = "+enable+" }\n"))
		if !bytes.Contains(spec, []byte(path)) || !bytes.Contains(spec, []byte("dummy")) {
			t.Errorf("systemd.enable = %s: no %s in\n%s", enable, path, spec)
		}
	}
}

// evaluate is the spec of a host that one module describes.
func evaluate(t *testing.T, module string) []byte {
	t.Helper()
	r, diags := host(t, module)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	b, err := r.Spec.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// host is what a host comes to that one module describes.
func host(t *testing.T, module string) (*eval.Result, hcl.Diagnostics) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"flake.hcl": "host \"h\" {\n  modules = [\"./m.hcl\"]\n}\n",
		"m.hcl":     module,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, diags := flake.Load(dir)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return eval.Host(context.Background(), f, "h")
}

// The configuration at the top of this repository is valid; its only warning is
// that it contains no public key.
func TestReferenceConfiguration(t *testing.T) {
	f, diags := flake.Load("..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, host := range f.Hosts() {
		_, diags := eval.Host(context.Background(), f, host)
		for _, d := range diags {
			if d.Severity == hcl.DiagError || !strings.Contains(d.Summary, "ssh_login") {
				t.Errorf("%s: %v", host, d)
			}
		}
	}
}

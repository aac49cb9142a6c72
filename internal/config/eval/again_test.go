package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/config/meter"
)

// editable is a flake of one host whose module is m.hcl.
func editable(t *testing.T) (read func(module string) *flake.Flake) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"flake.hcl": "input \"debian\" { url = \"debian:trixie\" }\nhost \"one\" { modules = [\"./m.hcl\"] }\n", "m.hcl": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(module string) *flake.Flake {
		f, diags := flake.LoadUnsaved(dir, map[string][]byte{filepath.Join(dir, "m.hcl"): []byte(module)})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return f
	}
}

// A fleet that is made again sees what was edited, in files and in flake.hcl,
// and a host that is only loaded evaluates what it is asked.
func TestAgain(t *testing.T) {
	read := editable(t)
	fleet := NewFleet(read("user \"a\" { uid = 1000 }\n"))
	for n := range 3 {
		uid := fmt.Sprint(1000 + n)
		if n > 0 {
			fleet = fleet.Again(read("user \"a\" { uid = " + uid + " }\n"))
		}
		loaded := fleet.Load(t.Context(), "one")
		if x, diags := loaded.Explain("user.a.uid"); diags.HasErrors() || x.Value != uid {
			t.Errorf("loaded: %+v, %v, want %s", x, diags, uid)
		}
		r, diags := fleet.Host(t.Context(), "one")
		if diags.HasErrors() || r.Spec.Users["a"].UID == nil || fmt.Sprint(*r.Spec.Users["a"].UID) != uid {
			t.Errorf("evaluated: %+v, %v, want uid %s", r.Spec.Users, diags, uid)
		}
	}
	_, diags := fleet.Again(read("user \"a\" {\n")).Host(t.Context(), "one")
	if !diags.HasErrors() {
		t.Error("the text that does not parse has no error")
	}
}

// An evaluation ends when its context does.
func TestInterruptible(t *testing.T) {
	read := editable(t)
	long := "locals {\n  a = range(1000)\n  b = length([for x in local.a : [for y in local.a : \"${x}${y}\"]])\n}\nfile \"/etc/x\" { content = tostring(local.b) }\n"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := time.Now()
	_, diags := NewFleet(read(long)).Host(meter.Interruptible(ctx), "one")
	if !strings.Contains(diags.Error(), "Interrupted") {
		t.Errorf("after %s it says %v", time.Since(begun), diags)
	}
}

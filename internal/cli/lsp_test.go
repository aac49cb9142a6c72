package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLSPWithNeovim is the session of a real editor: typo, mended, completion,
// hover, definition, formatting, end.
func TestLSPWithNeovim(t *testing.T) {
	nvim, err := exec.LookPath("nvim")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("nvim is not installed; Debian's package is neovim")
		}
		t.Skip("nvim is not installed; Debian's package is neovim")
	}
	script, err := filepath.Abs("testdata/lsp.lua")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"flake.hcl": "input \"debian\" { url = \"debian:trixie\" }\nhost \"one\" { modules = [\"./hosts/one.hcl\"] }\n",
		"hosts/one.hcl": "# one\nservices {\n  openssh { enalbe = true }\n}\n" +
			"warn \"ä😀\" {\n  condition = \"ä😀\" != \"\" || config.services.openssh.enable\n  message   = \"off\"\n}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, nvim, "--clean", "--headless", "-c", "luafile "+script)
	cmd.Dir = dir
	// Its own folders, so that nobody's configuration or log is touched.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir(), "HOSTCTL_CACHE="+filepath.Join(dir, ".cache"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("nvim: %v\n%s", err, out.String())
	}
	for _, want := range []string{
		`diagnostic 2:12-18 Unknown option. There is no option "enalbe" below services.openssh. Did you mean "enable"?`,
		"mended",
		"completion openssh: group of options",
		"hover **services.openssh.enable** `bool`",
		"definition library/services/openssh.hcl:",
		`declared as option "services.openssh.enable" {`,
		"formatted  openssh { enable = true }",
		"stopped",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the session lacks %q:\n%s", want, out.String())
		}
	}
}

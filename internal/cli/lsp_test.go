package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLSPWithNeovim is the session of a real editor: typo, mended, completion,
// hover, definition, formatting, references, rename, end. It is set up by the
// lines of docs/editors.md.
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
	cmd := exec.CommandContext(ctx, nvim, "-u", neovimLines(t, nvim), "-i", "NONE", "-n", "--headless", "-c", "luafile "+script)
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
		"references 2",
		"renamed  ours = 1  more = local.ours",
		"stopped",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the session lacks %q:\n%s", want, out.String())
		}
	}
}

// neovimLines is a file of the lines that docs/editors.md has for this Neovim:
// the first block is for 0.11 and newer, the second for those from 0.8 on. For
// one before it is empty, and the script starts the server itself.
func neovimLines(t *testing.T, nvim string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/editors.md")
	if err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(nvim, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	var minor int
	if _, err := fmt.Sscanf(string(said), "NVIM v0.%d", &minor); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	blocks := strings.Split(string(page), "```lua\n")
	if len(blocks) != 3 {
		t.Fatalf("docs/editors.md has %d blocks of Lua, want 2", len(blocks)-1)
	}
	block := blocks[1]
	if minor < 11 {
		block = blocks[2]
	}
	lines, _, _ := strings.Cut(block, "```")
	if minor < 8 {
		lines = ""
	}
	path := filepath.Join(t.TempDir(), "init.lua")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

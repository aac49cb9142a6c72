package library_test

import (
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/eval"
	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/spec"
)

var update = flag.Bool("update", false, "write the golden files, to be read before they are committed")

// reference evaluates one host of the configuration at the top of this
// repository.
func reference(t *testing.T, host string) *eval.Result {
	t.Helper()
	f, diags := flake.Load("..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r, diags := eval.Host(context.Background(), f, host)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return r
}

// Every host takes the home modules that it should, and each module is taken.
func TestHomeModules(t *testing.T) {
	dirs, err := filepath.Glob("../home/*/default.hcl")
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	var all []string
	for _, d := range dirs {
		all = append(all, filepath.Base(filepath.Dir(d)))
	}
	for host, want := range map[string][]string{
		"fw16-nix": all, "ll-nix1": all, "desktop-nix": all, "server-nix": {"bottom", "git", "gpg", "zsh"},
	} {
		var got []string
		for name := range reference(t, host).Files {
			if dir, file := path.Split(name); file == "default.hcl" && strings.HasPrefix(dir, "home/") && strings.Count(dir, "/") == 2 {
				got = append(got, path.Base(dir))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s takes %q, want %q", host, got, want)
		}
	}
}

// What is in a home belongs to args.user, whatever the name is.
func TestHomeNamesNobody(t *testing.T) {
	err := filepath.WalkDir("../home", func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if strings.Contains(string(b), "/home/") {
			t.Errorf("%s names a home outright", p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// content is the text of a file of the spec, wherever its bytes are.
func content(t *testing.T, h *spec.Host, name string) string {
	t.Helper()
	f, ok := h.Files[name]
	if !ok {
		t.Fatalf("%s has no %s", h.Name, name)
	}
	blob, ok := h.Blobs[f.Digest]
	if !ok {
		return f.Content
	}
	b, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The files that the modules write, as they are read by the programs.
func TestHomeFiles(t *testing.T) {
	h := reference(t, "fw16-nix").Spec
	for golden, name := range map[string]string{
		"bottom.toml":      "/home/psiri/.config/bottom/bottom.toml",
		"chromium.json":    "/etc/chromium/policies/managed/hostctl.json",
		"dconf.ini":        "/home/psiri/.config/hostctl/dconf.ini",
		"dunstrc":          "/home/psiri/.config/dunst/dunstrc",
		"fonts.conf":       "/etc/fonts/conf.d/52-hostctl.conf",
		"firefox.json":     "/etc/firefox/policies/policies.json",
		"fuzzel.ini":       "/home/psiri/.config/fuzzel/fuzzel.ini",
		"gitconfig":        "/home/psiri/.config/git/config",
		"gtk.css":          "/home/psiri/.config/gtk-3.0/gtk.css",
		"gtk-settings.ini": "/home/psiri/.config/gtk-3.0/settings.ini",
		"hyprland.conf":    "/home/psiri/.config/hypr/hyprland.conf",
		"hyprlock.conf":    "/home/psiri/.config/hypr/hyprlock.conf",
		"joplin.json":      "/home/psiri/.config/joplin-desktop/settings.json",
		"kitty.conf":       "/home/psiri/.config/kitty/kitty.conf",
		"per-device.conf":  "/home/psiri/.config/hypr/per-device.conf",
		"session.sh":       "/home/psiri/.config/hostctl/session.sh",
		"settings.json":    "/home/psiri/.config/VSCodium/User/settings.json",
		"user-dirs.dirs":   "/home/psiri/.config/user-dirs.dirs",
		"waybar.css":       "/home/psiri/.config/waybar/style.css",
		"zlogin":           "/home/psiri/.zlogin",
		"zshrc":            "/home/psiri/.zshrc",
		"etc-zshrc":        "/etc/zsh/zshrc",
	} {
		got, golden := content(t, h, name), filepath.Join("testdata", "home", golden)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s\nand %s\n%s", name, got, golden, want)
		}
	}
}

// The numbers that the original has: 19 policies of Firefox, 90 of Chromium
// which Brave takes as well, 153 settings of the editor, 26 of kitty.
func TestHomeCounts(t *testing.T) {
	h := reference(t, "fw16-nix").Spec
	var firefox struct{ Policies map[string]any }
	var chromium, settings map[string]any
	for name, into := range map[string]any{
		"/etc/firefox/policies/policies.json":             &firefox,
		"/etc/chromium/policies/managed/hostctl.json":     &chromium,
		"/home/psiri/.config/VSCodium/User/settings.json": &settings,
	} {
		if err := json.Unmarshal([]byte(content(t, h, name)), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	bools := map[any]int{}
	for v := range maps.Values(chromium) {
		if b, ok := v.(bool); ok {
			bools[b]++
		}
	}
	kitty := strings.Count(content(t, h, "/home/psiri/.config/kitty/kitty.conf"), "\n")
	got := []int{len(firefox.Policies), len(chromium), bools[true], bools[false], leaves(settings), kitty}
	if want := []int{19, 90, 25, 34, 153, 26}; !slices.Equal(got, want) {
		t.Errorf("policies of Firefox, of Chromium, those true and false, settings of the editor, of kitty: %d, want %d", got, want)
	}
	if brave := content(t, h, "/etc/brave/policies/managed/hostctl.json"); brave != content(t, h, "/etc/chromium/policies/managed/hostctl.json") {
		t.Error("Brave's policies are not Chromium's")
	}
}

func leaves(v any) int {
	m, ok := v.(map[string]any)
	if !ok {
		return 1
	}
	n := 0
	for _, e := range m {
		n += leaves(e)
	}
	return n
}

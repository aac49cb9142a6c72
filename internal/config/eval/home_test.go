package eval

import (
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/spec"
)

// A home whose programs are on and say nothing else: what is empty is not
// written, what has defaults is, and all of it belongs to the user.
func TestHomeOfDefaults(t *testing.T) {
	r := mustEval(t, writeFlake(t, `
user "u" { group = "staff" }
home "u" {
  programs {
    git { enable = true }
    kitty { enable = true }
    vscode { enable = true }
    zsh { enable = true }
  }
  gtk { enable = true }
  xdg {
    enable = true
    user_dirs { enable = true }
  }
}`))
	for name, want := range map[string]string{
		".config/git/config":                    "",
		".config/kitty/kitty.conf":              "",
		".config/VSCodium/User/settings.json":   "{\n\n}\n",
		".zshrc":                                "HISTFILE=\"$HOME/.zsh_history\"\n",
		".config/gtk-3.0/settings.ini":          "gtk-theme-name=Adwaita\n",
		".config/hostctl/session.sh":            "export XDG_CACHE_HOME=\"$HOME/.cache\"\n",
		".config/user-dirs.dirs":                "XDG_MUSIC_DIR=\"$HOME/Music\"\n",
		".config/environment.d/50-hostctl.conf": "XDG_STATE_HOME=\"$HOME/.local/state\"\n",
	} {
		f, ok := r.Spec.Files["/home/u/"+name]
		if !ok || !strings.Contains(f.Content, want) || f.Owner != "u" || f.Group != "staff" {
			t.Errorf("%s is %+v, want a file of u and staff that holds %q", name, f, want)
		}
	}
	if f := r.Spec.Files["/home/u/Pictures"]; f.Type != spec.Directory || f.Owner != "u" {
		t.Errorf("Pictures is %+v", f)
	}
	for _, name := range []string{".zshenv", ".zlogin", ".config/kitty/startup.session", ".config/VSCodium/User/keybindings.json", ".config/hostctl/dconf.ini"} {
		if f, ok := r.Spec.Files["/home/u/"+name]; ok {
			t.Errorf("%s is written although nothing is in it: %+v", name, f)
		}
	}
}

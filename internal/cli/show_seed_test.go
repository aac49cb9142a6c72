package cli

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hostctl/hostctl/internal/config/flake"
	"github.com/hostctl/hostctl/internal/render"
)

// seedHost is a row of the hosts table in the README of the repository that
// ours re-creates.
type seedHost struct {
	name                              string
	disks, secrets, persistence, home bool
	template, hardware                string
}

// seedRow is a row of its table of applications. Where the code behind that
// README, or Debian, makes a cell another one, the cell is what it is here
// and why says so.
type seedRow struct {
	function, apps, templates, hosts string
	why                              string
}

const (
	workstations = "fw16-nix, ll-nix1, desktop-nix"
	everywhere   = workstations + ", server-nix"
	// The README leaves the template of most rows blank, and its code brings
	// them through the template standard.
	blank = "template blank there; the template imports the module"
)

func seedHosts() []seedHost {
	return []seedHost{
		{"fw16-nix", true, true, false, true, "standard", "Framework Laptop 16 (AMD, iGPU-only)"},
		{"ll-nix1", true, true, true, true, "standard", "Dell Latitude (Intel, iGPU-only)"},
		{"desktop-nix", true, true, true, true, "standard", "AMD Ryzen + AMD dGPU (custom build)"},
		{"server-nix", false, true, false, true, "server", "Intended for VMs (KVM, AWS, GCP, etc)"},
	}
}

func seedRows() []seedRow {
	return []seedRow{
		{"Application Launcher", "fuzzel, ulauncher*", "standard", workstations, blank + "; fuzzel stands in, since Debian has no ulauncher"},
		{"Archive Manager", "File-Roller", "standard", workstations, blank},
		{"Audio", "Pipewire, wireplumber", "standard", workstations, ""},
		{"Automation & IaC", "Ansible, Terraform*", "standard, server", everywhere, "template blank there; both templates list them"},
		{"Browser", "Brave*, Chromium, Firefox", "standard", workstations, "Brave is in the code; the server's Firefox is left out here, for want of a screen"},
		{"Collaboration Tools", "Slack*, Zoom*", "standard", workstations, ""},
		{"Compositor", "Hyprland", "standard", workstations, blank},
		{"CSP Tools", "AWS CLI (v2), google-cloud-sdk*, SSM Session Manager plugin*", "standard, server", everywhere, ""},
		{"Display Server", "Wayland", "standard", workstations, blank},
		{"File Manager", "Thunar", "standard", workstations, blank},
		{"IDE", "Codium (VS Code OSS)*", "standard", workstations, blank},
		{"Idle Daemon", "hypridle", "standard", workstations, blank},
		{"Media Player", "spotify*, vlc", "standard", workstations, ""},
		{"Network Tools", "dig, dnsutils, iputils, mtr, netcat, nmap, ntp, wireshark", "standard, server", everywhere, "the code's server template lists them as well"},
		{"Notes", "joplin-desktop*", "standard", workstations, ""},
		{"Notifications", "dunst", "standard", workstations, blank},
		{"Screen Lock", "hyprlock", "standard", workstations, blank},
		{"Screen Recording", "OBS Studio", "standard", workstations, blank},
		{"Screenshots", "grim, slurp", "standard", workstations, ""},
		{"Session Management", "wlogout", "standard", workstations, blank},
		{"Shell", "zsh", "standard", everywhere, blank + "; server-nix imports it by itself"},
		{"Status Bar", "Waybar", "standard", workstations, blank},
		{"System Monitor", "bottom, btop, htop", "standard, server", everywhere, "template blank there; btop is what bashtop became"},
		{"Terminal", "Kitty", "standard", workstations, blank},
		{"Text Editor", "nano", "standard, server", everywhere, "template blank there; both templates list it"},
		{"Virtualization", "KVM, QEMU, virt-manager", "standard, server", everywhere, "vert-manager is a slip of the pen"},
		{"Window Manager", "Hyprland", "standard", workstations, ""},
	}
}

// The tables of hostctl show agree with those of the repository that the
// reference configuration re-creates, row by row; * is what Debian lacks.
func TestShowAgreesWithTheSeed(t *testing.T) {
	f, diags := flake.Load("../..")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	s, diags, err := outline(context.Background(), f)
	if diags.HasErrors() || err != nil {
		t.Fatal(diags, err)
	}
	page, err := os.ReadFile("../../docs/reference-configuration.md")
	var tables bytes.Buffer
	if err == nil {
		err = render.ShowMarkdown(&tables, s)
	}
	if err != nil || !strings.Contains(string(page), showBegins+"\n\n"+tables.String()) {
		t.Errorf("docs/reference-configuration.md does not show what is (run 'make docs'): %v", err)
	}
	var hosts []seedHost
	for _, h := range s.Hosts {
		hosts = append(hosts, seedHost{h.Name, h.Disks, h.Secrets, h.Persistence, h.Home, h.Template, h.Hardware})
	}
	if want := seedHosts(); !slices.Equal(hosts, want) {
		t.Errorf("the hosts are\n%+v, want\n%+v", hosts, want)
	}
	want := seedRows()
	if len(s.Applications) != len(want) {
		t.Errorf("there are %d rows of applications, want %d", len(s.Applications), len(want))
	}
	for i, row := range s.Applications {
		var apps []string
		for _, a := range row.Apps {
			name := a.Name
			if len(a.Missing) > 0 {
				name += "*"
			}
			apps = append(apps, name)
		}
		got := seedRow{row.Function, strings.Join(apps, ", "), strings.Join(row.Templates, ", "), strings.Join(row.Hosts, ", "), ""}
		if i < len(want) {
			expected := want[i]
			expected.why = ""
			if got != expected {
				t.Errorf("the row is\n%+v, want\n%+v", got, expected)
			}
		}
	}
}

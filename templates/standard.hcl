# What machines with a screen have beside modules/base.
imports = [
  "../modules/applications",
  "../modules/audio",
  "../modules/base",
  "../modules/console",
  "../modules/virt",
  "../home",
  "../home/bottom", "../home/brave", "../home/chromium", "../home/clients", "../home/dunst", "../home/firefox", "../home/git",
  "../home/gpg", "../home/gtk", "../home/hypr", "../home/joplin", "../home/kitty", "../home/obs-studio", "../home/thunar",
  "../home/virt-manager", "../home/vscode", "../home/waybar", "../home/wlogout", "../home/zsh",
]

networking {
  networkmanager {
    enable      = true
    wait_online = false
  }
}

services {
  hardware {
    bolt { enable = true }
  }
}

security {
  sudo { extra_config = "Defaults lecture = never\n" } # a root that forgets would be lectured each time
}

fonts {
  packages = ["fonts-firacode", "fonts-hack", "fonts-materialdesignicons-webfont"]
  # The first is not in Debian: it is used where somebody has installed it.
  fontconfig { default_fonts = { monospace = ["Hack Nerd Font Mono", "Hack"] } }
}

programs {
  wireshark { package = "wireshark" }
}

environment {
  session_variables = { ELECTRON_OZONE_PLATFORM_HINT = "auto" }
  packages = [
    "azure-cli",
    "network-manager-openconnect", "network-manager-openconnect-gnome", "openconnect",
    "golang-go", "python3-botocore", "python3-docker", "python3-jq", "python3-requests",
    "usbutils",
    # the desktop
    "file-roller", "flameshot", "gimp", "remmina", "seahorse", "vlc",
  ]
}

application "File-Roller" { function = "Archive Manager" }
application "Slack" {
  function = "Collaboration Tools"
  missing  = "in Slack's own package repository; Debian's package slack is something else"
}
application "Zoom" {
  function = "Collaboration Tools"
  missing  = "a single .deb of Zoom, not in Debian"
}
application "spotify" {
  function = "Media Player"
  missing  = "in Spotify's own package repository, not in Debian"
}
application "vlc" { function = "Media Player" }

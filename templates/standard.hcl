# What every machine with a screen has.
imports = [
  "../modules/applications",
  "../modules/audio",
  "../modules/console",
  "../modules/virt",
  "../home",
  "../home/bottom", "../home/brave", "../home/chromium", "../home/clients", "../home/dunst", "../home/firefox", "../home/git",
  "../home/gpg", "../home/gtk", "../home/hypr", "../home/joplin", "../home/kitty", "../home/obs-studio", "../home/thunar",
  "../home/virt-manager", "../home/vscode", "../home/waybar", "../home/wlogout", "../home/zsh",
]

time { time_zone = "America/New_York" }

i18n {
  default_locale = "en_US.UTF-8"
}

networking {
  firewall { enable = true }
  networkmanager {
    enable      = true
    wait_online = false
  }
}

services {
  ntp { enable = true }
  hardware {
    bolt { enable = true }
  }
}

security {
  sudo {
    enable       = true
    extra_config = "Defaults lecture = never\n" # a root that forgets would be lectured each time
  }
}

users { default_shell = "zsh" }

user {
  name                 = args.user
  shell                = "zsh"
  groups               = ["sudo", "netdev", "docker", "plugdev"]
  hashed_password_file = config.secret.user_password_hashed.path
  authorized_keys      = args.authorized_keys
}

fonts {
  packages = ["fonts-firacode", "fonts-hack", "fonts-materialdesignicons-webfont"]
  # The first is not in Debian: it is used where somebody has installed it.
  fontconfig { default_fonts = { monospace = ["Hack Nerd Font Mono", "Hack"] } }
}

programs {
  htop { enable = true }
  mtr { enable = true }
  wireshark {
    enable  = true
    package = "wireshark"
  }
}

environment {
  session_variables = {
    EDITOR                       = "nano"
    ELECTRON_OZONE_PLATFORM_HINT = "auto"
  }
  packages = [
    # automation
    "ansible",
    # clouds
    "awscli", "azure-cli",
    # network
    "bind9-dnsutils", "cifs-utils", "curl", "iputils-arping", "iputils-clockdiff", "iputils-ping", "iputils-tracepath",
    "netcat-openbsd", "network-manager-openconnect", "network-manager-openconnect-gnome", "nmap", "openconnect", "openssl", "wget",
    # Python, as the system's own packages: pip refuses to touch these
    "python3", "python3-boto3", "python3-botocore", "python3-docker", "python3-jq", "python3-pip", "python3-requests", "python3-xmltodict",
    # looking at the system
    "btop", "fastfetch", "lshw", "strace", "usbutils",
    # the desktop
    "file-roller", "flameshot", "gimp", "remmina", "seahorse", "vlc",
    # the rest
    "age", "git", "golang-go", "jq", "libsecret-tools", "nano", "tar", "tree", "unzip",
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

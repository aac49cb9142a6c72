# What every machine with a screen has.
imports = [
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
}

services {
  ntp { enable = true }
}

security {
  sudo { enable = true }
}

users { default_shell = "zsh" }

user {
  name                 = args.user
  shell                = "zsh"
  groups               = ["sudo", "netdev", "docker", "plugdev"]
  hashed_password_file = config.secret.user_password_hashed.path
  authorized_keys      = args.authorized_keys
}

# Nothing waits for the network at boot.
unit "NetworkManager-wait-online.service" { enabled = force(false) }

programs {
  htop { enable = true }
  mtr { enable = true }
  wireshark {
    enable  = true
    package = "wireshark"
  }
}

environment {
  session_variables = { EDITOR = "nano" }
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

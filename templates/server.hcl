# What every server has.
imports = [
  "../modules/audio/disable.hcl",
  "../modules/console",
  "../modules/virt",
  "../home",
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
  openssh {
    enable        = true
    open_firewall = true
    settings      = { PermitRootLogin = "no", PasswordAuthentication = false }
  }
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

programs {
  htop { enable = true }
  mtr { enable = true }
  wireshark { enable = true }
}

environment {
  session_variables = { EDITOR = "nano" }
  packages = [
    # automation
    "ansible",
    # clouds
    "awscli",
    # network
    "bind9-dnsutils", "cifs-utils", "curl", "iputils-arping", "iputils-clockdiff", "iputils-ping", "iputils-tracepath",
    "netcat-openbsd", "nmap", "openssl", "wget",
    # Python, as the system's own packages: pip refuses to touch these
    "python3", "python3-boto3", "python3-pip", "python3-xmltodict",
    # looking at the system
    "btop", "fastfetch", "lshw", "strace",
    # the rest
    "age", "git", "jq", "libsecret-tools", "nano", "tar", "tree", "unzip",
  ]
}

application "dig" { function = "Network Tools" }
application "dnsutils" { function = "Network Tools" }
application "iputils" { function = "Network Tools" }
application "mtr" { function = "Network Tools" }
application "netcat" { function = "Network Tools" }
application "nmap" { function = "Network Tools" }
application "ntp" { function = "Network Tools" }
application "wireshark" { function = "Network Tools" }
application "Ansible" { function = "Automation & IaC" }
application "Terraform" {
  function = "Automation & IaC"
  missing  = "in HashiCorp's own package repository (BUSL licence), not in Debian"
}
application "AWS CLI (v2)" { function = "CSP Tools" }
application "google-cloud-sdk" {
  function = "CSP Tools"
  missing  = "in Google's own package repository, not in Debian"
}
application "SSM Session Manager plugin" {
  function = "CSP Tools"
  missing  = "a single .deb of AWS, not in Debian"
}
application "btop" { function = "System Monitor" } # bashtop, whose author wrote it anew
application "htop" { function = "System Monitor" }
application "nano" { function = "Text Editor" }

# What every machine has, with a screen or without: both templates import it.
time { time_zone = "America/New_York" }

i18n {
  default_locale = "en_US.UTF-8"
}

networking {
  host_name = host.name
  firewall { enable = true }
}

services {
  ntp { enable = true }
}

security {
  sudo { enable = true }
}

secrets {
  default_file = "../../secrets/secrets.yaml"
}

secret "user_password_hashed" { needed_for_users = true }

# Shows that secrets arrive: sudo -u USER cat /run/secrets/hello_world
secret "hello_world" { owner = args.user }

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
  shell_aliases     = { rebuild = "sudo hostctl switch --flake /etc/hostctl --host ${host.name}" }
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

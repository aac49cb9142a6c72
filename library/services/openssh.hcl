# The SSH server. Debian's sshd_config includes sshd_config.d first, and the
# first value of a key wins (sshd_config(5)).

option "services.openssh.enable" {
  type        = bool
  default     = false
  description = "Whether the SSH server runs."
}

option "services.openssh.ports" {
  type        = set(port)
  default     = [22]
  description = "Ports that the server listens on."
  example     = [2222]
}

option "services.openssh.open_firewall" {
  type        = bool
  default     = true
  description = "Whether to open its ports in the firewall."
}

option "services.openssh.settings" {
  type = map(any)
  default = {
    PasswordAuthentication       = false
    KbdInteractiveAuthentication = false
    X11Forwarding                = false
    AuthorizedKeysFile           = "/etc/ssh/authorized_keys.d/%u .ssh/authorized_keys"
  }
  description = "Settings of sshd_config(5); a list repeats its key."
  example     = { PermitRootLogin = "no", AllowUsers = "deploy" }
}

option "services.openssh.match.*.order" {
  type        = number
  default     = 100
  description = "The order of the Match blocks, lowest number first. For each key, the first block that matches and sets it wins."
  example     = 10
}

option "services.openssh.match.*.settings" {
  type        = map(any)
  default     = {}
  description = "Settings for connections that match. The entry's name is the condition, in the syntax of sshd_config(5)."
  example     = { PasswordAuthentication = true }
}

locals {
  matches = [for key in sort([for name, m in config.services.openssh.match : "${format("%06d", m.order)} ${name}"]) : substr(key, 7, -1)]
}

config {
  when     = config.services.openssh.enable
  packages = ["openssh-server"]

  file "/etc/ssh/sshd_config.d/10-hostctl.conf" {
    content = join("", concat(
      [keyvalue(merge({ Port = config.services.openssh.ports }, config.services.openssh.settings))],
      [for name in local.matches : "Match ${name}\n${keyvalue(config.services.openssh.match[name].settings)}"],
      length(local.matches) > 0 ? ["Match all\n"] : [],
    ))
    # sshd needs a folder that its unit creates at start.
    check = ["sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -t"]
  }

  unit "ssh.service" {
    enabled         = true
    reload_triggers = ["/etc/ssh/sshd_config.d/10-hostctl.conf"]
  }

  networking {
    firewall { allowed_tcp_ports = config.services.openssh.open_firewall ? config.services.openssh.ports : [] }
  }
}

locals {
  # The settings for all connections and for some: somebody may connect by either.
  told = concat([config.services.openssh.settings], [for m in values(config.services.openssh.match) : m.settings])

  # What opens an account without a password: keys, and the settings that find them.
  keyed = concat(
    flatten([for name, u in config.user : u.authorized_keys if !u.absent]),
    [for path in keys(config.file) : path if endswith(path, "/.ssh/authorized_keys") || startswith(path, "/etc/ssh/authorized_keys.d/")],
    flatten([for t in local.told : [for key in keys(t) : key if contains(["AuthorizedKeysCommand", "TrustedUserCAKeys"], key)]]),
  )
  keys_off = contains([false, "no"], lookup(config.services.openssh.settings, "PubkeyAuthentication", true)) && !anytrue([for t in local.told : contains([true, "yes"], lookup(t, "PubkeyAuthentication", false))])
  # The logins that need no keys.
  keyless = flatten([for t in local.told : [for way in ["Password", "KbdInteractive", "GSSAPI", "Hostbased"] : way if contains([true, "yes"], lookup(t, "${way}Authentication", false))]])
}

warn "ssh_login" {
  when      = config.services.openssh.enable && contains([false, "no"], lookup(config.services.openssh.settings, "PasswordAuthentication", true))
  condition = length(local.keyless) > 0 || length(local.keyed) > 0 && !local.keys_off
  message   = "Nobody can log in over SSH with this configuration: passwords are off and ${local.keys_off ? "so are keys: settings has PubkeyAuthentication" : "no user has authorized_keys"}."
}

# Tailscale. It is not in Debian: name an input that has it,
# package "tailscale" { from = input.NAME }.

option "services.tailscale.enable" {
  type        = bool
  default     = false
  description = "Whether the Tailscale daemon runs."
}

option "services.tailscale.port" {
  type        = port
  default     = 41641
  description = "The UDP port on which other nodes reach it."
  example     = 41642
}

option "services.tailscale.interface_name" {
  type        = string
  default     = "tailscale0"
  description = "The network interface that it creates."
  example     = "ts0"
  validation {
    condition     = can(regex("^[^/[:space:]]{1,15}$", value)) && !contains([".", ".."], value)
    error_message = "${value} is not an interface name: at most 15 characters, without slashes and blanks."
  }
}

option "services.tailscale.open_firewall" {
  type        = bool
  default     = false
  description = "Whether to open its port in the firewall."
}

option "services.tailscale.use_routing_features" {
  type        = enum("none", "client", "server", "both")
  default     = "none"
  description = "Whether the host uses exit nodes and subnet routers (client), is one (server), or both."
}

option "services.tailscale.auth_key_file" {
  type        = optional(secret_ref)
  description = "The path of a secret with the auth key. A node that is not logged in yet logs in with it."
  example     = "/run/secrets/tailscale_auth_key"
}

config {
  when     = config.services.tailscale.enable
  packages = ["tailscale"]

  file "/etc/default/tailscaled" {
    content = keyvalue({ PORT = config.services.tailscale.port, FLAGS = "--tun=${config.services.tailscale.interface_name}" }, { separator = "=", quote = true })
  }

  unit "tailscaled.service" {
    enabled          = true
    restart_triggers = ["/etc/default/tailscaled"]
  }

  networking {
    firewall { allowed_udp_ports = config.services.tailscale.open_firewall ? [config.services.tailscale.port] : [] }
  }
}

config {
  when   = config.services.tailscale.enable && contains(["server", "both"], config.services.tailscale.use_routing_features)
  sysctl = { "net.ipv4.ip_forward" = 1, "net.ipv6.conf.all.forwarding" = 1 }
}

unit "hostctl-tailscale-login.service" {
  when    = config.services.tailscale.enable && config.services.tailscale.auth_key_file != null
  enabled = true
  content = <<-EOT
    [Unit]
    Description=Log in to Tailscale where this node is not yet
    After=tailscaled.service
    Requires=tailscaled.service

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ExecCondition=/bin/sh -c '! tailscale status --peers=false'
    ExecStart=/usr/bin/tailscale up --auth-key file:${config.services.tailscale.auth_key_file}

    [Install]
    WantedBy=multi-user.target
  EOT
}

assert "tailscale_reverse_path" {
  condition = !config.services.tailscale.enable || !contains(["client", "both"], config.services.tailscale.use_routing_features) || alltrue([
    for key in ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter"] : lookup(config.sysctl, key, "2") != "1"
  ])
  message = "Strict reverse-path filtering drops packets that arrive over Tailscale's routes: sysctl net.ipv4.conf.all.rp_filter and net.ipv4.conf.default.rp_filter must be 2 (loose) if services.tailscale.use_routing_features is client or both."
}

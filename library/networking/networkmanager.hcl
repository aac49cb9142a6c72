# NetworkManager. It leaves alone the interfaces that /etc/network/interfaces
# names. To use it without sudo, a user must be in the group netdev.

option "networking.networkmanager.enable" {
  type        = bool
  default     = false
  description = "Whether NetworkManager configures the network."
}

option "networking.networkmanager.wait_online" {
  type        = optional(bool)
  description = "Whether the boot waits for the network."
}

option "networking.networkmanager.settings" {
  type        = map(map(any))
  default     = {}
  description = "Settings of NetworkManager.conf(5), by section."
  example     = { device = { "wifi.scan-rand-mac-address" = "yes" } }
}

option "networking.networkmanager.profile.*.content" {
  type        = string
  description = "A connection profile in the format of nm-settings-keyfile(5). It may contain secret placeholders anywhere."
  example     = "[connection]\nid=lan\ntype=ethernet\n"
}

locals {
  profiles = { for name, p in config.networking.networkmanager.profile : "/etc/NetworkManager/system-connections/${name}.nmconnection" => name }
}

config {
  when     = config.networking.networkmanager.enable
  packages = ["network-manager"]

  unit "NetworkManager.service" { enabled = true }

  unit "NetworkManager-wait-online.service" {
    when    = config.networking.networkmanager.wait_online != null
    enabled = config.networking.networkmanager.wait_online
  }
}

file "/etc/NetworkManager/conf.d/50-hostctl.conf" {
  when    = config.networking.networkmanager.enable && length(config.networking.networkmanager.settings) > 0
  content = ini(config.networking.networkmanager.settings, { separator = "=" })
}

unit "NetworkManager.service" {
  when            = config.networking.networkmanager.enable && length(config.networking.networkmanager.settings) > 0
  reload_triggers = ["/etc/NetworkManager/conf.d/50-hostctl.conf"]
}

# NetworkManager reads a profile only if root alone can access it.
file {
  for_each = config.networking.networkmanager.enable ? local.profiles : {}
  name     = each.key
  mode     = "0600"
  content  = config.networking.networkmanager.profile[each.value].content
}

unit "hostctl-networkmanager-profiles.service" {
  when             = config.networking.networkmanager.enable && length(local.profiles) > 0
  enabled          = true
  restart_triggers = keys(local.profiles)
  content          = <<-EOT
    [Unit]
    Description=Have NetworkManager read its profiles
    After=NetworkManager.service
    Requires=NetworkManager.service

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ExecStart=/usr/bin/nmcli connection reload

    [Install]
    WantedBy=multi-user.target
  EOT
}

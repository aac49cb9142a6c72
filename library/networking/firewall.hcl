# The packet filter: one table, inet hostctl, that hostctl owns. Docker and
# libvirt keep their own tables, so the rule set is never flushed. Debian's
# nftables.service does flush it, and stays off.

option "networking.firewall.enable" {
  type        = bool
  default     = false
  description = "Whether to drop incoming traffic that no rule allows. Replies, ICMP and loopback traffic are always allowed."
}

option "networking.firewall.allowed_tcp_ports" {
  type        = set(one_of(port, port_range))
  default     = []
  description = "TCP ports open on all interfaces."
  example     = [22, "1714-1764"]
}

option "networking.firewall.allowed_udp_ports" {
  type        = set(one_of(port, port_range))
  default     = []
  description = "UDP ports open on all interfaces."
  example     = [51820]
}

option "networking.firewall.interface.*.allowed_tcp_ports" {
  type        = set(one_of(port, port_range))
  default     = []
  description = "TCP ports open on this interface."
  example     = [53]
}

option "networking.firewall.interface.*.allowed_udp_ports" {
  type        = set(one_of(port, port_range))
  default     = []
  description = "UDP ports open on this interface."
  example     = [53, 67]
}

# The kernel's rule for names, less what would end a word of nft(8). A * at the
# end stands for every name that starts with the rest.
assert "firewall_interface" {
  for_each  = config.networking.firewall.interface
  condition = can(regex("^[^/:,;\"'\\\\{}$%*[:space:][:cntrl:]]{1,15}[*]?$", each.key)) && !contains([".", ".."], each.key)
  message   = "networking.firewall.interface: ${jsonencode(each.key)} is not an interface name: at most 15 characters, such as eth0 or br-lan; wl* stands for each that starts with wl."
}

locals {
  # Each set of open ports, and what else must match.
  open = concat(
    [
      { match = "tcp", ports = config.networking.firewall.allowed_tcp_ports },
      { match = "udp", ports = config.networking.firewall.allowed_udp_ports },
    ],
    flatten([for name, i in config.networking.firewall.interface : [
      { match = "iifname \"${name}\" tcp", ports = i.allowed_tcp_ports },
      { match = "iifname \"${name}\" udp", ports = i.allowed_udp_ports },
    ]]),
  )
  rules = [for o in local.open : "${o.match} dport { ${join(", ", [for p in o.ports : "${p}"])} } accept" if length(o.ports) > 0]
}

config {
  when     = config.networking.firewall.enable
  packages = ["nftables"]

  file "/etc/hostctl/firewall.nft" {
    check   = ["nft", "--check", "--file", "{path}"]
    content = <<-EOT
      # The first line makes the table where there is none, so that the second
      # one can delete it: the three are one transaction.
      table inet hostctl
      delete table inet hostctl
      table inet hostctl {
        chain input {
          type filter hook input priority filter; policy drop;
          iif "lo" accept
          ct state vmap { established : accept, related : accept, invalid : drop }
          icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
          icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
          ip6 daddr fe80::/64 udp dport 546 accept comment "DHCPv6: the question was multicast"
          ${join("\n    ", local.rules)}
        }
      }
    EOT
  }

  unit "nftables.service" { enabled = false }

  unit "hostctl-firewall.service" {
    enabled         = true
    reload_triggers = ["/etc/hostctl/firewall.nft"]
    content         = <<-EOT
      [Unit]
      Description=Packet filter
      DefaultDependencies=no
      Wants=network-pre.target
      Before=network-pre.target shutdown.target
      Conflicts=shutdown.target

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/usr/sbin/nft --file /etc/hostctl/firewall.nft
      ExecReload=/usr/sbin/nft --file /etc/hostctl/firewall.nft
      ExecStop=/usr/sbin/nft delete table inet hostctl

      [Install]
      WantedBy=sysinit.target
    EOT
  }
}

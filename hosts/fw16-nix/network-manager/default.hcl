# The laptop's connections. What is secret in them, addresses and names of
# networks included, comes from the sops file when the host activates.
locals {
  wireguard = ["private_key", "psk", "peer_public_key", "peer_address", "peer_port", "allowed_ips", "ip", "dns", "search_domains", "routes", "routes_full"]
  names = concat(
    flatten([for n in [1, 2] : [for part in local.wireguard : "wireguard_connection_${n}_${part}"]]),
    ["wired_connection_1_ip", "wired_connection_1_dns", "wired_connection_1_search_domains"],
    ["wireless_connection_1_ssid", "wireless_connection_1_password", "wireless_connection_2", "wireless_connection_hotspot"],
  )
  tunnels = {
    PRIMARY        = { n = 1, full = false }
    PRIMARY-FULL   = { n = 1, full = true }
    SECONDARY      = { n = 2, full = false }
    SECONDARY-FULL = { n = 2, full = true }
  }
}

secret {
  for_each = toset(local.names)
  file     = "../../../secrets/connections.yaml"
}

networking {
  networkmanager {
    profile {
      for_each = local.tunnels
      name     = "BBG-WIREGUARD-${each.key}"
      content = substitute(file("./wireguard.nmconnection"), {
        id              = "BBG-WIREGUARD-${each.key}"
        user            = args.user
        full            = each.value.full ? "1" : "0"
        never_default   = each.value.full ? "false" : "true"
        private_key     = config.secret["wireguard_connection_${each.value.n}_private_key"].placeholder
        psk             = config.secret["wireguard_connection_${each.value.n}_psk"].placeholder
        peer_public_key = config.secret["wireguard_connection_${each.value.n}_peer_public_key"].placeholder
        peer_address    = config.secret["wireguard_connection_${each.value.n}_peer_address"].placeholder
        peer_port       = config.secret["wireguard_connection_${each.value.n}_peer_port"].placeholder
        ip              = config.secret["wireguard_connection_${each.value.n}_ip"].placeholder
        dns             = config.secret["wireguard_connection_${each.value.n}_dns"].placeholder
        search_domains  = config.secret["wireguard_connection_${each.value.n}_search_domains"].placeholder
        allowed_ips     = each.value.full ? "0.0.0.0/0;" : config.secret["wireguard_connection_${each.value.n}_allowed_ips"].placeholder
        routes          = config.secret["wireguard_connection_${each.value.n}_routes${each.value.full ? "_full" : ""}"].placeholder
      })
    }

    profile "BBG-WIRED-1" {
      content = substitute(file("./wired.nmconnection"), {
        ip             = config.secret.wired_connection_1_ip.placeholder
        dns            = config.secret.wired_connection_1_dns.placeholder
        search_domains = config.secret.wired_connection_1_search_domains.placeholder
      })
    }

    profile "HOME-WIRELESS" {
      content = substitute(file("./wireless.nmconnection"), {
        ssid     = config.secret.wireless_connection_1_ssid.placeholder
        password = config.secret.wireless_connection_1_password.placeholder
      })
    }

    # These two are secrets as a whole.
    profile "WORK-1" { content = config.secret.wireless_connection_2.placeholder }
    profile "HOTSPOT" { content = config.secret.wireless_connection_hotspot.placeholder }
  }
}

# All traffic through a tunnel makes answers come from where the routing table
# would not send them: reverse-path filtering has to be loose.
sysctl = {
  "net.ipv4.conf.all.rp_filter"     = 2
  "net.ipv4.conf.default.rp_filter" = 2
}

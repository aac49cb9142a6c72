# IPv6.

option "networking.enable_ipv6" {
  type        = bool
  default     = true
  description = "Whether to enable IPv6."
}

config {
  when = !config.networking.enable_ipv6
  sysctl = {
    "net.ipv6.conf.all.disable_ipv6"     = 1
    "net.ipv6.conf.default.disable_ipv6" = 1
  }
}

# Scanners.

option "hardware.sane.enable" {
  type        = bool
  default     = false
  description = "Whether to install SANE. Members of the group scanner may use scanners."
}

option "hardware.sane.open_firewall" {
  type        = bool
  default     = false
  description = "Whether the firewall lets the answers of network scanners in (UDP 8612)."
}

config {
  when     = config.hardware.sane.enable
  packages = ["sane-utils"]
}

config {
  when = config.hardware.sane.open_firewall
  networking {
    firewall { allowed_udp_ports = [8612] }
  }
}

# Scanners.

option "hardware.sane.enable" {
  type        = bool
  default     = false
  description = "Whether scanners can be used, by members of the group scanner."
}

option "hardware.sane.open_firewall" {
  type        = bool
  default     = false
  description = "Whether network scanners may answer a search (UDP 8612)."
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

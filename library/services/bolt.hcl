# bolt, which authorises Thunderbolt devices. D-Bus starts it on demand.

option "services.hardware.bolt.enable" {
  type        = bool
  default     = false
  description = "Whether to install bolt, which authorises Thunderbolt devices."
}

config {
  when     = config.services.hardware.bolt.enable
  packages = ["bolt"]
}

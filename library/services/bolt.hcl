# bolt, which authorises Thunderbolt devices. D-Bus starts it when it is asked for.

option "services.hardware.bolt.enable" {
  type        = bool
  default     = false
  description = "Whether there is bolt, which authorises Thunderbolt devices."
}

config {
  when     = config.services.hardware.bolt.enable
  packages = ["bolt"]
}
